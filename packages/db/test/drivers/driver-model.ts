// Random commands, carried out by a driver and by the memory driver that plans as it does: both must answer the same.

import { inspect } from "node:util";

import { type Clock, silentLog, testClock } from "@bk/core";
import { expect } from "vitest";
import { allOf, always, type Condition, conjuncts, testsOf, never } from "../../src/reference/condition.js";
import { parseFilter } from "../../src/normalize/filter.js";
import type { Change, ChangeOp, Codec, Driver, Reply, Shape, SortColumn, Value } from "../../src/driver.js";
import { memoryDriver } from "../../src/drivers/memory/index.js";
import { canGuard } from "../../src/plan/evaluates.js";
import { planSelect } from "../../src/plan/select-plan.js";
import { compileTables } from "../../src/schema/compile-table.js";
import { defineTables } from "../../src/schema/define-tables.js";
import { decoderOf, encoderOf } from "../../src/schema/encodings.js";
import type { Column, Table } from "../../src/schema/table.js";

export const modelTable: Table = compileTables(
  defineTables({
    item: {
      owner: { primary: 1 },
      number: { type: "int", primary: 2 },
      place: { index: 1 },
      stars: { type: "int", index: 2, unique1: 2 },
      code: { unique: 1 },
      kind: { unique1: 1 },
      ratio: { type: "real", index1: 1 },
      price: { type: "decimal", index2: 1 },
      on: { type: "bool", index3: 1 },
      born: { type: "date", index3: 2 },
      big: { type: "int64", index4: 1 },
      tags: { type: "set" },
      meta: { type: "json" },
      bytes: { type: "blob" },
    },
  }),
).get("item")!;

const texts = ["", "a", "a ", "A", "ab", "a\u0001", "a\u0002b", "é", "\uffff", "\u{10000}", "%_*"];
const pools: Readonly<Record<string, readonly unknown[]>> = {
  owner: ["a", "ab", "\u{10000}", "\uffff"],
  number: [-100, -1, 0, 1, 9, 10, 2 ** 53 - 1],
  place: texts,
  stars: [-5, 0, 3, 10, 11],
  code: [...texts, "x", "y", "z"],
  kind: ["p", "q"],
  ratio: [-1e300, -0.5, 0, 1e-9, 2.5, 1e20],
  price: ["-10.5", "-9", "0", "0.1", "9.99", "10"],
  on: [true, false],
  born: [new Date(-1), new Date(0), new Date("2024-02-29T12:00:00.001Z")],
  big: [-(2n ** 63n), -1n, 0n, 10n, 2n ** 63n - 1n],
  tags: [[], ["a"], ["a", "b"]],
  meta: [{ a: [1, { b: null }] }, "text", 5, false, { constructor: 1 }],
  bytes: [new Uint8Array([]), new Uint8Array([0, 255, 10])],
};

/** One command in logical values; each driver gets them in its own encoding. */
interface Call {
  readonly shape: Shape;
  readonly values: readonly unknown[];
  /** The column that each slot is for; undefined for plain numbers and elements of lists. */
  readonly slots: ReadonlyMap<number, Column>;
}

/** Runs `steps` random commands on `driver` and on the model, and expects equal answers. The table must be empty. */
export async function checkAgainstMemory(driver: Driver, seed: number, steps: number): Promise<void> {
  const clock = testClock({ seed });
  const { access, filters, or, sorts } = driver.capabilities;
  const model = await memoryDriver(
    { url: "memory:", options: {}, clock, log: silentLog },
    { capabilities: { access, filters, or, sorts } },
  );
  // What the store shall know of the table; an engine with a schema takes no call before.
  await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "table" } }), []);
  for (let step = 0; step < steps; step++) {
    const call = randomCall(clock, driver);
    const inAnyOrder = hasOwnOrder(driver, call.shape);
    const expected = await answer(model, call, inAnyOrder);
    // The core guards sums, so that a driver is never asked for one outside of its type.
    if ((expected as { code?: unknown }).code === "invalid") continue;
    const actual = await answer(driver, call, inAnyOrder);
    expect(actual, `seed ${seed}, step ${step}: ${call.shape.verb} ${JSON.stringify(driver.describe(driver.compile(call.shape)))}`).toEqual(
      expected,
    );
  }
}

/** An engine of partitions has an order of its own without a path: only the whole of such a read can be told. */
function hasOwnOrder(driver: Driver, shape: Shape): boolean {
  return driver.capabilities.access === "partition" && shape.verb === "select" && shape.path === undefined;
}

async function answer(driver: Driver, { shape, values, slots }: Call, inAnyOrder: boolean): Promise<unknown> {
  const stored = values.map((value, slot) => {
    const column = slots.get(slot);
    return column === undefined ? (value as Value) : encoderOf(column, driver.codec)(value);
  });
  try {
    const reply = await driver.execute(driver.compile(shape), stored);
    const rows = decodeRows(reply, shape, driver.codec);
    return { affected: reply.affected, rows: inAnyOrder ? rows.map((row) => inspect(row, { depth: 9 })).sort() : rows };
  } catch (error) {
    const { code, detail } = error as { code?: unknown; detail?: unknown };
    if (code === undefined) throw error;
    return { code, detail };
  }
}

function decodeRows({ rows }: Reply, shape: Shape, codec: Codec): unknown[] {
  // A count comes as a number or as its digits.
  if (shape.verb === "aggregate") return rows.map((row) => row.map(Number));
  const columns = shape.verb === "get" || shape.verb === "select" ? shape.columns : shape.table.columns;
  const decoders = columns.map((column) => decoderOf(column, codec));
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, decoders[i]!(row[i]!)])));
}

function randomCall(clock: Clock, driver: Driver): Call {
  const random = (count: number): number => Math.floor(clock.random() * count);
  const one = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const valueFor = (column: Column): unknown => (column.isKey || random(4) > 0 ? one(pools[column.name]!) : null);

  const values: unknown[] = [];
  const slots = new Map<number, Column>();
  const push = (value: unknown, column?: Column): number => {
    const slot = values.push(value) - 1;
    if (column !== undefined) slots.set(slot, column);
    return slot;
  };
  const { columns, key } = modelTable;
  const row = (): number[] => columns.map((column) => push(valueFor(column), column));
  const keySlots = (): number[] => key.map((column) => push(valueFor(column), column));
  const filter = (most: number): Condition => {
    const parts = Array.from({ length: random(most + 1) }, () => parseFilter(modelTable, randomFilter(random, one), values));
    const condition = allOf(parts);
    for (const { column, op, slots: own } of testsOf(condition))
      if (column.kind !== "list" || op === "same") for (const slot of own) slots.set(slot, column);
    return condition;
  };
  /** A condition of a write, of what the driver claims. */
  const guard = (): Condition => {
    const condition = filter(1);
    return canGuard(condition, driver.capabilities) ? condition : always;
  };
  const call = (shape: Shape): Call => ({ shape, values, slots });
  const can = driver.capabilities.returning;
  const claimed = <T>(wanted: T, ...given: readonly T[]): T | "none" => (given.includes(wanted) ? wanted : "none");

  switch (one(["get", "put", "put", "put", "add", "update", "update", "delete", "select", "select", "select", "count"])) {
    case "get":
      return call({ verb: "get", table: modelTable, columns, key: keySlots(), consistent: false });
    case "put":
    case "add": {
      const written = row();
      const over = one([always, never, random(3) === 0 ? guard() : never]);
      const returning = claimed(one(["old", "none"] as const), can.put);
      return call({ verb: "put", table: modelTable, key: written.slice(0, key.length), row: written, over, returning });
    }
    case "update": {
      const written = row();
      const insert = random(2) === 0 && driver.capabilities.upsert ? written : undefined;
      const changed = columns.filter((column) => !column.isKey && random(4) === 0);
      const changes = changed.map((column) => randomChange(column, driver, one, push));
      return call({
        verb: "update",
        target: "key",
        table: modelTable,
        key: written.slice(0, key.length),
        changes,
        guard: guard(),
        insert,
        returning: claimed(one(["old", "new", "none"] as const), ...can.update),
      });
    }
    case "delete":
      return call({
        verb: "delete",
        target: "key",
        table: modelTable,
        key: keySlots(),
        guard: guard(),
        returning: claimed(one(["old", "none"] as const), can.delete),
      });
    case "count":
      return call(countShape(driver, filter(2)));
    default: {
      const sort = randomSort(random, one);
      const condition = filter(2);
      const limit = random(2) === 0 ? push(1 + random(6)) : undefined;
      const shape = randomSelect(driver, condition, sort, { columns: columns.filter(() => random(3) > 0), limit });
      if (hasOwnOrder(driver, shape)) return call({ ...shape, limit: undefined });
      // A position is that of a row which the filter let through: it has the values that the filter fixes.
      const fixed = (column: Column): number | undefined =>
        conjuncts(condition).flatMap((part) => (part.kind === "test" && part.op === "eq" && part.column === column ? part.slots : []))[0];
      const after = (): number[] => shape.order.map(({ column }) => fixed(column) ?? push(valueFor(column), column));
      return call(random(2) === 0 ? { ...shape, after: after() } : shape);
    }
  }
}

type Random = (count: number) => number;
type Choose = <T>(list: readonly T[]) => T;
type Push = (value: unknown, column?: Column) => number;

// Pairs of columns that lie in this order in the key or an index.
const pairs = [
  ["owner", "number"],
  ["place", "stars"],
  ["kind", "stars"],
  ["on", "born"],
] as const;

function randomFilter(random: Random, one: Choose): Record<string, unknown> {
  if (random(4) === 0) {
    const [first, second] = one(pairs);
    const op = one(["$gt", "$ge", "$lt", "$le", "$eq"]);
    return { [first]: one(pools[first]!), [second]: { [op]: one(pools[second]!) } };
  }
  const column = one(modelTable.columns);
  const { name, kind } = column;
  if (random(6) === 0) return { $or: [randomFilter(random, one), randomFilter(random, one)] };
  if (random(6) === 0) return { $not: randomFilter(random, one) };
  if (kind === "list") return { [name]: { [one(["$contains", "$not_contains"])]: one(["a", "b"]) } };
  if (kind === "json" || kind === "blob") return { [name]: { [one(["$null", "$not_null"])]: true } };
  const value = one(pools[name]!);
  const ops = ["$eq", "$eq", "$eq", "$ne", "$gt", "$ge", "$lt", "$le", ...(kind === "text" ? ["$begins_with", "$contains"] : [])];
  switch (random(5)) {
    case 0:
      return { [name]: { $between: [value, one(pools[name]!)] } };
    case 1:
      return { [name]: { $in: [value, one(pools[name]!)] } };
    case 2:
      return { [name]: { $gt: value, $le: one(pools[name]!) } };
    default:
      return { [name]: { [one(ops)]: value } };
  }
}

function randomSort(random: Random, one: Choose): SortColumn[] {
  const paths = [modelTable.key, ...modelTable.indexes.map((index) => index.columns), ...modelTable.uniques.map((index) => index.columns)];
  const descending = random(2) === 0;
  return one(paths)
    .slice(0, 1 + random(2))
    .map((column) => ({ column, descending }));
}

function randomSelect(
  driver: Driver,
  condition: Condition,
  sort: readonly SortColumn[],
  rest: { columns: readonly Column[]; limit: number | undefined },
): Extract<Shape, { verb: "select" }> {
  const plan = planSelect(modelTable, condition, sort, driver.capabilities);
  return {
    verb: "select",
    table: modelTable,
    path: plan.path,
    // What is left to the core is of no interest here: it is left out on both sides.
    filter: plan.pushed,
    order: plan.readOrder,
    after: undefined,
    match: undefined,
    consistent: false,
    ...rest,
  };
}

function countShape(driver: Driver, condition: Condition): Shape {
  const { path, pushed } = planSelect(modelTable, condition, [], driver.capabilities);
  return {
    verb: "aggregate",
    table: modelTable,
    path,
    filter: pushed,
    groupBy: [],
    measures: [{ op: "count", column: undefined }],
    after: undefined,
    limit: undefined,
    consistent: false,
  };
}

const numberOps: readonly ChangeOp[] = ["set", "incr", "unset"];
const opsByKind: Readonly<Record<string, readonly ChangeOp[]>> = {
  text: ["set", "append", "prepend", "unset"],
  int: numberOps,
  int64: numberOps,
  real: numberOps,
  list: ["set", "append", "prepend", "add", "del", "unset"],
};

/** One change of those that the driver claims. */
function randomChange(column: Column, driver: Driver, one: Choose, push: Push): Change {
  const claimed = driver.capabilities.changes[column.kind] ?? [];
  const op = one((opsByKind[column.kind] ?? (["set", "unset"] as const)).filter((own) => own === "set" || claimed.includes(own)));
  return { column, op, slot: op === "unset" ? undefined : push(one(pools[column.name]!), column) };
}
