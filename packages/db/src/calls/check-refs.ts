// Whether the rows exist that a row refers to, where a write asks for it.

import { DbError, invalid } from "../errors.js";
import type { Change } from "../driver.js";
import { isPossibleKey } from "../normalize/row.js";
import { sameValue } from "../schema/compare.js";
import type { Column, Reference, Table } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import { readStored } from "./compare-and-set.js";
import type { CallContext } from "./context.js";
import { presenceOf } from "./visible.js";

/** A reference with the key that is written. */
export interface WrittenReference {
  readonly reference: Reference;
  readonly key: readonly unknown[];
}

/** What a row that is written whole refers to; `logical` by `column.index`. */
export function writtenReferences(table: Table, logical: readonly unknown[]): readonly WrittenReference[] {
  const valuesOf = (columns: readonly Column[]): unknown[] => columns.map((column) => logical[column.index] ?? null);
  const own = valuesOf(table.key);
  return table.references
    .map((reference) => ({ reference, key: valuesOf(reference.columns) }))
    .filter(({ reference, key }) => !(reference.table === table && own.every((value, i) => sameValue(table.key[i]!.kind)(value, key[i]))));
}

/**
 * What changes make a row refer to.
 *
 * @param key      of the row
 * @param creates  the row may be made
 * @throws DbError `invalid` where that depends on the row: a part of a reference is changed, or by another operation than `set`
 */
export function changedReferences(
  table: Table,
  changes: readonly Change[],
  values: readonly unknown[],
  key: readonly unknown[],
  creates: boolean,
): readonly WrittenReference[] {
  const written: WrittenReference[] = [];
  for (const reference of table.references) {
    const own = changes.filter(({ column }) => reference.columns.includes(column));
    // A key is written with a row that may be made.
    if (own.length === 0 && !(creates && reference.columns.every(({ isKey }) => isKey))) continue;
    const valueOf = (column: Column): unknown => {
      if (column.isKey) return key[table.key.indexOf(column)];
      const change = own.find((one) => one.column === column);
      if (change?.op !== "set" || change.slot === undefined) {
        const what = change === undefined ? "is left out" : `is changed by ${change.op}`;
        throw invalid(
          `checkRefs: ${column.name} ${what}, so that it is not known what the reference ${reference.name} is going to be; set all of ${names(reference)}`,
          { column: column.name },
        );
      }
      return values[change.slot] ?? null;
    };
    written.push({ reference, key: reference.columns.map(valueOf) });
  }
  return written;
}

/**
 * Makes sure that the rows exist, where a whole key is given. Inside an interactive transaction they are held until its end.
 *
 * @throws DbError `not-found`, naming the column
 */
async function checkReferences(context: CallContext, written: readonly WrittenReference[]): Promise<void> {
  // One after the other: those who hold rows hold them in one order.
  for (const { reference, key } of written) {
    if (key.includes(null)) continue;
    const { bound, context: own, load } = context.relate(reference.table.name, context);
    if (isPossibleKey(bound.rules, key)) {
      await bound.pool.ready();
      await load?.(key);
      const row = await readStored(bound, own, bound.encodeKey(key));
      if (presenceOf(bound, own, row) === "there") continue;
    }
    throw new DbError("not-found", `${names(reference)} must refer to a row of ${reference.table.name}, and there is none with this key`, {
      column: reference.columns[0]!.name,
      detail: { ref: reference.table.name, reference: reference.name },
    });
  }
}

/** The check of what is written, where there is anything to check. */
export function checkOf(context: CallContext, written: readonly WrittenReference[] | undefined): (() => Promise<void>) | undefined {
  return written === undefined || written.length === 0 ? undefined : () => checkReferences(context, written);
}

function names({ columns }: Reference): string {
  return columns.map(({ name }) => name).join(", ");
}

/** Runs the write of a row in its turn, after a check. */
export function inTurn<T>(
  bound: BoundTable,
  context: CallContext,
  key: Parameters<BoundTable["ordered"]>[1],
  check: (() => Promise<void>) | undefined,
  write: () => T | Promise<T>,
): T | Promise<T> {
  if (check === undefined) return bound.ordered(context, key, write);
  return bound.ordered(context, key, async () => {
    await check();
    return write();
  });
}
