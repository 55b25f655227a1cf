import type { Values } from "../driver.js";
import type { Condition } from "../reference/condition.js";
import type { BoundTable } from "./bound-table.js";
import { deleteIfSame, readWhole } from "./compare-and-set.js";
import type { CallContext } from "./context.js";
import { deleteByFilter } from "./delete-all.js";
import { eachOf } from "./each-row.js";
import { fetchedBy, storedRows } from "./page.js";
import { plannedQuery } from "./query.js";
import { writeClaiming } from "./unique-claims.js";

/** Removes the rows of a table that have expired, where the engine does not by itself; gives how many. */
export async function sweepTable(bound: BoundTable, context: CallContext): Promise<number> {
  const { table, pool } = bound;
  const { ttl } = table;
  if (ttl === undefined || pool.capabilities.ttl) return 0;
  const { driver } = pool;
  if (driver.sweep !== undefined)
    return pool
      .request(
        { verb: "sweep", table },
        context,
        () => driver.sweep!(table, context.now()),
        (affected) => ({ affected }),
      )
      .catch((error: unknown) => {
        throw pool.error(error, { verb: "sweep", table });
      });
  const condition: Condition = { kind: "test", column: ttl, op: "le", slots: [0] };
  const values = [context.now()];
  const swept = await deleteByFilter(bound, context, condition, values);
  if (swept !== undefined) return swept.affected;
  // The rows are read as if none had expired, then each is deleted if it still is what was read.
  const always: CallContext = { ...context, now: () => Number.MIN_SAFE_INTEGER };
  const query = plannedQuery(bound, always, condition, values, { columns: [...table.key, ttl] });
  const columns = fetchedBy(query);
  const places = table.key.map((column) => columns.indexOf(column));
  let removed = 0;
  for await (const rows of storedRows(query, always)) {
    const keys = rows.map((row): Values => places.map((place) => row[place]!));
    removed += await eachOf(context, keys, async (key) => {
      const row = await readWhole(bound, always, key);
      const isExpired = row !== undefined && typeof row.values[ttl.index] === "number" && (row.values[ttl.index] as number) <= values[0]!;
      if (!isExpired) return { affected: 0 };
      const reply = await writeClaiming(bound, context, row, undefined, () => deleteIfSame(bound, context, key, row));
      return { affected: reply === undefined ? 0 : 1 };
    });
  }
  return removed;
}
