// Calls beside each other: inside and outside of transactions, not awaited, given up, with objects that change meanwhile.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { AnyDb } from "../any-db.js";
import { refuses } from "../expectations.js";
import type { Suite, TopicContext } from "../suite.js";

const tables = defineTables({
  account: { id: { primary: 1 }, balance: { type: "int" }, name: {}, cents: { type: "decimal" }, tags: { type: "set" } },
  line: { account: { primary: 1 }, at: { type: "int", primary: 2 }, balance: { type: "int" }, cents: { type: "decimal" } },
  self: { id: { primary: 1, join: ["id", "x"], unjoin: true }, x: { hidden: true }, n: { type: "int" } },
  path: { id: { primary: 1 }, at: { primary: 2 }, place: { index: 1, ops: { select: "begins_with" } }, n: { type: "int" } },
});

/** Something that one side tells the other. */
function signalOf(): { readonly told: Promise<void>; tell(): void } {
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => (tell = resolve));
  return { told, tell };
}

export function seams(suite: Suite): void {
  suite.topic("seams", { tables }, (topic) => {
    const { promise } = topic;
    /** A promise of drivers with interactive transactions, or with any. */
    const inTransaction = (name: string, kinds: readonly string[], test: (context: TopicContext) => Promise<void>): void =>
      promise(name, async (context) => {
        if (kinds.includes(context.capabilities.transactions)) await test(context);
      });
    const any = ["interactive", "batch"];
    /** A promise of drivers with transactions inside transactions: of the engine's marks, or of rows that the core keeps. */
    const nested = (name: string, test: (context: TopicContext) => Promise<void>): void =>
      inTransaction(`${name}, or unsupported`, any, async (context) => {
        const { db, capabilities, fresh } = context;
        if (capabilities.transactions === "batch" || capabilities.savepoints) return test(context);
        const id = fresh();
        await db.transaction(async (tx) => {
          await tx.put("account", { id, balance: 1 });
          const inner = tx as AnyDb;
          const missing = { outcome: "none", detail: { capability: "savepoints" } };
          await refuses(
            inner.transaction(async (own) => own.put("account", { id, balance: 2 })),
            "unsupported",
            missing,
          );
          await refuses(inner.bulk([{ op: "put", table: "account", row: { id, balance: 3 } }], { atomic: true }), "unsupported", missing);
        });
        expect(await db.get("account", id)).toMatchObject({ balance: 1 });
      });

    inTransaction("a write outside waits for a transaction, never the transaction for it", any, async ({ db, fresh }) => {
      const account = fresh();
      const [a, b] = [1, 2].map((at) => ({ account, at }));
      await db.bulk([a, b].map((key) => ({ op: "put", table: "line", row: { ...key, balance: 0 } })));
      const begun = signalOf();
      const go = signalOf();
      const transaction = db.transaction(
        async (tx) => {
          await tx.update("line", { ...a, balance: 1 });
          begun.tell();
          await go.told;
          await tx.update("line", { ...a, balance: 2 });
          await tx.update("line", { ...b, balance: 2 });
        },
        { attempts: 20 },
      );
      await begun.told;
      const outside = Promise.all([
        db.update("line", { ...a, balance: 9 }),
        db.put("line", { ...b, balance: 9 }),
        db.put("line", { ...a, balance: 9 }),
      ]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      go.tell();
      await transaction;
      await outside;
      const rows = await db.list("line", [a, b]);
      for (const row of rows) expect([2, 9]).toContain(row["balance"]);
    });

    inTransaction("a call that is not awaited belongs to its transaction, or is refused", any, async ({ db, fresh }) => {
      const [kept, undone, both] = [fresh(), fresh(), fresh()];
      const late: Promise<unknown>[] = [];
      await db.transaction(async (tx) => {
        late.push(tx.put("account", { id: kept, balance: 1 }));
      });
      await expect(Promise.all(late)).resolves.toEqual([{ affected: 1 }]);
      expect(await db.get("account", kept)).toMatchObject({ balance: 1 });
      const lost: Promise<unknown>[] = [];
      await expect(
        db.transaction(async (tx) => {
          lost.push(tx.put("account", { id: undone, balance: 1 }), tx.incr("account", { id: both, balance: 1 }));
          throw new Error("stop");
        }),
      ).rejects.toThrow("stop");
      await Promise.allSettled(lost);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await db.list("account", [undone, both])).toEqual([]);
    });

    nested("a transaction inside another is undone by itself", async ({ db, fresh }) => {
      const account = fresh();
      const [outer, inner, later] = [1, 2, 3].map((at) => ({ account, at }));
      await db.put("line", { ...inner, balance: 1 });
      await db.transaction(async (tx) => {
        await tx.put("line", { ...outer, balance: 1 });
        const failing = (tx as AnyDb).transaction(async (own) => {
          await own.put("line", { ...outer, balance: 2 });
          await own.put("line", { ...inner, balance: 2 });
          throw new Error("inner");
        });
        await expect(failing).rejects.toThrow("inner");
        await (tx as AnyDb).transaction(async (own) => void (await own.put("line", { ...later, balance: 3 })));
      });
      expect(await db.get("line", outer)).toMatchObject({ balance: 1 });
      expect(await db.get("line", inner)).toMatchObject({ balance: 1 });
      expect(await db.get("line", later)).toMatchObject({ balance: 3 });
    });

    nested("an atomic bulk that fails inside a transaction leaves nothing", async ({ db, fresh }) => {
      const account = fresh();
      const [own, taken, outer] = [1, 2, 3].map((at) => ({ account, at }));
      await db.put("line", { ...taken, balance: 1 });
      await db.transaction(async (tx) => {
        await tx.put("line", { ...outer, balance: 1 });
        const items = [own, taken].map((key) => ({ op: "add", table: "line", row: { ...key, balance: 5 } }));
        await refuses((tx as AnyDb).bulk(items, { atomic: true }), "already-exists");
      });
      expect(await db.get("line", own)).toBeUndefined();
      expect(await db.get("line", taken)).toMatchObject({ balance: 1 });
      expect(await db.get("line", outer)).toMatchObject({ balance: 1 });
    });

    inTransaction("what outlives a transaction may use the database again", any, async ({ db, fresh }) => {
      const id = fresh();
      let later: Promise<unknown> | undefined;
      await db.transaction(async (tx) => {
        await tx.put("account", { id, balance: 1 });
        later = new Promise((resolve) => setTimeout(resolve, 10)).then(() => db.put("account", { id, balance: 2 }));
      });
      expect(await later).toEqual({ affected: 1 });
      expect(await db.get("account", id)).toMatchObject({ balance: 2 });
    });

    inTransaction("a transaction whose time is over is undone", any, async ({ db, fresh }) => {
      const id = fresh();
      const call = db.transaction(
        async (tx) => {
          await tx.put("account", { id, balance: 1 });
          await new Promise((resolve) => setTimeout(resolve, 300));
          await tx.put("account", { id, balance: 2 });
        },
        { timeoutMs: 100 },
      );
      await refuses(call, "timeout", { outcome: "none" });
      // The row is free again: the next write is not held up.
      await db.put("account", { id, balance: 3 });
      expect(await db.get("account", id)).toMatchObject({ balance: 3 });
    });

    inTransaction("a computed change in a transaction starts from the row as it is", any, async ({ db, open, fresh }) => {
      const account = fresh();
      const [key, other] = [1, 2].map((at) => ({ account, at }));
      const outside = await open();
      await db.put("line", { ...key, cents: "1", balance: 1 });
      let runs = 0;
      await db.transaction(
        async (tx) => {
          await tx.get("line", other);
          if (runs++ === 0 && db.capabilities().transactions === "batch") await outside.incr("line", { ...key, cents: "1.5", balance: 1 });
          await tx.incr("line", { ...key, cents: "0.5" }, { returning: "new" });
        },
        { attempts: 20 },
      );
      expect(await db.get("line", key)).toMatchObject({ cents: runs > 0 && db.capabilities().transactions === "batch" ? "3" : "1.5" });
    });

    inTransaction("close() inside a transaction is refused, and does not wait for itself", any, async ({ open, fresh }) => {
      const closing = await open();
      await closing.transaction(async (tx) => {
        await tx.put("account", { id: fresh() });
        await refuses(closing.close(), "invalid");
      });
      await closing.close();
    });

    promise("calls that were made before close() finish, also those of several steps; closing twice waits", async ({ db, open, fresh }) => {
      const id = fresh();
      const closing = await open();
      const calls = [
        closing.put("account", { id, balance: 0, cents: "0" }),
        ...Array.from({ length: 4 }, () => closing.update("account", { id, name: "x" })),
        ...Array.from({ length: 4 }, () => closing.incr("account", { id, cents: "0.5" }, { returning: "new" })),
      ];
      const closed = closing.close();
      await closing.close();
      const results = await Promise.allSettled(calls);
      expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
      await closed;
      expect(await db.get("account", id)).toMatchObject({ cents: "2", name: "x" });
      await refuses(closing.bulk([{ op: "del", table: "account", key: id }]), "closed");
      expect(await db.get("account", id)).toBeDefined();
    });

    promise("a call takes its values when it is made", async ({ db, fresh }) => {
      const ids = Array.from({ length: 6 }, () => fresh());
      const rows = ids.map((id) => ({ id, balance: 1, cents: "1", tags: ["a"] }));
      const where = { balance: 1 };
      const changes = { name: "first", tags: ["b"] };
      const key = { id: ids[3]! };
      await db.put("account", { id: ids[3]!, balance: 1 });
      const calls = [
        db.put("account", rows[0]),
        db.add("account", rows[1]),
        db.incr("account", rows[2]),
        db.update("account", rows[4], { upsert: true }),
        db.bulk([{ op: "put", table: "account", row: rows[5] }], db.capabilities().transactions === "none" ? {} : { atomic: true }),
        db.updateAll("account", { id: ids[3]!, ...where }, changes, { ops: { tags: "add" }, scan: true }),
      ];
      for (const row of rows) Object.assign(row, { balance: 7, cents: "7" }).tags.push("late");
      Object.assign(where, { balance: 7 });
      Object.assign(changes, { name: "late" }).tags.push("late");
      Object.assign(key, { id: "late" });
      await Promise.all(calls);
      for (const id of [ids[0], ids[1], ids[2], ids[4], ids[5]])
        expect(await db.get("account", id)).toMatchObject({ balance: 1, cents: "1", tags: ["a"] });
      expect(await db.get("account", ids[3])).toMatchObject({ name: "first", tags: ["b"] });
    });

    promise("a call takes its values when it is made, whatever its hooks wait for", async ({ open, db, fresh }) => {
      const hooked = await open();
      for (const table of ["account", "*"]) hooked.hook(table, "before:*", () => new Promise((resolve) => setTimeout(resolve, 5)));
      const row = { id: fresh(), balance: 1, tags: ["a"] };
      const keys = [{ id: row.id }];
      const call = hooked.put("account", row);
      Object.assign(row, { balance: 7 }).tags.push("late");
      await call;
      expect(await db.get("account", row.id)).toMatchObject({ balance: 1, tags: ["a"] });
      const listing = hooked.list("account", keys);
      keys.push({ id: "none" });
      Object.assign(keys[0]!, { id: "none" });
      expect(await listing).toHaveLength(1);
    });

    promise("updateAll and delAll that fail half-way say how many rows they changed", async ({ db, fresh }) => {
      const id = fresh();
      const rows = Array.from({ length: 60 }, (_, i) => ({ id, at: `${100 + i}`, n: i === 40 ? Number.MAX_SAFE_INTEGER : i }));
      await db.bulk(rows.map((row) => ({ op: "put", table: "path", row })));
      const error = await db.updateAll("path", { id }, { n: 1 }, { ops: { n: "incr" } }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: "DbError", code: "invalid", outcome: "some" });
      const { affected } = (error as { detail: { affected: number } }).detail;
      const found = (await db.select("path", { id }, { count: 100 })).rows;
      expect(found.filter((row, i) => row["n"] !== rows[i]!.n)).toHaveLength(affected);
      expect(affected).toBeGreaterThan(0);
    });

    promise("updateAll and delAll reach rows whose key is a part of its own join", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      await db.bulk([a, b].map((id) => ({ op: "put", table: "self", row: { id, x: "1", n: 1 } })));
      const filter = { n: 1 };
      expect(await db.updateAll("self", filter, { n: 2 }, { scan: true })).toEqual({ affected: 2 });
      expect(await db.updateAll("self", { n: 2 }, { n: 1 }, { scan: true, ops: { n: "incr" } })).toEqual({ affected: 2 });
      expect(await db.delAll("self", { n: 3 }, { scan: true })).toEqual({ affected: 2 });
      expect(await db.count("self", {}, { all: true })).toBe(0);
    });

    promise("updateAll and delAll read plain values as equality, whatever the column's own operator is", async ({ db, fresh }) => {
      const id = fresh();
      await db.bulk([`${id}`, `${id}x`].map((place, i) => ({ op: "put", table: "path", row: { id, at: `${i}`, place, n: 0 } })));
      expect(await db.updateAll("path", { place: id }, { n: 1 }, { ops: { n: "incr" } })).toEqual({ affected: 1 });
      expect(await db.updateAll("path", { place: id }, { n: 5 })).toEqual({ affected: 1 });
      expect((await db.select("path", { id })).rows).toMatchObject([{ n: 5 }, { n: 0 }]);
      expect(await db.delAll("path", { place: id })).toEqual({ affected: 1 });
    });

    promise("a time limit bounds the whole call, waiting for its row's turn included", async ({ db, open, fresh }) => {
      const id = fresh();
      const slow = await open();
      slow.hook("account", "before:update", () => new Promise((resolve) => setTimeout(resolve, 2_000)));
      await db.put("account", { id, balance: 0, cents: "0" });
      await refuses(slow.update("account", { id, balance: 1 }, { timeoutMs: 30 }), "timeout", { outcome: "none" });
      const controller = new AbortController();
      const cancelled = slow.update("account", { id, balance: 1 }, { signal: controller.signal });
      setTimeout(() => controller.abort(), 10);
      await refuses(cancelled, "cancelled", { outcome: "none" });
      expect(await db.get("account", id)).toMatchObject({ balance: 0 });
    });

    promise("many calls on one signal are no leak", async ({ db, fresh }) => {
      const id = fresh();
      const warnings: unknown[] = [];
      const heard = (warning: Error): void => void warnings.push(warning.name);
      const { process } = globalThis as { process?: NodeJS.Process };
      process?.on("warning", heard);
      const { signal } = new AbortController();
      await Promise.all(Array.from({ length: 30 }, () => db.incr("account", { id, balance: 1 }, { signal })));
      await Promise.all(Array.from({ length: 30 }, () => db.get("account", id, { signal })));
      await new Promise((resolve) => setTimeout(resolve, 0));
      process?.off("warning", heard);
      expect(warnings).not.toContain("MaxListenersExceededWarning");
      expect(await db.get("account", id)).toMatchObject({ balance: 30 });
    });

    promise("upsert makes a missing row, whatever where and mustMatch say", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      expect(await db.update("account", { id: a, balance: 1 }, { upsert: true, where: { balance: 5 } })).toEqual({ affected: 1 });
      expect(await db.update("account", { id: b, balance: 1 }, { upsert: true, where: { balance: 5 }, mustMatch: true })).toEqual({
        affected: 1,
      });
      await refuses(
        db.update("account", { id: b, balance: 2 }, { upsert: true, where: { balance: 5 }, mustMatch: true }),
        "condition-failed",
      );
      expect(await db.update("account", { id: b, balance: 2 }, { upsert: true, where: { balance: 5 } })).toEqual({ affected: 0 });
    });

    promise("explain runs no hooks, and takes a column named pool for what it is", async ({ open }) => {
      const explaining = await open();
      let calls = 0;
      explaining.hook("account", "before:*", () => void calls++);
      await explaining.explain("put", "account", { id: "a" });
      await refuses(explaining.explain("updateAll", "account", { id: "a" }, { pool: "x" }) as Promise<unknown>, "invalid");
      expect(calls).toBe(0);
    });
  });
}
