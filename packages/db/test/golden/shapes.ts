// The fixed shapes whose commands are compared, driver by driver, with what they were when somebody last looked at them.

import { allOf, always, anyOf, type Condition, never, type Test } from "../../src/reference/condition.js";
import type { TestOperator } from "../../src/schema/operators.js";
import type {
  AccessPath,
  AggregateOp,
  AggregateShape,
  ChangeOp,
  DefineShape,
  DeleteShape,
  Driver,
  GetShape,
  Measure,
  PutShape,
  Reply,
  SelectShape,
  Shape,
  SortColumn,
  UpdateShape,
  Values,
} from "../../src/driver.js";
import { compileTables } from "../../src/schema/compile-table.js";
import { defineTables, table } from "../../src/schema/define-tables.js";
import type { Column, Table } from "../../src/schema/table.js";

export const tables = compileTables(
  defineTables({
    account: {
      id: { type: "uuid", primary: 1 },
      email: { type: "email", unique: 1 },
      name: { pub: true },
      logins: { type: "counter" },
      mtime: { type: "now" },
    },
    photo: {
      owner: { primary: 1 },
      taken: { type: "bigint", primary: 2 },
      tags: { type: "set" },
      meta: { type: "json" },
      place: { index: 1 },
      stars: { type: "int", index: 2 },
      expires: { type: "ttl" },
    },
    note: table({ id: { type: "uuid", primary: 1 }, text: {} }, { open: true, noscan: true }),
    post: { id: { primary: 1 }, title: { search: true }, body: { search: true } },
    sample: {
      number: { type: "int", primary: 1 },
      big: { type: "int64" },
      ratio: { type: "real" },
      price: { type: "decimal", index: 1 },
      on: { type: "bool" },
      born: { type: "date" },
      bytes: { type: "blob" },
    },
  }),
);

/** The compiled table of a name. */
export function tableOf(name: string): Table {
  return tables.get(name)!;
}

/** The column of a name, hidden ones included. */
export function columnOf(table: string, name: string): Column {
  return tableOf(table).columns.find((column) => column.name === name) ?? tableOf(table).byName.get(name)!;
}

/** One comparison, for conditions made by hand. */
export function test(table: string, column: string, op: TestOperator, ...slots: number[]): Test {
  return { kind: "test", column: columnOf(table, column), op, slots };
}

/** An order from `"stars"`, `"-stars"`. */
export function orderOf(table: string, ...names: string[]): SortColumn[] {
  return names.map((name) => ({ column: columnOf(table, name.replace(/^-/, "")), descending: name.startsWith("-") }));
}

function columnsOf(table: string, names: readonly string[] | undefined): readonly Column[] {
  return names === undefined ? tableOf(table).columns : names.map((name) => columnOf(table, name));
}

export function get(table: string, columns?: readonly string[]): GetShape {
  const key = tableOf(table).key.map((_, i) => i);
  return { verb: "get", table: tableOf(table), columns: columnsOf(table, columns), key, consistent: false };
}

export function select(table: string, parts: Partial<Omit<SelectShape, "columns">> & { columns?: readonly string[] }): SelectShape {
  return {
    verb: "select",
    table: tableOf(table),
    path: undefined,
    filter: always,
    order: [],
    after: undefined,
    limit: undefined,
    match: undefined,
    consistent: false,
    ...parts,
    columns: columnsOf(table, parts.columns),
  };
}

/** The replies of a group, none of whose members may fail alone. */
export async function groupOf<Command>(driver: Driver<Command>, command: Command, group: readonly Values[]): Promise<readonly Reply[]> {
  const replies = await driver.executeGroup!(command, group);
  return replies.map((reply) => {
    if ("error" in reply) throw reply.error;
    return reply;
  });
}

/** How many rows a filter matches. */
export function count(table: string, parts: Partial<AggregateShape> = {}): AggregateShape {
  return {
    verb: "aggregate",
    table: tableOf(table),
    path: undefined,
    filter: always,
    groupBy: [],
    measures: [{ op: "count", column: undefined }],
    after: undefined,
    limit: undefined,
    consistent: false,
    ...parts,
  };
}

/** A put or add whose slots are the row's columns in order. */
export function put(table: string, mode: "put" | "add", parts: Partial<PutShape> = {}): PutShape {
  const { columns, key } = tableOf(table);
  const row = columns.map((_, i) => i);
  return {
    verb: "put",
    table: tableOf(table),
    key: key.map((column) => column.index),
    row,
    over: mode === "put" ? always : never,
    returning: "none",
    ...parts,
  };
}

/** An update by key: slots 0 … are the key, `changes` name their own. */
export function update(table: string, changes: readonly [string, ChangeOp, number?][], parts: Partial<UpdateShape> = {}): UpdateShape {
  return {
    verb: "update",
    target: "key",
    table: tableOf(table),
    key: tableOf(table).key.map((_, i) => i),
    changes: changes.map(([column, op, slot]) => ({ column: columnOf(table, column), op, slot })),
    guard: always,
    insert: undefined,
    returning: "none",
    ...parts,
  };
}

export function del(table: string, parts: Partial<DeleteShape> = {}): DeleteShape {
  const key = tableOf(table).key.map((_, i) => i);
  return { verb: "delete", target: "key", table: tableOf(table), key, guard: always, returning: "none", ...parts };
}

export function define(table: string, step: DefineShape["step"]): DefineShape {
  return { verb: "define", table: tableOf(table), step };
}

const filtered = (table: string, filter: Condition): SelectShape =>
  select(table, {
    columns: [tableOf(table).key[0].name],
    filter,
    order: tableOf(table).key.map((column) => ({ column, descending: false })),
    limit: 9,
  });

const owned = test("photo", "owner", "eq", 0);

/** The shapes by what they ask for. Drivers without native filters compile those that name a key alone. */
export const shapes: Readonly<Record<string, Shape>> = {
  get: get("account"),
  "get, one column, key of two": get("photo", ["place"]),
  "get of each kind": get("sample"),
  "select all": select("account", { order: orderOf("account", "id"), limit: 0 }),
  "select by partition, newest first": select("photo", { filter: owned, order: orderOf("photo", "-taken", "-owner"), limit: 1 }),
  "select by partition, next page": select("photo", {
    columns: ["owner", "taken"],
    filter: owned,
    order: orderOf("photo", "-taken", "-owner"),
    after: [1, 2],
    limit: 3,
  }),
  "select by index, next page": select("photo", {
    columns: ["taken"],
    filter: test("photo", "place", "eq", 0),
    order: orderOf("photo", "stars", "owner", "taken"),
    after: [1, 2, 3],
    limit: 4,
  }),
  "select, next page, nullable column descending": select("photo", {
    columns: ["stars"],
    order: orderOf("photo", "-stars", "-owner", "-taken"),
    after: [0, 1, 2],
    limit: 3,
  }),
  "select, next page, mixed directions": select("photo", {
    columns: ["stars"],
    order: orderOf("photo", "stars", "-owner", "taken"),
    after: [0, 1, 2],
    limit: 3,
  }),
  "select and, or": filtered("photo", allOf([owned, anyOf([test("photo", "place", "eq", 1), test("photo", "stars", "gt", 2)])])),
  "select nested": filtered(
    "photo",
    anyOf([
      allOf([owned, test("photo", "taken", "ge", 1)]),
      allOf([test("photo", "stars", "between", 2, 3), test("photo", "place", "null")]),
    ]),
  ),
  "select nothing": filtered("photo", anyOf([])),
  "filter comparisons": filtered(
    "photo",
    allOf([
      test("photo", "stars", "ne", 0),
      test("photo", "stars", "lt", 1),
      test("photo", "stars", "le", 2),
      test("photo", "stars", "not_between", 3, 4),
      test("photo", "stars", "not_null"),
    ]),
  ),
  "filter lists": filtered("photo", allOf([test("photo", "stars", "in", 0, 1, 2), test("photo", "place", "not_in", 3, 4)])),
  "filter texts": filtered(
    "account",
    allOf([test("account", "name", "begins_with", 0, 1), test("account", "name", "ends_with", 2), test("account", "name", "contains", 3)]),
  ),
  "filter texts, negated": filtered(
    "account",
    allOf([
      test("account", "name", "not_begins_with", 0, 1),
      test("account", "name", "not_ends_with", 2),
      test("account", "name", "not_contains", 3),
    ]),
  ),
  "filter elements": filtered("photo", allOf([test("photo", "tags", "contains", 0), test("photo", "tags", "not_contains", 1)])),
  "filter same": filtered("photo", allOf([test("photo", "stars", "same", 0), test("photo", "meta", "same", 1)])),
  count: count("photo", { filter: owned }),
  search: select("post", { order: orderOf("post", "id"), match: 0, limit: 1 }),
  put: put("account", "put"),
  "put, key of two, old row": put("photo", "put", { returning: "old" }),
  "put of an open table": put("note", "put"),
  add: put("account", "add"),
  "add over an expired row": put("photo", "add", { over: test("photo", "expires", "le", 7) }),
  update: update("photo", [
    ["stars", "set", 2],
    ["place", "unset"],
  ]),
  "update guarded": update("photo", [["stars", "set", 2]], { guard: test("photo", "stars", "eq", 3), returning: "new" }),
  "update, old row": update("photo", [["stars", "set", 2]], { returning: "old" }),
  "update of nothing": update("note", []),
  "update incr": update("account", [["logins", "incr", 1]], { returning: "new" }),
  "update texts": update("account", [
    ["name", "append", 1],
    ["email", "prepend", 2],
  ]),
  upsert: update("account", [["logins", "incr", 5]], {
    insert: [0, 1, 2, 3, 4],
    guard: test("account", "logins", "lt", 6),
    returning: "new",
  }),
  "update by filter": update("photo", [["stars", "set", 0]], { target: "filter", key: [], guard: test("photo", "owner", "eq", 1) }),
  delete: del("photo"),
  "delete guarded, old row": del("photo", { guard: test("photo", "stars", "null"), returning: "old" }),
  "delete by filter": del("photo", { target: "filter", key: [], guard: anyOf([owned, test("photo", "stars", "eq", 1)]) }),
  "define table": define("photo", { kind: "table" }),
  "define table of each kind": define("sample", { kind: "table" }),
  "define open table": define("note", { kind: "table" }),
  "define searched table": define("post", { kind: "table" }),
  "define column": define("photo", { kind: "column", column: columnOf("photo", "meta") }),
  "define index": define("photo", { kind: "index", index: tableOf("photo").indexes[0]! }),
  "define unique group": define("account", { kind: "index", index: tableOf("account").uniques[0]! }),
  "define search": define("post", { kind: "search" }),
  inspect: { verb: "inspect", table: tableOf("photo") },
};

const [byPlace] = tableOf("photo").indexes;
const keyPath: AccessPath = { index: undefined, columns: tableOf("photo").key, equal: [], range: undefined, descending: false };
const placePath: AccessPath = { ...keyPath, index: byPlace, columns: [...byPlace!.columns, ...tableOf("photo").key] };

/** Selects as the planner gives them to an ordered engine: each with a path. */
export const orderedSelects: Readonly<Record<string, SelectShape | AggregateShape>> = {
  "whole table": select("photo", { path: keyPath, order: orderOf("photo", "owner", "taken") }),
  "one partition, newest first, next page": select("photo", {
    path: { ...keyPath, equal: [0], descending: true },
    order: orderOf("photo", "-taken"),
    after: [1],
    limit: 2,
  }),
  "index, equality and range": select("photo", {
    path: { ...placePath, equal: [0], range: test("photo", "stars", "between", 1, 2) },
    order: orderOf("photo", "stars", "owner", "taken"),
    limit: 3,
  }),
  "index by prefix, with a filter": select("photo", {
    path: { ...placePath, range: test("photo", "place", "begins_with", 0, 1) },
    filter: test("photo", "tags", "contains", 2),
    order: orderOf("photo", "place", "stars", "owner", "taken"),
  }),
  "unique group": select("account", {
    path: {
      index: tableOf("account").uniques[0],
      columns: [...tableOf("account").uniques[0]!.columns, ...tableOf("account").key],
      equal: [0],
      range: undefined,
      descending: false,
    },
    order: orderOf("account", "id"),
  }),
  count: count("photo", { path: { ...keyPath, equal: [0] } }),
};

/** Shapes of engines that make groups. */
export const aggregateShapes: Readonly<Record<string, Shape>> = {
  distinct: count("photo", { groupBy: orderOf("photo", "place"), measures: [], limit: 0 }),
  "integers, over all rows": count("sample", {
    measures: measuresOf("sample", "sum number", "sum big", "count big", "min big", "max big"),
  }),
  "other kinds, over all rows": count("sample", {
    measures: measuresOf("sample", "count ratio", "max ratio", "min price", "max price", "min on", "max on", "min born"),
  }),
  groups: count("photo", {
    filter: owned,
    groupBy: orderOf("photo", "place", "-stars"),
    measures: [{ op: "count", column: undefined }, ...measuresOf("photo", "sum stars", "min place")],
    limit: 1,
  }),
  "groups after a position": count("photo", {
    filter: owned,
    groupBy: orderOf("photo", "place"),
    measures: [{ op: "count", column: undefined }],
    limit: 1,
    after: [2],
  }),
};

/** Measures from `"sum stars"`. */
function measuresOf(of: string, ...names: string[]): Measure[] {
  return names.map((name) => {
    const [op, column] = name.split(" ") as [AggregateOp, string];
    return { op, column: columnOf(of, column) };
  });
}
