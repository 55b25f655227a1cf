import type { BetterAuthOptions, BetterAuthPlugin } from "better-auth";
import { getAuthTables } from "better-auth/db";
import { describe, expect, it } from "vitest";

import { type BetterAuthTables, tablesOf } from "@bk/auth/better-auth";

const secure = { secure: true };
const pluginWith = (fields: NonNullable<BetterAuthPlugin["schema"]>[string]["fields"]): BetterAuthOptions => ({
  plugins: [{ id: "test", schema: { thing: { fields } } }],
});

describe("the tables of better-auth", () => {
  it("are those of its schema, with keys, unique values, indexes and references", () => {
    const { user, session, account, verification } = tablesOf({});
    expect(user).toEqual({
      id: { primary: 1 },
      name: {},
      email: { unique: 1 },
      emailVerified: { type: "bool" },
      image: {},
      createdAt: { type: "timestamp" },
      updatedAt: { type: "timestamp" },
    });
    expect([session!["token"], session!["userId"]]).toEqual([
      { ...secure, unique: 1 },
      { ...secure, ref: "user", index: 1 },
    ]);
    expect([account!["password"], verification!["identifier"]]).toEqual([secure, { ...secure, index: 1 }]);
  });

  it("have every field, and none but those of the users is to be seen over HTTP", () => {
    const options: BetterAuthOptions = {
      rateLimit: { storage: "database" },
      user: { additionalFields: { pin: { type: "string", returned: false } } },
    };
    const tables: BetterAuthTables = tablesOf(options);
    for (const [model, { fields }] of Object.entries(getAuthTables(options))) {
      const { id, ...columns } = tables[model]!;
      expect(Object.keys(columns).toSorted()).toEqual(Object.keys(fields).toSorted());
      expect(id).toEqual({ primary: 1 });
      const open = Object.entries(columns).filter(([, column]) => column.secure !== true);
      expect([model, open.length]).toEqual([model, model === "user" ? Object.keys(fields).length - 1 : 0]);
    }
    expect(tables["user"]!["pin"]).toEqual(secure);
  });

  it("have a type for each type of field", () => {
    const fields = {
      text: { type: "string" },
      choice: { type: ["a", "b"] },
      number: { type: "number" },
      big: { type: "number", bigint: true },
      bool: { type: "boolean" },
      time: { type: "date" },
      any: { type: "json" },
      texts: { type: "string[]" },
      numbers: { type: "number[]" },
    } as const;
    expect(tablesOf(pluginWith(fields as never))["thing"]).toEqual({
      id: { primary: 1 },
      text: secure,
      choice: secure,
      number: { ...secure, type: "double" },
      big: { ...secure, type: "bigint" },
      bool: { ...secure, type: "bool" },
      time: { ...secure, type: "timestamp" },
      any: { ...secure, type: "json" },
      texts: { ...secure, type: "list" },
      numbers: { ...secure, type: "list", of: "real" },
    });
  });

  it("have the names that the options give them", () => {
    const options: BetterAuthOptions = { user: { modelName: "person", fields: { email: "mail" } } };
    expect(tablesOf(options)["person"]!["mail"]).toEqual({ unique: 1 });
    expect(tablesOf(options)["session"]!["userId"]).toMatchObject({ ref: "person" });
    const plural = tablesOf(options, { usePlural: true });
    expect([Object.keys(plural), plural["sessions"]!["userId"]]).toEqual([
      ["persons", "sessions", "accounts", "verifications"],
      { ...secure, ref: "persons", index: 1 },
    ]);
  });

  it("count where ids are numbers", () => {
    const tables = tablesOf({ advanced: { database: { generateId: "serial" } } });
    expect([tables["user"]!["id"], tables["session"]!["userId"]]).toEqual([
      { type: "bigint", primary: 1 },
      { ...secure, type: "bigint", ref: "user", index: 1 },
    ]);
    expect(Object.keys(tables)).toContain("better_auth_serial");
  });

  it("index several fields together, and none twice", () => {
    const fields = { a: { type: "string", unique: true, index: true }, b: { type: "string", index: true }, c: { type: "number" } } as const;
    const options: BetterAuthOptions = {
      plugins: [
        {
          id: "test",
          schema: { thing: { fields, indexes: [{ fields: ["b", "c"], unique: true }, { fields: ["c", "b"] }] } },
        },
      ],
    };
    expect(tablesOf(options)["thing"]).toEqual({
      id: { primary: 1 },
      a: { ...secure, unique: 1 },
      b: { ...secure, unique1: 1, index: 1, index1: 2 },
      c: { ...secure, type: "double", unique1: 2, index1: 1 },
    });
  });

  it("leave out indexes beyond the sixth, and refuse as many unique values", () => {
    const seven = (own: object) => Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`f${i}`, { type: "string", ...own } as const]));
    const columns = Object.values(tablesOf(pluginWith(seven({ index: true })))["thing"]!);
    expect(columns.filter((column) => Object.keys(column).some((name) => name.startsWith("index"))).length).toBe(6);
    expect(() => tablesOf(pluginWith(seven({ unique: true })))).toThrow(/thing has 7 unique values/);
  });
});
