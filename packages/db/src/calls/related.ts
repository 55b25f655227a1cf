// What a filter asks of rows of other tables: a part of the command where the engine can, else two steps: the keys of those
// rows are read first, and asked for.

import { DbError } from "../errors.js";
import { canFilter } from "../plan/evaluates.js";
import { refuseScan } from "../plan/scan-rule.js";
import { unknownColumn } from "../normalize/row.js";
import { planSelect } from "../plan/select-plan.js";
import { valuesOf } from "../present/presenter.js";
import { allOf, anyOf, type Condition, hasRelated, isNever, never, type Related, testsOf } from "../reference/condition.js";
import type { Column } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext, RelatedTable } from "./context.js";
import type { SelectOptions } from "./options.js";
import { fetchedBy, storedRows } from "./page.js";
import { visibleRows } from "./visible.js";
import { plannedQuery, type Query, type QueryOptions, readFilter, type Search } from "./query.js";

type Asking = Pick<SelectOptions, "scan" | "consistent">;

/** The query of a caller's filter; where it asks of rows of other tables, they may have to be read first. */
export function askedQuery(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  options: QueryOptions | undefined,
  search?: Search,
): Query | Promise<Query> {
  const values: unknown[] = [];
  const asked = readFilter(bound, filter, values, options?.ops);
  if (!hasRelated(asked)) return plannedQuery(bound, context, asked, values, options, search);
  // A page token goes on with what was asked, whatever the rows of the other tables have become.
  const { identity } = plannedQuery(bound, context, asked, [...values], options, search);
  return resolveRelated(bound, context, asked, values, options).then((condition) => ({
    ...plannedQuery(bound, context, condition, values, options, search),
    identity,
  }));
}

/**
 * The condition in which what is asked of rows of other tables is either a part of the command, or a list of their keys.
 *
 * @param values  those of the condition; others are appended
 * @throws DbError `scan-refused` where no key or index serves what is asked of a table; `unsupported` where more rows of it
 *   match than are read first
 */
export async function resolveRelated(
  bound: BoundTable,
  context: CallContext,
  condition: Condition,
  values: unknown[],
  options: Asking | undefined,
): Promise<Condition> {
  if (!hasRelated(condition) || condition.kind === "test") return condition;
  if (condition.kind === "related") {
    const target = context.relate(condition.table.name, context);
    try {
      return await resolveOne(bound, target, condition, values, options ?? {});
    } catch (error) {
      throw target.bound.pool.error(error, { verb: "select", table: condition.table });
    }
  }
  const parts: Condition[] = [];
  for (const part of condition.parts) parts.push(await resolveRelated(bound, context, part, values, options));
  return condition.kind === "and" ? allOf(parts) : anyOf(parts);
}

async function resolveOne(
  bound: BoundTable,
  { bound: target, context, load }: RelatedTable,
  related: Related,
  values: unknown[],
  options: Asking,
): Promise<Condition> {
  const { pool, table } = target;
  if (load !== undefined) throw notByKey();
  await pool.ready();
  const asked = await resolveRelated(target, context, related.condition, values, options);
  if (isNever(asked)) return never;
  mustSee(target, asked);
  refuseScan(table, planSelect(table, asked, [], pool.capabilities), pool.capabilities, options.scan === true, true);
  if (bound.pool === pool) {
    const condition = allOf([asked, visibleRows(target, context, values)]);
    if (pool.capabilities.related && canFilter(condition, pool.capabilities)) return { ...related, condition };
  }
  return keyedBy(related, await keysOf(target, context, asked, values, options), values);
}

/** @throws DbError `invalid` for a column that is not seen within the scope; what is joined of seen ones may be tested */
function mustSee({ scope, table, readable }: BoundTable, condition: Condition): void {
  const seen = scope?.shape.seen;
  if (seen === undefined) return;
  const isSeen = (column: Column): boolean => (column.isRest ? seen.rest : seen.columns.has(column));
  for (const { column } of testsOf(condition))
    if (!isSeen(column) && !table.joins.some((join) => join.column === column && join.parts.every(isSeen)))
      throw unknownColumn(readable, column.name);
}

/** The keys of the rows for which a condition holds, logical. */
async function keysOf(
  target: BoundTable,
  context: CallContext,
  condition: Condition,
  values: readonly unknown[],
  { consistent }: Asking,
): Promise<unknown[][]> {
  const { table, codec } = target;
  const { relatedLimit } = context;
  const own = ownValues(condition, values);
  const query = plannedQuery(target, context, own.condition, own.values, { columns: table.key, consistent });
  const read = valuesOf(codec, fetchedBy(query), table.key);
  const keys: unknown[][] = [];
  for await (const rows of storedRows(query, context)) {
    for (const row of rows) keys.push(read(row));
    if (keys.length > relatedLimit) throw tooMany(table.name, relatedLimit);
  }
  return keys;
}

/** A condition with values that are its own alone. */
function ownValues(condition: Condition, values: readonly unknown[]): { condition: Condition; values: unknown[] } {
  const own: unknown[] = [];
  const move = (part: Condition): Condition => {
    if (part.kind === "test") return { ...part, slots: part.slots.map((slot) => own.push(values[slot]) - 1) };
    if (part.kind === "related") return { ...part, condition: move(part.condition) };
    return { ...part, parts: part.parts.map(move) };
  };
  return { condition: move(condition), values: own };
}

/**
 * That columns hold one of these keys. Always a list of at least two, so that the order of the rows, and with it page tokens,
 * do not depend on how many there are now.
 */
function keyedBy({ columns }: Related, keys: readonly unknown[][], values: unknown[]): Condition {
  if (keys.length === 0) return never;
  const size = Math.max(2, 2 ** Math.ceil(Math.log2(keys.length)));
  const padded = Array.from({ length: size }, (_, i) => keys[Math.min(i, keys.length - 1)]!);
  const slotOf = (value: unknown): number => values.push(value) - 1;
  const [first] = columns;
  const list: Condition = { kind: "test", column: first!, op: "in", slots: padded.map(([value]) => slotOf(value)) };
  if (columns.length === 1) return list;
  const whole = padded.map((key): Condition => {
    const parts = columns.map((column, i): Condition => ({ kind: "test", column, op: "eq", slots: [slotOf(key[i])] }));
    return { kind: "and", parts };
  });
  // The list lets a key or index that begins with the column serve.
  return allOf([list, { kind: "or", parts: whole }]);
}

function tooMany(table: string, limit: number): DbError {
  return new DbError(
    "unsupported",
    `more than ${limit} rows of ${table} match what $ref asks, and this database finds them first (capability related); narrow it, or raise relatedLimit`,
    { table, detail: { capability: "related" } },
  );
}

function notByKey(): DbError {
  const message = "$ref reads rows by filter, which a transaction of this driver does not (capability transactions)";
  return new DbError("unsupported", message, { detail: { capability: "transactions" } });
}
