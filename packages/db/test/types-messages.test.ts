import { describe, expect, it } from "vitest";

import { typesProgram } from "../../../test/bench/types-program.js";
import { compileTypes } from "./compile-types.js";

const app = `import { defineTables, openDb, table } from "@bk/db";
const tables = defineTables({
  account: { id: { type: "uuid", primary: 1 }, email: { type: "email", unique: 1 }, name: { pub: true }, logins: { type: "counter" }, kind: { values: ["free", "paid"] } },
  photo: { owner: { primary: 1 }, taken: { type: "bigint", primary: 2 }, tags: { type: "set" }, place: { index: 1 }, stars: { type: "int", index: 2 }, meta: { type: "json" }, title: { notEmpty: true } },
  note: table({ id: { type: "uuid", primary: 1 }, text: {}, size: { type: "int" } }, { open: true }),
});
const db = await openDb({ tables, pools: { main: "memory:", events: "memory:" } });
const key = { owner: "o", taken: 1 };
`;

/** Lines that do not compile, each with what the compiler says of it: in it, in this order. */
const mistakes: readonly (readonly [line: string, ...says: string[]])[] = [
  [`await db.get("foto", key);`, `'"foto"'`, `'"account" | "note" | "photo"'`],
  [
    `await db.put("photo", { ...key, title: "a", plaice: "x" });`,
    "'plaice' does not exist in type 'NewRow<\"photo\", { ",
    "Did you mean to write 'place'?",
  ],
  [
    `await db.put("photo", { owner: "o", title: "a" });`,
    "Property 'taken' is missing",
    'required in type \'NewRow<"photo", { readonly owner: string; readonly taken: number;',
  ],
  [`await db.add("photo", key);`, "Property 'title' is missing", 'NewRow<"photo", '],
  [`await db.put("photo", { ...key, title: "a", stars: "5" });`, "Type 'string' is not assignable to type 'number'"],
  [`await db.put("photo", { ...key, title: null });`, "Type 'null' is not assignable to type 'string'"],
  [`await db.put("note", { size: "x" });`, "Type 'string' is not assignable to type 'number'"],
  [`await db.add("account", { kind: "gold" });`, `'"gold"' is not assignable to type '"free" | "paid" | null | undefined'`],
  [
    `await db.get("photo", { owner: "o" });`,
    "Property 'taken' is missing",
    'Key<"photo", { readonly owner: string; readonly taken: number; }>',
  ],
  [`await db.get("photo", "o");`, "'string'", "'Key<\"photo\", { readonly owner: string; readonly taken: number; }>'"],
  [`await db.get("account", 5);`, "'number'", 'string | Key<"account", { readonly id: string; }>'],
  [`await db.get("photo", key, { select: ["plaice"] });`, `'"plaice"'`, `"place"`],
  [
    `await db.get("photo", key, { selct: ["place"] });`,
    "'selct' does not exist in type 'ReadOptions<undefined> & ",
    "Did you mean to write 'select'?",
  ],
  [
    `(await db.get("account", "1"))!.nme;`,
    "'nme' does not exist on type 'Row<\"account\", { email: string | null; id: string;",
    "Did you mean 'name'?",
  ],
  [`await db.select("photo", { ouner: "o" });`, "'ouner' does not exist in type 'Filter<\"photo\", ", "Did you mean to write 'owner'?"],
  [`await db.select("photo", { $or: { ouner: "o" } });`, "'ouner' does not exist", 'Filter<"photo", '],
  [`await db.select("photo", { stars: "3" });`, "'string'", "'number | Comparisons<number> | readonly number[] | null | undefined'"],
  [`await db.select("photo", { stars: { $near: 3 } });`, "'$near' does not exist in type 'Comparisons<number> | readonly number[]'"],
  [`await db.select("photo", {}, { sort: "-meta" });`, `'"-meta"'`, `"-stars"`],
  [`await db.select("photo", {}, { limit: 5 });`, "'limit' does not exist in type 'PageOptions<"],
  [`await db.update("photo", { owner: "o", stars: 5 });`, "Property 'taken' is missing", 'ChangedRow<"photo", '],
  [
    `await db.update("photo", { ...key, place: "x" }, { ops: { place: "incr" } });`,
    `'"incr"'`,
    `'"append" | "prepend" | "set" | "unset" | undefined'`,
  ],
  [
    `await db.update("photo", key, { where: { star: 1 } });`,
    "'star' does not exist in type 'Filter<\"photo\", ",
    "Did you mean to write 'stars'?",
  ],
  [`await db.updateAll("photo", { place: "Rome" }, { owner: "x" });`, "'owner' does not exist in type 'Changes<\"photo\", "],
  [`await db.bulk([{ op: "put", table: "photo", row: { ...key, title: "a", plaice: "x" } }]);`, 'NewRow<"photo", '],
  [
    `await db.transaction((tx) => tx.put("photo", { ...key, title: "a", plaice: "x" }));`,
    "'plaice' does not exist in type 'NewRow<\"photo\", ",
  ],
  [`db.pool("nope");`, `'"nope"' is not assignable to parameter of type '"events" | "main"'`],
  [`await db.get("account", "1", { pool: "nope" });`, `'"nope"' is not assignable to type '"events" | "main" | undefined'`],
  [`await db.copy({ from: "main", to: "nope" });`, `'"nope"' is not assignable to type '"events" | "main"'`],
  [`defineTables({ t: { id: { primary: 1 }, n: { type: "int", default: 3 } } });`, `'"there is no such property"'`],
  [`defineTables({ t: { id: { primary: 1 }, n: { type: "int", value: "x" } } });`, "Type 'string' is not assignable to type 'number'"],
  [`defineTables({ t: { id: { primary: 1 }, n: { type: "integer" } } });`, `'"integer"' is not assignable to type 'TypeName'`],
  [`table({ id: { primary: 1, unqiue: 1 } }, {});`, `'"there is no such property"'`],
  [`table({ id: { primary: 1 } }, { opne: true });`, `'"there is no such property"'`],
];

/** Most characters of a message: the compiler cuts each type that it prints at about 300. */
const longest = 520;

// The sources of the library are checked along, which takes the compiler some seconds.
describe("messages of the compiler", { timeout: 120_000 }, () => {
  it("name the table and what is wrong, and write out no definition", () => {
    const output = compileTypes({ "app.ts": `${app}${mistakes.map(([line]) => line).join("\n")}\n` });
    const from = app.split("\n").length;
    const messages = new Map<number, string>();
    for (const [, line, message] of output.matchAll(/^\S*app\.ts\((\d+),\d+\): error (.*)$/gm)) {
      expect(messages.has(Number(line)), `one message for line ${line}, not also ${message}`).toBe(false);
      messages.set(Number(line), message!);
    }
    for (const [i, [line, ...says]] of mistakes.entries()) {
      const message = messages.get(from + i) ?? "no error";
      let at = 0;
      for (const part of says) {
        expect(message.slice(at), line).toContain(part);
        at = message.indexOf(part, at) + part.length;
      }
      expect(message, line).not.toMatch(/primary|readonly type:|notEmpty/);
      expect(message.length, message).toBeLessThan(longest);
    }
    expect(messages.size).toBe(mistakes.length);
  });
});

/** Types that are made for the calls alone: what the declaration costs, and the library itself, is left out. */
const mostInstantiations = 275_000;

describe("what the types of an app cost", { timeout: 120_000 }, () => {
  it(`is at most ${mostInstantiations} instantiations for 300 calls on 50 tables of 20 columns`, () => {
    const [without, withCalls] = [0, 300].map((calls) => {
      const output = compileTypes(typesProgram({ tables: 50, columns: 20, calls }), "--extendedDiagnostics");
      expect(output).not.toContain("error");
      return Number(/^Instantiations:\s+(\d+)$/m.exec(output)?.[1]);
    });
    expect(withCalls! - without!).toBeGreaterThan(0);
    expect(withCalls! - without!).toBeLessThan(mostInstantiations);
  });
});
