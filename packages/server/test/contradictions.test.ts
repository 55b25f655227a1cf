// Tables that would show or hide what was not meant are refused before anything is made of them.
import { table, type TableDefinition } from "@bk/db";
import { describe, expect, it } from "vitest";

import { createServer } from "../src/index.js";
import { masterKey } from "./start-server.js";

const key = { id: { primary: 1 } } as const;
const owned = (owner: object): TableDefinition => table({ ...key, name: {}, owner }, { owner: "owner" });

const refused: readonly [string, TableDefinition, string][] = [
  ["pub and secure", { ...key, a: { pub: true, secure: true } }, "column a "],
  ["pub and admin", { ...key, a: { pub: true, admin: true } }, "column a "],
  ["a secure key", { id: { primary: 1, secure: true } }, "column id "],
  ["a secure part of the key", { ...key, day: { primary: 2, secure: true } }, "column day "],
  ["a pub join of a secure column", { ...key, a: { secure: true }, ab: { join: ["id", "a"], pub: true } }, "column ab "],
  ["a join of a secure column that owners see", { ...key, a: { secure: true }, ab: { join: ["id", "a"] } }, "column ab "],
  ["a join of a secure column that admins see", { ...key, a: { secure: true }, ab: { join: ["id", "a"], admin: true } }, "column ab "],
  ["a key joined from a secure column", { id: { primary: 1, join: ["a", "b"] }, a: { secure: true }, b: {} }, "column id "],
  ["a join of an admin column that others see", { ...key, a: { admin: true }, ab: { join: ["id", "a"] } }, "column ab "],
  ["a join of a secure column that is not stored", { ...key, a: { secure: true, hidden: true }, ab: { join: ["id", "a"] } }, "column ab "],
  ["a secure owner", owned({ secure: true }), "column owner "],
  ["a hidden owner", owned({ hidden: true }), "column owner "],
  ["a joined owner", owned({ join: ["id", "name"] }), "column owner "],
  ["an owner in upper case", owned({ upper: true }), "column owner "],
  ["an owner in lower case", owned({ lower: true }), "column owner "],
  ["a trimmed owner", owned({ trim: true }), "column owner "],
  ["a capitalized owner", owned({ cap: true }), "column owner "],
  ["an owner that inserts leave alone", owned({ writeonly: true }), "column owner "],
  ["an owner that is a number", owned({ type: "int" }), "column owner "],
  ["an owner that is a list", owned({ type: "list" }), "column owner "],
  ["an owner that is a geohash", owned({ type: "geohash" }), "column owner "],
  [
    "an admin column with a multiplier",
    table({ ...key, owner: {}, a: { type: "int", admin: true, multiplier: 10 } }, { owner: "owner" }),
    "column a ",
  ],
];

const taken: readonly [string, TableDefinition][] = [
  ["a secure column that admins alone set", { ...key, a: { secure: true, admin: true } }],
  ["a secure join of a secure column", { ...key, a: { secure: true }, ab: { join: ["id", "a"], secure: true } }],
  ["an admin join of an admin column", { ...key, a: { admin: true }, ab: { join: ["id", "a"], admin: true } }],
  ["a pub join of plain columns", { ...key, a: {}, ab: { join: ["id", "a"], pub: true } }],
  ["properties that are off", { ...key, a: { pub: true, secure: false }, ab: { join: ["id", "a"], pub: true } }],
  ["an owner in the key", table({ owner: { primary: 1 }, day: { primary: 2 } }, { owner: "owner" })],
  ["an owner that is pub", owned({ pub: true, upper: false })],
];

describe("a table that contradicts itself is refused when it is loaded", () => {
  it.each(refused)("%s", async (_name, definition, column) => {
    const made = createServer({ db: "memory:", tables: { thing: definition }, masterKey });
    await expect(made).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(`thing: ${column}`) });
  });

  it.each(taken)("%s is taken", async (_name, definition) => {
    const server = await createServer({ db: "memory:", tables: { thing: definition }, masterKey });
    await server.close();
  });
});
