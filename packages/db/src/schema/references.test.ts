import { describe, expect, it } from "vitest";

import { DbError } from "../errors.js";
import { compileTables } from "./compile-table.js";
import { table } from "./define-tables.js";
import type { TableDefinitions } from "./definition.js";

function referencesOf(definitions: TableDefinitions, name: string): [string, string[], string][] {
  return compileTables(definitions)
    .get(name)!
    .references.map((reference) => [reference.name, reference.columns.map((column) => column.name), reference.table.name]);
}

const account = { id: { primary: 1 }, name: {} } as const;
const album = { owner: { primary: 1 }, no: { type: "int", primary: 2 } } as const;

describe("references", () => {
  it("are named by their column, their table, or as they say", () => {
    const photo = {
      id: { primary: 1 },
      owner: { ref: "account" },
      albumOwner: { ref: "album.owner" },
      albumNo: { type: "bigint", ref: "album.no" },
      frontNo: { type: "int", ref: { table: "album", column: "no", name: "front" } },
      frontOwner: { ref: { table: "album", column: "owner", name: "front" } },
      by: { ref: { table: "account", name: "painter" } },
      key: { ref: "account.id" },
    } as const;
    expect(referencesOf({ account, album, photo }, "photo")).toEqual([
      ["owner", ["owner"], "account"],
      ["album", ["albumOwner", "albumNo"], "album"],
      ["front", ["frontOwner", "frontNo"], "album"],
      ["painter", ["by"], "account"],
      ["account", ["key"], "account"],
    ]);
  });

  it("go to the table itself, in circles and from key columns, and are made of what was declared then", () => {
    const ref = { table: "b", name: "other" };
    const definitions = {
      a: { id: { primary: 1, ref }, up: { ref: "a" } },
      b: table({ id: { primary: 1, ref: "a" } }, { open: true }),
    } as const;
    const tables = compileTables(definitions);
    ref.table = "nope";
    const a = tables.get("a")!;
    expect(a.references.map((reference) => [reference.name, reference.table.name])).toEqual([
      ["other", "b"],
      ["up", "a"],
    ]);
    expect(a.references[1]!.table).toBe(a);
    expect(a.references[0]!.table.references[0]!.table).toBe(a);
    expect(Object.isFrozen(a.references)).toBe(true);
  });

  it.each([
    ["an unknown table", { x: { ref: "nope" } }, /declared tables are account, album, t/],
    ["an inherited name", { x: { ref: "constructor" } }, /names the table "constructor"/],
    ["no table", { x: { ref: "" } }, /property ref must be the name of a table/],
    ["a number", { x: { ref: 3 } }, /property ref must be/],
    ["an unknown member", { x: { ref: { table: "account", as: "y" } } }, /property ref must be/],
    ["a bad name", { x: { ref: { table: "account", name: "a b" } } }, /property ref must be/],
    ["a column that is not in the key", { x: { ref: "account.name" } }, /not in the key of account: id/],
    ["a key of several columns", { x: { ref: "album" } }, /say which of them this column holds, as in "album.owner"/],
    ["a part of a key", { x: { ref: "album.owner" } }, /has no column for album.no/],
    ["another type", { x: { type: "int", ref: "account" } }, /of type int, and account.id, which it refers to, of type text/],
    ["a type that is in no key", { x: { type: "json", ref: "account" } }, /does not apply to a column of type json/],
    ["a hidden column", { x: { hidden: true, ref: "account" } }, /is hidden/],
    ["a column that is a part of itself", { x: { join: ["x", "id"], unjoin: true, ref: "account" } }, /part of its own join/],
    ["one key column twice", { x: { ref: "album.owner" }, y: { ref: "album.owner" } }, /give each reference a name/],
    [
      "one name for two tables",
      { x: { ref: { table: "account", name: "r" } }, y: { ref: { table: "album", column: "owner", name: "r" } } },
      /names two tables, account and album/,
    ],
    ["the name of a column", { x: { ref: { table: "account", name: "id" } } }, /has the name of a column/],
    [
      "the name of a column, by default",
      { album: {}, x: { ref: "album.owner" }, y: { type: "int", ref: "album.no" } },
      /has the name of a column/,
    ],
    ["two references of one name", { x: { ref: "account" }, y: { ref: { table: "account", name: "x" } } }, /refers to account.id as/],
  ])("refuse %s", (_what, columns, message) => {
    const definitions = { account, album, t: { id: { primary: 1 }, ...columns } } as unknown as TableDefinitions;
    let error: unknown;
    try {
      compileTables(definitions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DbError);
    expect(error).toMatchObject({ code: "invalid", table: "t", detail: { property: "ref" } });
    expect((error as DbError).message).toMatch(message);
  });
});
