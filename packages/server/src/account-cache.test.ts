import type { Account } from "@bk/auth";
import { describe, expect, it } from "vitest";

import { cachedAccounts } from "./account-cache.js";
import type { Row } from "./data/served-db.js";

function setUp(): { rows: Map<string, Row>; opened: string[]; find: (login: string) => Promise<Account | undefined> } {
  const rows = new Map<string, Row>([["bob", { login: "bob", id: "u1", secret: "sealed", flags: ["a"] }]]);
  const opened: string[] = [];
  const db = { get: async (_table: string, key: unknown) => structuredClone(rows.get((key as { login: string }).login)) };
  const store = {
    findByLogin: async (login: string) => {
      opened.push(login);
      return structuredClone(rows.get(login)) as unknown as Account | undefined;
    },
  };
  const { findByLogin: find } = cachedAccounts(db, store);
  return { rows, opened, find };
}

describe("cachedAccounts", () => {
  it("opens a row once while it stays as it is, and a missing one likewise", async () => {
    const { opened, find } = setUp();
    for (let i = 0; i < 3; i++) {
      expect(await find("bob")).toMatchObject({ id: "u1" });
      expect(await find("nobody")).toBeUndefined();
    }
    expect(opened).toEqual(["bob", "nobody"]);
  });

  it("sees every change at once: another secret or flag, a deleted and a new account", async () => {
    const { rows, opened, find } = setUp();
    await find("bob");
    rows.set("bob", { login: "bob", id: "u1", secret: "other", flags: ["a"] });
    expect(await find("bob")).toMatchObject({ secret: "other" });
    rows.set("bob", { login: "bob", id: "u1", secret: "other", flags: ["b"] });
    expect(await find("bob")).toMatchObject({ flags: ["b"] });
    rows.delete("bob");
    expect(await find("bob")).toBeUndefined();
    rows.set("bob", { login: "bob", id: "u2", secret: "new", flags: null });
    expect(await find("bob")).toMatchObject({ id: "u2" });
    expect(opened.length).toBe(5);
  });
});
