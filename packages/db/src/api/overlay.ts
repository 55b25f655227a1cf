// Batch transactions: an overlay of the rows that were read and written by key, which is committed only if no row it read
// has changed since.

import { deleteShape, getShape, putShape } from "../compile/shapes.js";
import type { Driver, RowChange, Values } from "../driver.js";
import { BoundTable } from "../calls/bound-table.js";
import type { Mark, Overlay } from "../calls/open-transaction.js";
import { Pool } from "../execute/pool.js";
import type { CallEvent } from "../execute/tracing.js";
import { always } from "../reference/condition.js";

interface LoadedRow {
  readonly real: BoundTable;
  readonly key: readonly unknown[];
  readonly before: Values | undefined;
}

/** @param memory  a driver that keeps rows in memory and answers at once */
export function openOverlay(pool: Pool, memory: Driver): Overlay {
  const { clock, log } = pool.options;
  const own = new Pool(pool.name, memory, { clock, log, isInternal: true });
  const tables = new Map<BoundTable, BoundTable>();
  const loaded = new Map<string, Promise<LoadedRow>>();
  const boundOf = (real: BoundTable): BoundTable => {
    const known = tables.get(real) ?? new BoundTable(own, real.table, real.hooks);
    tables.set(real, known);
    return known;
  };
  return {
    bound: boundOf,
    async load(real, key, trace) {
      const id = JSON.stringify([real.table.name, real.encodeKey(key).map(String)]);
      if (!loaded.has(id)) loaded.set(id, loadRow(real, boundOf(real), key, trace));
      await loaded.get(id);
    },
    async mark(): Promise<Mark> {
      const rows = await Promise.all(loaded.values());
      const then = rows.map(({ real, key }) => ({ overlay: boundOf(real), key, row: wholeRow(boundOf(real), key) }));
      const known = new Set(loaded.keys());
      return {
        keep: async () => undefined,
        async undo() {
          for (const { overlay, key, row } of then) restore(overlay, key, row);
          // Rows that were read since go back to what the store has.
          for (const [id, later] of loaded) {
            if (known.has(id)) continue;
            const { real, key, before } = await later;
            restore(boundOf(real), key, before === undefined ? undefined : real.decodeArray(before));
          }
        },
      };
    },
    async changes() {
      const rows = await Promise.all(loaded.values());
      return rows.map(({ real, key, before }): RowChange => {
        const after = wholeRow(boundOf(real), key);
        return { table: real.table, key: real.encodeKey(key), before, after: after === undefined ? undefined : real.encodeRow(after) };
      });
    },
    close: () => own.close(),
  };
}

async function loadRow(real: BoundTable, overlay: BoundTable, key: readonly unknown[], trace: CallEvent | undefined): Promise<LoadedRow> {
  const { table, pool } = real;
  const prepared = real.prepared("load", () => getShape(table, table.columns, true));
  const reply = await pool.send(prepared, real.encodeKey(key), { trace });
  const [stored] = reply.rows;
  if (stored === undefined) return { real, key, before: undefined };
  const logical = real.decodeArray(stored);
  restore(overlay, key, logical);
  return { real, key, before: real.encodeRow(logical) };
}

/** Makes a row of the overlay what it was; undefined: there was none. The memory driver answers at once. */
function restore(overlay: BoundTable, key: readonly unknown[], row: readonly unknown[] | undefined): void {
  const { table, pool } = overlay;
  if (row !== undefined)
    void pool.send(
      overlay.prepared("load put", () => putShape(table, "put")),
      overlay.encodeRow(row),
    );
  else if (wholeRow(overlay, key) !== undefined) {
    const prepared = overlay.prepared("load delete", () => deleteShape(table, always, { values: 0 }));
    void pool.send(prepared, overlay.encodeKey(key));
  }
}

function wholeRow(bound: BoundTable, key: readonly unknown[]): unknown[] | undefined {
  const { table, pool } = bound;
  const prepared = bound.prepared("load", () => getShape(table, table.columns, false));
  const reply = pool.send(prepared, bound.encodeKey(key));
  if (reply instanceof Promise) throw new Error("the memory driver answers at once");
  const [row] = reply.rows;
  return row === undefined ? undefined : bound.decodeArray(row);
}
