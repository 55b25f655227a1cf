// Reads by key of tables whose rows are cached.

import type { Values } from "../driver.js";
import { kvCodec } from "../engines/kv/rows.js";
import { invalid } from "../errors.js";
import { parseSelect } from "../normalize/order.js";
import { hasExpired } from "../reference/expiry.js";
import { compileRowDecoder } from "../schema/encodings.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CachedRows } from "./cached-rows.js";
import type { CallContext } from "./context.js";
import type { KeyedReadOptions } from "./options.js";

/**
 * The cached rows that a call may read; undefined where it must ask the database: inside of a transaction, in a
 * scope with conditions, with what is read along, and where it asks for that.
 *
 * @throws DbError `invalid` for `{ cached: true }` on a table that does not have the setting: what others write there is not forgotten
 */
export function cachedRows(bound: BoundTable, context: CallContext, options: KeyedReadOptions | undefined): CachedRows | undefined {
  const { cached } = bound;
  const wish = options?.cached;
  if (wish === true && !isDeclared(bound))
    throw invalid("the option cached is for tables with the setting cached: the rows of others are not forgotten when they are written");
  if (cached === undefined) return undefined;
  // Within an overlay `cached` is undefined. A scope without conditions only leaves out columns, and rows that are marked as deleted.
  const isPlain = context.transaction === undefined && context.target === undefined && bound.scope?.narrows !== true;
  if (isPlain && (wish ?? cached.byDefault) && options?.consistent !== true && options?.include === undefined) return cached;
  if (context.target?.explains !== true) cached.countBypass(context);
  return undefined;
}

function isDeclared({ table }: BoundTable): boolean {
  const { cached } = table.settings;
  return cached !== undefined && cached !== false;
}

/** Rows by key (logical values), in the order asked; undefined for missing ones. */
export async function readCached(
  bound: BoundTable,
  cached: CachedRows,
  context: CallContext,
  keys: readonly (readonly unknown[])[],
  options: KeyedReadOptions | undefined,
): Promise<(Row | undefined)[]> {
  const { table } = bound;
  const { ttl } = table;
  const deletedAt = bound.scope?.deletedAt;
  const show = presenter(bound, options?.select);
  const isThere = (row: Values): boolean =>
    !(ttl !== undefined && hasExpired(row[ttl.index], context.now())) &&
    (deletedAt === undefined || (row[deletedAt.index] ?? null) === null);
  const found = await cached.read(keys, context);
  return found.map(({ row }) => (row !== null && isThere(row) ? show(row) : undefined));
}

function presenter(bound: BoundTable, select: readonly string[] | undefined): (row: Values) => Row {
  const { table, readable, defaultColumns } = bound;
  const selected = select === undefined ? (defaultColumns ?? table.columns) : parseSelect(readable, select);
  const names = select === undefined ? "" : selected.map(({ name }) => name).join(" ");
  return bound.kept(`cached ${names}`, () => compileRowDecoder(table, selected, kvCodec, { fetched: table.columns }));
}
