// Random steps as plain data. A step does not depend on the results of others, so that any subset can be replayed.

import type { LongStep } from "./generate-long.js";
import type { Random } from "./random.js";
import { condition, filterOf, including, readFilter, scanning, sortOf, valueOf } from "./generate-filters.js";
import { hashColumn, keyColumns, type ModelTable, numbers, pools, sortable, tableNames } from "./tables.js";

type Values = Record<string, unknown>;

/** A call on one row, or a reading call whose whole answer is compared. */
export interface CallStep {
  readonly kind: "call";
  readonly verb:
    | "get"
    | "list"
    | "add"
    | "put"
    | "update"
    | "incr"
    | "del"
    | "select"
    | "count"
    | "aggregate"
    | "updateAll"
    | "delAll"
    | "bulk";
  readonly args: readonly unknown[];
  /** The scope that it is made in. */
  readonly scope?: Values;
}

export type Step =
  | CallStep
  /** A select walked to its end; `ordered` when the order of the rows is promised. */
  | {
      readonly kind: "walk";
      readonly table: ModelTable;
      readonly filter: Values;
      readonly options: Values;
      readonly ordered: boolean;
      readonly scope?: Values;
    }
  | {
      readonly kind: "transaction";
      readonly calls: readonly CallStep[];
      readonly fails: boolean;
      /** A transaction inside, which is undone by itself where it fails. */
      readonly nested?: { readonly calls: readonly CallStep[]; readonly fails: boolean };
      /** A call that is not awaited before the function ends. */
      readonly late?: CallStep;
    }
  | { readonly kind: "advance"; readonly ms: number }
  | LongStep;

const weights = {
  put: 14,
  add: 8,
  update: 16,
  incr: 8,
  del: 5,
  get: 8,
  list: 3,
  walk: 18,
  select: 8,
  count: 4,
  aggregate: 6,
  updateAll: 2,
  delAll: 1,
  bulk: 2,
  transaction: 3,
  advance: 2,
  wrong: 2,
} as const;

/** One random step, now and then within a scope. */
export function randomStep(random: Random): Step {
  const table = random.pick(tableNames);
  const step = seeingDeleted(random, table, plainStep(random, table));
  if ((step.kind !== "call" && step.kind !== "walk") || !random.chance(0.15)) return step;
  return { ...step, scope: { [table]: scopeOf(random, table) } };
}

/** One random step, on a table if it is on one. */
export function plainStep(random: Random, table: ModelTable): Step {
  const verb = random.weighted(weights);
  switch (verb) {
    case "advance":
      return { kind: "advance", ms: random.pick([1, 500, 2000]) };
    case "transaction":
      return transaction(random);
    case "walk":
      return walk(random, table);
    case "wrong":
      return call(random.pick(["put", "update", "select", "get"]), ...wrong(random, table));
    case "bulk":
      return call("bulk", bulkItems(random, table));
    case "select":
      return selection(random, table);
    case "count":
      return call("count", table, readFilter(random, table), scanning(random));
    case "aggregate":
      return aggregate(random, table);
    case "updateAll":
      return updateAll(random, table);
    case "delAll":
      return call("delAll", table, { ...filterOf(random, table), small: random.below(4) }, scanning(random));
    default:
      return rowCall(random, verb, table, {});
  }
}

function call(verb: CallStep["verb"], ...args: unknown[]): CallStep {
  return { kind: "call", verb, args };
}

/** Now and then a call that sees deleted rows, where a table keeps them. */
function seeingDeleted(random: Random, table: ModelTable, step: Step): Step {
  if (table !== "note" || !random.chance(0.25)) return step;
  if (step.kind === "walk") return { ...step, options: { ...step.options, deleted: true } };
  if (step.kind !== "call" || step.verb === "bulk") return step;
  const at = step.verb === "updateAll" ? 3 : 2;
  const options = step.args[at] as Values | undefined;
  const args = [...step.args];
  args[at] = { ...options, deleted: true };
  return { ...step, args };
}

/** What a scope may say of a table, whether or not there are rows for it. */
export function scopeOf(random: Random, table: ModelTable): Values {
  const set = random.some(
    Object.keys(pools[table]).filter((column) => !ownTimes.has(column)),
    0.15,
  );
  const columns = (): string[] => [...keyColumns[table].slice(0, 1), ...random.some(otherColumns(table).filter(isDeclared(table)), 0.7)];
  return {
    ...(random.chance(0.7) ? { where: random.chance(0.5) ? condition(random, table) : filterOf(random, table) } : {}),
    ...(random.chance(0.4)
      ? { set: Object.fromEntries(set.filter(isDeclared(table)).map((column) => [column, valueOf(random, table, column)])) }
      : {}),
    ...(random.chance(0.25) ? { select: columns() } : {}),
    ...(random.chance(0.25) ? { update: columns() } : {}),
  };
}

const ownTimes: ReadonlySet<string> = new Set(["mtime", "born", "expires"]);
const undeclaredColumns: ReadonlySet<string> = new Set(["free", "other"]);

function isDeclared(table: ModelTable): (column: string) => boolean {
  return (column) => table !== "note" || !undeclaredColumns.has(column);
}

function keyOf(random: Random, table: ModelTable): Values {
  return Object.fromEntries(keyColumns[table].map((column) => [column, valueOf(random, table, column)]));
}

function otherColumns(table: ModelTable): string[] {
  return Object.keys(pools[table]).filter((column) => !keyColumns[table].includes(column));
}

interface RowLimits {
  /** Unique values conflict in an order that is not promised where calls run side by side. */
  readonly withoutUnique?: boolean;
  /** Errors may come at another moment in transactions. */
  readonly withoutErrors?: boolean;
}

const uniqueColumns: ReadonlySet<string> = new Set(["mail", "realm", "number"]);

function rowOf(random: Random, table: ModelTable, limits: RowLimits): Values {
  const columns = random.some(otherColumns(table), random.pick([0.15, 0.4, 0.8]));
  const row: Values = keyOf(random, table);
  for (const column of columns) {
    if (limits.withoutUnique && uniqueColumns.has(column)) continue;
    row[column] = random.chance(0.12) ? null : valueOf(random, table, column);
  }
  return row;
}

export function rowCall(
  random: Random,
  verb: "get" | "list" | "add" | "put" | "update" | "incr" | "del",
  table: ModelTable,
  limits: RowLimits,
): CallStep {
  switch (verb) {
    case "get":
      return call("get", table, keyOf(random, table), {
        ...(random.chance(0.2) ? { select: random.times(3, () => random.pick(sortable[table])) } : {}),
        ...includes(random, table, limits),
      });
    case "list":
      return call(
        "list",
        table,
        random.times(6, () => keyOf(random, table)),
        includes(random, table, limits),
      );
    case "add":
    case "put":
      return call(verb, table, rowOf(random, table, limits), returning(random, verb === "add" ? ["new"] : ["new", "old"]));
    case "update":
      return update(random, table, limits);
    case "incr":
      return incr(random, table, limits);
    case "del":
      return call("del", table, keyOf(random, table), { ...returning(random, ["old"]), ...guard(random, table, limits) });
  }
}

/** Inside of transactions the rows that refer are not read everywhere. */
function includes(random: Random, table: ModelTable, limits: RowLimits): Values {
  return limits.withoutErrors !== true && random.chance(0.4) ? including(random, table) : {};
}

function returning(random: Random, kinds: readonly string[]): Values {
  // A time limit takes other ways through the core.
  const limit = random.chance(0.15) ? { timeoutMs: 60_000 } : {};
  return random.chance(0.35) ? { returning: random.pick(kinds), ...limit } : limit;
}

function guard(random: Random, table: ModelTable, limits: RowLimits): Values {
  if (!random.chance(0.3)) return {};
  const where = condition(random, table);
  return { where, ...(random.chance(0.3) && !limits.withoutErrors ? { mustMatch: true } : {}) };
}

const operations: Readonly<Record<string, readonly string[]>> = {
  text: ["append", "prepend"],
  tags: ["add", "del"],
  nums: ["add", "del"],
  steps: ["append", "prepend"],
  small: ["incr"],
};

function update(random: Random, table: ModelTable, limits: RowLimits): CallStep {
  const row = rowOf(random, table, limits);
  const ops: Values = {};
  for (const [column, names] of Object.entries(operations))
    if (row[column] !== undefined && row[column] !== null && random.chance(0.4)) ops[column] = random.pick(names);
  if (row["text"] !== undefined && ops["text"] !== undefined) row["text"] = random.pick(["a", "%", "😀"]);
  return call("update", table, row, {
    ...(Object.keys(ops).length > 0 ? { ops } : {}),
    ...(random.chance(0.35) ? { upsert: true } : {}),
    ...returning(random, ["new", "old"]),
    ...guard(random, table, limits),
  });
}

const amounts: Readonly<Record<string, readonly unknown[]>> = {
  n: [1, -1, 5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  small: [1, -1, 2],
  big: [1n, -1n, 2n ** 63n - 1n],
  x: [0.25, -0.5, 3],
  price: ["0.1", "-2", "1"],
  number: [1, -1],
  hits: [1, 2],
  rank: [0.5, -1],
};

const overflowing: ReadonlySet<string> = new Set(["n", "big", "price"]);

function incr(random: Random, table: ModelTable, limits: RowLimits): CallStep {
  const row = keyOf(random, table);
  const columns = otherColumns(table).filter((column) => !(limits.withoutErrors && overflowing.has(column)));
  for (const column of random.some(columns, 0.3)) {
    if (limits.withoutUnique && uniqueColumns.has(column)) continue;
    row[column] = amounts[column] === undefined ? valueOf(random, table, column) : random.pick(amounts[column]);
  }
  return call("incr", table, row, { ...returning(random, ["new", "old"]), ...guard(random, table, limits) });
}

function walk(random: Random, table: ModelTable): Step {
  const filter = readFilter(random, table);
  const sorted = random.chance(0.6);
  const options: Values = {
    count: random.pick([1, 2, 3, 7, 50]),
    ...scanning(random),
    ...(sorted ? { sort: sortOf(random, table) } : {}),
    ...(sorted && random.chance(0.2) ? { desc: true } : {}),
    ...(random.chance(0.2) ? { select: random.times(3, () => random.pick(sortable[table])) } : {}),
    ...(random.chance(0.2) ? including(random, table) : {}),
  };
  // Without a sort the order is that of the range key where one partition is read and there is such a key.
  const ordered = sorted || (isPlain(filter[hashColumn[table]]) && keyColumns[table].length > 1);
  return { kind: "walk", table, filter, options, ordered };
}

function isPlain(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== "object" || value instanceof Date);
}

/** A sorted page: its rows, their order and whether there is a next one are all promised. */
function selection(random: Random, table: ModelTable): CallStep {
  return call("select", table, readFilter(random, table), {
    sort: sortOf(random, table),
    count: 1 + random.below(10),
    ...scanning(random),
    ...(random.chance(0.3) ? including(random, table) : {}),
  });
}

/** A page of groups, or one row over all; sums may be too large. */
function aggregate(random: Random, table: ModelTable): CallStep {
  const by = random.some(sortable[table], 0.25).slice(0, 3);
  const computed = { sum: random.some(numbers[table], 0.3), avg: random.some(numbers[table], 0.3) };
  const ends = { min: random.some(sortable[table], 0.15), max: random.some(sortable[table], 0.15) };
  const ranks = [...computed.sum.map((column) => `sum(${column})`), ...ends.max.map((column) => `max(${column})`), "count()", ...by];
  const sort = random.some(ranks, 0.3).map((name) => (random.chance(0.5) ? `-${name}` : name));
  const ofGroups = by.length === 0 ? {} : { by, limit: 1 + random.below(10), ...(sort.length === 0 ? {} : { sort }) };
  return call("aggregate", table, filterOf(random, table), { count: true, ...computed, ...ends, ...ofGroups, ...scanning(random) });
}

function updateAll(random: Random, table: ModelTable): CallStep {
  const changes: Values = {};
  // Values with which no row can fail: which rows came before the failure would not be promised.
  for (const column of ["small", "text", "tags", "free", "city"])
    if (pools[table][column] !== undefined && random.chance(0.5))
      changes[column] = random.chance(0.2) ? null : valueOf(random, table, column);
  if (Object.keys(changes).length === 0) changes["small"] = 1;
  const ops = typeof changes["small"] === "number" && random.chance(0.4) ? { ops: { small: "incr" } } : {};
  return call("updateAll", table, { ...filterOf(random, table), $or: [{ small: { $lt: 3 } }, { [hashColumn[table]]: null }] }, changes, {
    ...scanning(random),
    ...ops,
  });
}

function bulkItems(random: Random, table: ModelTable): Values[] {
  const limits = { withoutUnique: true };
  return random.times(6, () => {
    const step = rowCall(random, random.pick(["add", "put", "update", "incr", "del"]), table, limits);
    const [name, subject, options] = step.args;
    return { op: step.verb, table: name, [step.verb === "del" ? "key" : "row"]: subject, options };
  });
}

function transaction(random: Random): Step {
  const limits = { withoutUnique: true, withoutErrors: true };
  const one = (): CallStep =>
    rowCall(random, random.pick(["get", "put", "update", "incr", "del", "put", "add"]), random.pick(tableNames), limits);
  return {
    kind: "transaction",
    calls: random.times(5, one),
    fails: random.chance(0.25),
    ...(random.chance(0.4) ? { nested: { calls: random.times(3, one), fails: random.chance(0.5) } } : {}),
    ...(random.chance(0.3)
      ? { late: rowCall(random, random.pick(["put", "update", "incr", "del"]), random.pick(tableNames), limits) }
      : {}),
  };
}

/** Arguments that are refused. */
function wrong(random: Random, table: ModelTable): unknown[] {
  const key = keyOf(random, table);
  const [first] = keyColumns[table];
  return random.pick<unknown[]>([
    [table, { ...key, nope: 1 }],
    [table, { ...key, [first!]: "" }],
    [table, { ...key, [first!]: null }],
    [table, { ...key, small: "1" }],
    [table, { ...key, small: 0.5 }],
    [table, { nope: null }],
    ["nope", key],
    [table, { ...key, text: "\0" }],
    [table, { ...key, small: undefined, [first!]: undefined }],
  ]);
}
