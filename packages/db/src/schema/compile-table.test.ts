import { describe, expect, it } from "vitest";
import { DbError } from "../errors.js";
import { compileTables } from "./compile-table.js";
import { table } from "./define-tables.js";
import type { ColumnDefinitions, TableDefinition } from "./definition.js";
import type { Table } from "./table.js";

function compile(definition: TableDefinition): Table {
  return compileTables({ t: definition }).get("t")!;
}

function refusal(make: () => unknown): DbError {
  try {
    make();
  } catch (error) {
    if (error instanceof DbError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("compileTables", () => {
  it("gives columns in order of definition, the key in order of its numbers", () => {
    const { columns, byName, key, range, ttl } = compile({
      b: { primary: 2, type: "bigint" },
      a: { primary: 1 },
      h: { hidden: true, type: "int" },
      e: { type: "ttl" },
    });
    expect(columns.map((column) => [column.name, column.index, column.kind])).toEqual([
      ["b", 0, "int"],
      ["a", 1, "text"],
      ["e", 2, "int"],
    ]);
    expect([...byName.keys()]).toEqual(["b", "a", "h", "e"]);
    expect(byName.get("h")?.index).toBe(-1);
    expect(key.map((column) => column.name)).toEqual(["a", "b"]);
    expect(range.map((column) => column.name)).toEqual(["b"]);
    expect(ttl?.name).toBe("e");
  });

  it("limits text in keys to 255 characters unless the definition says otherwise", () => {
    const { byName } = compile({ id: { primary: 1 }, k: { primary: 2, maxLength: 20 }, n: { primary: 3, type: "int" }, t: {} });
    expect([...byName.values()].map((column) => column.maxLength)).toEqual([255, 20, undefined, undefined]);
  });

  it("gives open tables a last column for what is not declared", () => {
    const { columns, rest, byName, settings } = compile(table({ id: { primary: 1 } }, { open: true, noscan: true }));
    expect(rest).toMatchObject({ name: "_rest", kind: "json", isRest: true, index: 1 });
    expect(columns.at(-1)).toBe(rest);
    expect(byName.has("_rest")).toBe(false);
    expect(settings).toEqual({ open: true, noscan: true });
  });

  it("gathers indexes and unique groups, equal numbers in order of definition", () => {
    const { indexes, uniques } = compile({
      id: { primary: 1 },
      a: { index: 2, unique: 1 },
      b: { index: 1, index1: 1 },
      c: { index: 2, unique1: 1 },
      d: { unique1: 1 },
    });
    expect(indexes.map(({ name, unique }) => [name, unique])).toEqual([
      ["b_a_c", false],
      ["b", false],
    ]);
    expect(uniques.map(({ name, unique }) => [name, unique])).toEqual([
      ["a", true],
      ["c_d", true],
    ]);
  });

  it("gives different indexes different names", () => {
    const { indexes, uniques } = compile({
      id: { primary: 1 },
      a_b: { index: 1 },
      c: { index: 2, unique: 1, index2: 1 },
      a: { index1: 1 },
      b_c: { index1: 2 },
    });
    expect([...uniques, ...indexes].map((index) => index.name)).toEqual(["c", "a_b_c", "a_b_c_index1", "c_index2"]);
  });

  it("resolves joins and what they fill", () => {
    const { joins } = compile({
      id: { primary: 1 },
      h: { hidden: true },
      all: { join: ["id", "h"], unjoin: true },
      one: { join: ["id", "one"], separator: "#", unjoin: ["one"] },
    });
    expect(
      joins.map(({ column, parts, separator, unjoin }) =>
        [column, ...parts, separator, ...unjoin].map((x) => (typeof x === "string" ? x : x.name)),
      ),
    ).toEqual([
      ["all", "id", "h", "|", "id", "h"],
      ["one", "id", "one", "#", "one"],
    ]);
  });

  it("is frozen and does not follow later changes of the definitions", () => {
    const definition = { id: { primary: 1 }, s: { values: ["a"] } };
    const compiled = compile(definition);
    definition.s.values.push("b");
    definition.id.primary = 2;
    expect(compiled.byName.get("s")!.definition.values).toEqual(["a"]);
    expect(compiled.key[0].definition.primary).toBe(1);
    for (const value of [
      compiled,
      compiled.columns,
      compiled.key,
      compiled.key[0],
      compiled.key[0].definition,
      compiled.indexes,
      compiled.settings,
    ]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  it("keeps the drivers' bags as they are", () => {
    const drivers = { any: { collate: "x" } };
    expect(compile({ id: { primary: 1, drivers } }).key[0].definition.drivers).toBe(drivers);
  });

  it("takes names of object members as names", () => {
    const { byName } = compile({ constructor: { primary: 1 }, toString: {}, hasOwnProperty: {} });
    expect([...byName.keys()]).toEqual(["constructor", "toString", "hasOwnProperty"]);
  });
});

describe("names", () => {
  const long = "a".repeat(48);

  it.each([long, "A", "a_1", "Z9"])("takes %s", (name) => {
    expect(compileTables({ [name]: { [name]: { primary: 1 } } }).get(name)?.key[0].name).toBe(name);
  });

  it.each(["", `${long}a`, "_a", "1a", "a b", "a-b", "é", "a\u0301", "a.b", 'a"', "a;", "a\n", "$a"])(
    "refuses %j for tables and columns",
    (name) => {
      expect(refusal(() => compileTables({ [name]: { id: { primary: 1 } } }))).toMatchObject({ code: "invalid", table: name });
      expect(refusal(() => compile({ id: { primary: 1 }, [name]: {} }))).toMatchObject({ code: "invalid", table: "t", column: name });
    },
  );

  it("refuses __proto__, written as a member or as a prototype", () => {
    const own = JSON.parse('{ "id": { "primary": 1 }, "__proto__": {} }') as ColumnDefinitions;
    expect(refusal(() => compile(own))).toMatchObject({ code: "invalid", column: "__proto__" });
    const inherited = Object.assign(Object.create({ x: {} }) as object, { id: { primary: 1 } }) as ColumnDefinitions;
    expect(refusal(() => compile(inherited)).code).toBe("invalid");
  });

  it("refuses names that differ in case alone", () => {
    expect(refusal(() => compileTables({ t: { id: { primary: 1 } }, T: { id: { primary: 1 } } }))).toMatchObject({
      code: "invalid",
      table: "T",
    });
    expect(refusal(() => compile({ id: { primary: 1 }, Id: {} }))).toMatchObject({ code: "invalid", column: "Id" });
  });
});

/** Definitions that types forbid, as JavaScript callers write them. */
const refused: readonly (readonly [string, unknown, string | undefined, string | undefined])[] = [
  ["no primary key", { a: {} }, undefined, "primary"],
  ["an unknown type", { id: { primary: 1 }, a: { type: "varchar" } }, "a", "type"],
  ["a type named like an object member", { id: { primary: 1 }, a: { type: "constructor" } }, "a", "type"],
  ["an unknown property", { id: { primary: 1 }, a: { typ: "int" } }, "a", "typ"],
  ["a property named like an object member", { id: { primary: 1 }, a: { toString: 1 } }, "a", "toString"],
  ["a column that is no object", { id: { primary: 1 }, a: "int" }, "a", undefined],
  ["no first column of the key", { id: { primary: 2 } }, "id", "primary"],
  ["only a fifth column of the key", { id: { primary: 5 } }, "id", "primary"],
  ["a gap in the key", { id: { primary: 1 }, a: { primary: 3 } }, "a", "primary"],
  ["a place in the key of 0", { id: { primary: 0 } }, "id", "primary"],
  ["a place in the key of true", { id: { primary: true } }, "id", "primary"],
  ["a real in the key", { id: { primary: 1, type: "real" } }, "id", "primary"],
  ["a decimal in the key", { id: { primary: 1, type: "decimal" } }, "id", "primary"],
  ["a bool in the key", { id: { primary: 1, type: "bool" } }, "id", "primary"],
  ["JSON in the key", { id: { primary: 1, type: "json" } }, "id", "primary"],
  ["a hidden key column", { id: { primary: 1, hidden: true } }, "id", "hidden"],
  ["a key column that inserts leave alone", { id: { primary: 1, writeonly: true } }, "id", "writeonly"],
  ["a column that must have a value and gets none", { id: { primary: 1 }, a: { writeonly: true, notEmpty: true } }, "a", "writeonly"],
  ["a hidden index", { id: { primary: 1 }, a: { hidden: true, index: 1 } }, "a", "hidden"],
  ["an index on JSON", { id: { primary: 1 }, a: { type: "json", index: 1 } }, "a", "index"],
  ["an index number that is true", { id: { primary: 1 }, a: { index: true } }, "a", "index"],
  ["one index twice", { id: { primary: 1 }, a: { index: 1, index1: 1 } }, "a", "index1"],
  ["a join of unknown columns", { id: { primary: 1 }, a: { join: ["id", "x"] } }, "a", "join"],
  ["a join of nothing", { id: { primary: 1 }, a: { join: [] } }, "a", "join"],
  ["a join of one column twice", { id: { primary: 1 }, a: { join: ["id", "id"] } }, "a", "join"],
  ["a joined number", { id: { primary: 1 }, a: { type: "int", join: ["id"] } }, "a", "join"],
  ["a joined column of joined columns", { id: { primary: 1 }, a: { join: ["id", "b"] }, b: { join: ["id", "b"] } }, "a", "join"],
  ["a join of JSON", { id: { primary: 1 }, j: { type: "json" }, a: { join: ["id", "j"] } }, "a", "join"],
  ["a separator of two characters", { id: { primary: 1 }, a: { join: ["id"], separator: "::" } }, "a", "separator"],
  ["a backslash as separator", { id: { primary: 1 }, a: { join: ["id"], separator: "\\" } }, "a", "separator"],
  ["a separator without join", { id: { primary: 1 }, a: { separator: "|" } }, "a", "separator"],
  ["unjoin of what is no part", { id: { primary: 1 }, b: {}, a: { join: ["id"], unjoin: ["b"] } }, "a", "unjoin"],
  ["two ttl columns", { id: { primary: 1 }, a: { type: "ttl" }, b: { type: "ttl" } }, "b", "type"],
  ["a default of another type", { id: { primary: 1 }, a: { type: "int", value: "5" } }, "a", "value"],
  ["a default that is not allowed", { id: { primary: 1 }, a: { values: ["x"], value: "y" } }, "a", "value"],
  ["allowed values of another type", { id: { primary: 1 }, a: { type: "int", values: ["x"] } }, "a", "values"],
  ["no allowed values", { id: { primary: 1 }, a: { values: [] } }, "a", "values"],
  ["min on text", { id: { primary: 1 }, a: { min: 1 } }, "a", "min"],
  ["min above max", { id: { primary: 1 }, a: { type: "int", min: 2, max: 1 } }, "a", "min"],
  ["lower on a number", { id: { primary: 1 }, a: { type: "int", lower: true } }, "a", "lower"],
  ["lower and upper", { id: { primary: 1 }, a: { lower: true, upper: true } }, "a", "upper"],
  ["a flag that is 1", { id: { primary: 1 }, a: { pub: 1 } }, "a", "pub"],
  ["elements of text", { id: { primary: 1 }, a: { of: "int" } }, "a", "of"],
  ["elements of dates", { id: { primary: 1 }, a: { type: "list", of: "date" } }, "a", "of"],
  ["decimals of an int", { id: { primary: 1 }, a: { type: "int", decimals: 2 } }, "a", "decimals"],
  ["a multiplier of 0", { id: { primary: 1 }, a: { type: "int", multiplier: 0 } }, "a", "multiplier"],
  ["a length of 1.5", { id: { primary: 1 }, a: { maxLength: 1.5 } }, "a", "maxLength"],
  ["a prefix of text", { id: { primary: 1 }, a: { prefix: "x" } }, "a", "prefix"],
  ["a check that is a function", { id: { primary: 1 }, a: { check: () => true } }, "a", "check"],
  ["unknown default operators", { id: { primary: 1 }, a: { ops: { select: "near" } } }, "a", "ops"],
  ["default operators of other calls", { id: { primary: 1 }, a: { ops: { del: "eq" } } }, "a", "ops"],
  ["a geohash of unknown columns", { id: { primary: 1 }, a: { type: "geohash", lat: "x", lon: "y" } }, "a", "lat"],
  ["a geohash of ints", { id: { primary: 1 }, x: { type: "int" }, a: { type: "geohash", lat: "x", lon: "x" } }, "a", "lat"],
  ["a geohash with one coordinate", { id: { primary: 1 }, x: { type: "real" }, a: { type: "geohash", lat: "x" } }, "a", "lon"],
  ["an unknown setting", { $columns: { id: { primary: 1 } }, $settings: { opne: true } }, undefined, "opne"],
  ["a setting of another type", { $columns: { id: { primary: 1 } }, $settings: { open: 1 } }, undefined, "open"],
  ["an owner that is no column", { $columns: { id: { primary: 1 } }, $settings: { owner: "x" } }, undefined, "owner"],
];

describe("a definition is refused that has", () => {
  it.each(refused)("%s", (_what, definition, column, property) => {
    const error = refusal(() => compile(definition as TableDefinition));
    expect(error).toMatchObject({ code: "invalid", table: "t" });
    expect(error.column).toBe(column);
    expect(error.detail?.["property"]).toBe(property);
    expect(error.message).toContain("table t");
    if (column !== undefined) expect(error.message).toContain(JSON.stringify(column));
    if (property !== undefined) expect(error.message).toContain(property);
  });

  it("a value in no message", () => {
    const error = refusal(() => compile({ id: { primary: 1 }, a: { values: ["x"], value: "s3cret" } }));
    expect(error.message).not.toContain("s3cret");
  });
});

it("takes properties that are undefined as left out", () => {
  const definition = { id: { primary: 1, type: undefined, lower: undefined } } as unknown as TableDefinition;
  expect(compile(definition).key[0].definition).toEqual({ primary: 1 });
});
