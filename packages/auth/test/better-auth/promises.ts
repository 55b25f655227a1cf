// What the published suite does not ask: races, hostile values, what is taken literally, on a driver of @bk/db.

import type { BetterAuthOptions, BetterAuthPlugin } from "better-auth";
import type { DBAdapter } from "better-auth/adapters";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { bkAdapter } from "@bk/auth/better-auth";
import type { Place } from "./test-adapter.js";

/** The schema of better-auth's passkeys, and a key of two fields. */
const plugin: BetterAuthPlugin = {
  id: "test",
  schema: {
    passkey: {
      fields: {
        name: { type: "string", required: false },
        publicKey: { type: "string" },
        userId: { type: "string", references: { model: "user", field: "id" }, index: true },
        credentialID: { type: "string", index: true },
        counter: { type: "number" },
        backedUp: { type: "boolean" },
        transports: { type: "string", required: false },
        createdAt: { type: "date", required: false },
      },
    },
    identity: {
      fields: { issuer: { type: "string" }, subject: { type: "string" }, meta: { type: "json", required: false } },
      indexes: [{ fields: ["issuer", "subject"], unique: true }],
    },
  },
};

const options: BetterAuthOptions = { plugins: [plugin], rateLimit: { storage: "database" } };

export function describePromises(openPlace: () => Promise<Place>): void {
  describe("beside the published suite", () => {
    let place: Place;
    let db: Awaited<ReturnType<Place["openDb"]>>;
    let adapter: DBAdapter;
    beforeAll(async () => {
      place = await openPlace();
      db = await place.openDb(options);
      adapter = bkAdapter(db)(options);
    });
    afterAll(async () => {
      await db.close();
      await place.clean();
    });

    let users = 0;
    const makeUser = (own: object = {}) =>
      adapter.create<Record<string, unknown>>({
        model: "user",
        data: {
          name: "Ann",
          email: `ann-${++users}@example.com`,
          emailVerified: false,
          createdAt: new Date(),
          updatedAt: new Date(),
          ...own,
        },
      }) as Promise<{ id: string; email: string; name: string }>;
    const makePasskey = (userId: string, own: object = {}) =>
      adapter.create<Record<string, unknown>>({
        model: "passkey",
        data: { publicKey: "k", userId, credentialID: `c-${++users}`, counter: 5, backedUp: true, ...own },
      }) as Promise<{ id: string; credentialID: string; counter: number }>;

    it("gives a row that is consumed to one of many callers", async () => {
      const { id, credentialID } = await makePasskey("u");
      await makePasskey("u");
      const byField = [{ field: "credentialID", value: credentialID }];
      const taken = await Promise.all(
        Array.from({ length: 8 }, () => adapter.consumeOne<{ id: string }>({ model: "passkey", where: byField })),
      );
      expect(taken.filter((row) => row !== null).map((row) => row.id)).toEqual([id]);
      expect(await adapter.count({ model: "passkey", where: byField })).toBe(0);
    });

    it("consumes one row of several that match", async () => {
      const user = await makeUser();
      for (let i = 0; i < 3; i++) await makePasskey(user.id);
      const where = [{ field: "userId", value: user.id }];
      expect(await adapter.consumeOne({ model: "passkey", where })).toMatchObject({ userId: user.id });
      expect(await adapter.count({ model: "passkey", where })).toBe(2);
    });

    it("counts down to nothing, and no further, whoever counts at the same time", async () => {
      const { id, credentialID } = await makePasskey("u", { counter: 5 });
      const take = (where: { field: string; value: string }) =>
        adapter.incrementOne<{ counter: number }>({
          model: "passkey",
          where: [where, { field: "counter", operator: "gt", value: 0 }],
          increment: { counter: -1 },
          set: { name: "used" },
        });
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          take(i % 2 === 0 ? { field: "id", value: id } : { field: "credentialID", value: credentialID }),
        ),
      );
      const left = results.filter((row) => row !== null).map(({ counter }) => counter);
      expect(left.toSorted()).toEqual([0, 1, 2, 3, 4]);
      expect(await adapter.findOne({ model: "passkey", where: [{ field: "id", value: id }] })).toMatchObject({ counter: 0, name: "used" });
    });

    it("changes the row that other conditions on its id name", async () => {
      const { id } = await makeUser();
      const where = [{ field: "id", operator: "in" as const, value: [id, "nobody"] }];
      expect(await adapter.update({ model: "user", where, update: { name: "Eve" } })).toMatchObject({ id, name: "Eve" });
      const twice = [
        { field: "id", value: id },
        { field: "id", operator: "ne" as const, value: id },
      ];
      expect(await adapter.update({ model: "user", where: twice, update: { name: "Bob" } })).toBeNull();
      await expect(adapter.update({ model: "user", where, update: { id: "other" } })).rejects.toMatchObject({ code: "unsupported" });
    });

    it("finds nothing by values that no row can have, and fails on none", async () => {
      const { id } = await makeUser();
      for (const value of ["", "a\0b", "\ud800", "x".repeat(300), 12]) {
        const where = [{ field: "id", value }];
        expect(await adapter.findOne({ model: "user", where })).toBeNull();
        expect(await adapter.update({ model: "user", where, update: { name: "Bob" } })).toBeNull();
        expect(await adapter.consumeOne({ model: "user", where })).toBeNull();
        await adapter.delete({ model: "user", where });
      }
      for (const value of ["a\0b", "\ud800"]) {
        const operators = ["eq", "in", "contains", "starts_with", "ends_with"] as const;
        for (const operator of operators)
          for (const mode of ["sensitive", "insensitive"] as const) {
            const where = [{ field: "email", operator, value: operator === "in" ? [value] : value, mode }];
            expect(await adapter.count({ model: "user", where })).toBe(0);
          }
        const others = [{ field: "email", operator: "ne" as const, value }];
        expect(await adapter.count({ model: "user", where: others })).toBe(await adapter.count({ model: "user" }));
      }
      expect(await adapter.count({ model: "user", where: [{ field: "createdAt", operator: "gt", value: new Date(NaN) }] })).toBe(0);
      expect(await adapter.findOne({ model: "user", where: [{ field: "id", value: id }] })).not.toBeNull();
    });

    it("takes what pattern signs there are in texts literally", async () => {
      const { id } = await makeUser({ name: "50%_\\Off" });
      await makeUser({ name: "50 x yOff" });
      for (const [operator, value] of [
        ["eq", "50%_\\OFF"],
        ["contains", "%_\\o"],
        ["starts_with", "50%"],
        ["ends_with", "_\\off"],
      ] as const) {
        const found = await adapter.findMany<{ id: string }>({
          model: "user",
          where: [{ field: "name", operator, value, mode: "insensitive" }],
        });
        expect([operator, found.map((row) => row.id)]).toEqual([operator, [id]]);
      }
    });

    it("refuses a taken value with words that plugins know, of one field and of several", async () => {
      const { email } = await makeUser();
      await expect(makeUser({ email })).rejects.toThrow(/duplicate entry/);
      const identity = (subject: string) =>
        adapter.create({ model: "identity", data: { issuer: "i", subject, meta: { at: new Date(0), list: [1] } } });
      expect(await identity("a")).toMatchObject({ meta: { at: "1970-01-01T00:00:00.000Z", list: [1] } });
      await identity("b");
      await expect(identity("a")).rejects.toMatchObject({ code: "already-exists" });
    });

    it("deletes every row that matches, and none without a condition", async () => {
      const user = await makeUser();
      for (let i = 0; i < 3; i++) await makePasskey(user.id);
      await adapter.delete({ model: "passkey", where: [] });
      const where = [{ field: "userId", value: user.id }];
      expect(await adapter.count({ model: "passkey", where })).toBe(3);
      await adapter.delete({ model: "passkey", where });
      expect(await adapter.count({ model: "passkey", where })).toBe(0);
    });

    it("reads any number of rows from any place", async () => {
      const user = await makeUser();
      for (let counter = 0; counter < 25; counter++) await makePasskey(user.id, { counter });
      const read = async (limit: number, offset: number) => {
        const where = [{ field: "userId", value: user.id }];
        const sortBy = { field: "counter", direction: "desc" as const };
        return (await adapter.findMany<{ counter: number }>({ model: "passkey", where, limit, offset, sortBy })).map(
          ({ counter }) => counter,
        );
      };
      expect(await read(3, 20)).toEqual([4, 3, 2]);
      expect(await read(10, 22)).toEqual([2, 1, 0]);
      expect([await read(5, 25), await read(5, 100), await read(0, 0)]).toEqual([[], [], []]);
    });
  });

  describe("ids that are numbers", () => {
    const serial: BetterAuthOptions = { ...options, advanced: { database: { generateId: "serial" } } };
    let place: Place;
    let db: Awaited<ReturnType<Place["openDb"]>>;
    beforeAll(async () => {
      place = await openPlace();
      db = await place.openDb(serial);
    });
    afterAll(async () => {
      await db.close();
      await place.clean();
    });

    it("are given once, and go on after those that were given", async () => {
      const adapter = bkAdapter(db)(serial);
      const data = (i: number) => ({ issuer: "i", subject: String(i) });
      const make = async (i: number) => Number((await adapter.create<{ id?: string }>({ model: "identity", data: data(i) })).id);
      const ids = await Promise.all(Array.from({ length: 8 }, (_, i) => make(i)));
      expect(ids.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      await adapter.create({ model: "identity", data: { ...data(20), id: "20" }, forceAllowId: true });
      expect(await make(21)).toBe(21);
      for (const value of ["abc", "1.5", ""])
        expect(await adapter.findOne({ model: "identity", where: [{ field: "id", value }] })).toBeNull();
    });
  });
}
