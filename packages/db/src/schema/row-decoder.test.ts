import { describe, expect, it } from "vitest";
import type { Codec } from "./stored-value.js";
import { compileTables } from "./compile-table.js";
import { table } from "./define-tables.js";
import type { TableDefinition } from "./definition.js";
import { compileRowDecoder } from "./row-decoder.js";
import { defaultSelection, fetchedColumns } from "./selection.js";
import type { Column, Table } from "./table.js";

const codec: Codec = {
  text: "text",
  int: "number",
  int64: "text",
  real: "number",
  decimal: "text",
  bool: "number",
  time: "number",
  json: "text",
  list: "text",
  blob: "bytes",
};

function compile(definition: TableDefinition): Table {
  return compileTables({ t: definition }).get("t")!;
}

function columnsOf({ byName, rest }: Table, ...names: readonly string[]): Column[] {
  return names.map((name) => (name === "_rest" ? rest! : byName.get(name)!));
}

describe("compileRowDecoder", () => {
  const simple = compile({ id: { primary: 1 }, n: { type: "int" }, b: { type: "bool" }, t: { type: "date" }, constructor: {} });

  it("gives every selected column in order, null where absent", () => {
    const row = compileRowDecoder(simple, simple.columns, codec)(["x", "5", 1, null, null]);
    expect(row).toStrictEqual({ id: "x", n: 5, b: true, t: null, constructor: null });
    expect(Object.keys(row)).toEqual(["id", "n", "b", "t", "constructor"]);
    const some = compileRowDecoder(simple, columnsOf(simple, "t", "id"), codec)([7, "x"]);
    expect(Object.entries(some)).toEqual([
      ["t", new Date(7)],
      ["id", "x"],
    ]);
  });

  it("reads columns from where they were fetched", () => {
    const decode = compileRowDecoder(simple, columnsOf(simple, "n"), codec, { fetched: columnsOf(simple, "id", "b", "n") });
    expect(decode(["x", 1, 5])).toEqual({ n: 5 });
  });

  it("gives plain objects", () =>
    expect(Object.getPrototypeOf(compileRowDecoder(simple, simple.columns, codec)([]))).toBe(Object.prototype));
});

describe("joined columns", () => {
  const joined = compile({
    id: { primary: 1 },
    h: { hidden: true, type: "int" },
    other: { hidden: true },
    all: { join: ["id", "h"], unjoin: true },
    own: { join: ["own", "id"], unjoin: ["own"] },
    plain: { join: ["plain", "id"] },
  });

  it("fill hidden columns and their own part", () => {
    expect(defaultSelection(joined).map((column) => column.name)).toEqual(["id", "h", "all", "own", "plain"]);
    const decode = compileRowDecoder(joined, joined.columns, codec);
    expect(decode(["x", "x|5", "a\\|b|x", "p|x"])).toStrictEqual({ id: "x", h: 5, all: "x|5", own: "a|b", plain: "p|x" });
    expect(decode(["x", null, null, null])).toStrictEqual({ id: "x", h: null, all: null, own: null, plain: null });
  });

  it("are fetched for the hidden columns that they fill", () => {
    const selected = columnsOf(joined, "h", "other");
    expect(fetchedColumns(joined, selected).map((column) => column.name)).toEqual(["all"]);
    expect(compileRowDecoder(joined, selected, codec)(["x|5"])).toStrictEqual({ h: 5, other: null });
  });

  it("written by something else fill nothing", () => {
    expect(compileRowDecoder(joined, columnsOf(joined, "h", "all"), codec)(["foreign"])).toEqual({ h: null, all: "foreign" });
  });
});

describe("values that are absent", () => {
  const grown = compile({
    id: { primary: 1 },
    hits: { type: "counter" },
    at: { type: "now" },
    n: { type: "int" },
    must: { notEmpty: true },
  });

  it("are 0 for counters and times of change, and null for others", () => {
    const columns = columnsOf(grown, "id", "hits", "at", "n");
    expect(compileRowDecoder(grown, columns, codec)(["x", null, null, null])).toStrictEqual({ id: "x", hits: 0, at: 0, n: null });
    expect(compileRowDecoder(grown, columns, codec)(["x", 5, 6, 7])).toStrictEqual({ id: "x", hits: 5, at: 6, n: 7 });
  });

  it("are refused where one is promised and shown", () => {
    const decode = compileRowDecoder(grown, grown.columns, codec);
    expect(() => decode(["x", 1, 2, 3, null])).toThrow(expect.objectContaining({ code: "drift", column: "must" }));
    expect(compileRowDecoder(grown, columnsOf(grown, "id"), codec, { fetched: grown.columns })(["x", 1, 2, 3, null])).toStrictEqual({
      id: "x",
    });
  });
});

describe("open tables", () => {
  const open = compile(table({ id: { primary: 1 }, n: { type: "int" } }, { open: true }));

  it("give undeclared columns beside the declared ones, which win", () => {
    const decode = compileRowDecoder(open, open.columns, codec);
    expect(decode(["x", 1, '{"a":[1],"n":9,"toString":"t"}'])).toStrictEqual({ id: "x", n: 1, a: [1], toString: "t" });
    expect(decode(["x", 1, null])).toStrictEqual({ id: "x", n: 1 });
  });

  it("give only the undeclared columns that are asked for", () => {
    const decode = compileRowDecoder(open, columnsOf(open, "id"), codec, {
      fetched: columnsOf(open, "id", "_rest"),
      undeclared: ["a", "valueOf"],
    });
    expect(decode(["x", '{"a":1,"b":2}'])).toStrictEqual({ id: "x", a: 1 });
  });

  it("leave them out when only declared columns are asked for", () => {
    const decode = compileRowDecoder(open, columnsOf(open, "id"), codec, { fetched: open.columns });
    expect(decode(["x", 1, '{"a":1}'])).toStrictEqual({ id: "x" });
  });

  it("take a member named __proto__ as a member", () => {
    const row = compileRowDecoder(open, open.columns, codec)(["x", 1, '{"__proto__":{"admin":true}}']);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(Object.keys(row)).toEqual(["id", "n", "__proto__"]);
  });
});
