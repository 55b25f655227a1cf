// Transactions: all or nothing, or `unsupported`; never half.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses, takesRowsApart } from "../expectations.js";
import type { Suite, TopicContext } from "../suite.js";

const tables = defineTables({
  account: { id: { primary: 1 }, balance: { type: "int" }, name: {}, code: { unique: 1 }, cents: { type: "int", multiplier: 100 } },
  entry: { account: { primary: 1 }, at: { type: "int", primary: 2 }, amount: { type: "int" }, cents: { type: "int", multiplier: 100 } },
});

export function transactions(suite: Suite): void {
  suite.topic("transactions", { tables }, (topic) => {
    /** A promise of drivers with transactions; the others refuse the call. */
    const promise = (name: string, test: (context: TopicContext) => Promise<void>): void =>
      topic.promise(`${name}, or unsupported`, async (context) => {
        if (context.capabilities.transactions !== "none") return test(context);
        await refuses(
          context.db.transaction(async () => undefined),
          "unsupported",
          { outcome: "none" },
        );
      });

    /** The same of rows in several tables; drivers whose transactions stay under one hash key refuse it, and nothing is done. */
    const wide = (name: string, test: (context: TopicContext) => Promise<void>): void =>
      promise(name, async (context) => {
        if (takesRowsApart(context.capabilities)) return test(context);
        const { db, fresh } = context;
        const id = fresh();
        const call = db.transaction(async (tx) => {
          await tx.put("entry", { account: id, at: 1 });
          await tx.put("entry", { account: `${id}-2`, at: 1 });
        });
        await refuses(call, "unsupported", { outcome: "none", detail: { capability: "atomic" } });
        expect(await db.get("entry", { account: id, at: 1 })).toBeUndefined();
        expect(await db.get("entry", { account: `${id}-2`, at: 1 })).toBeUndefined();
      });

    promise("rows under one hash key are written as a whole", async ({ db, fresh }) => {
      const account = fresh();
      await db.bulk([1, 2, 3].map((at) => ({ op: "put", table: "entry", row: { account, at, amount: at } })));
      const result = await db.transaction(async (tx) => {
        await tx.add("entry", { account, at: 4, amount: 4 });
        await tx.put("entry", { account, at: 1, amount: 10 });
        await tx.update("entry", { account, at: 1, cents: 1 }, { where: { amount: 10 } });
        await tx.incr("entry", { account, at: 2, amount: 5 });
        await tx.del("entry", { account, at: 3 });
        expect(await tx.get("entry", { account, at: 5 })).toBeUndefined();
        return "result";
      });
      expect(result).toBe("result");
      expect((await db.select("entry", { account })).rows).toEqual([
        { account, at: 1, amount: 10, cents: 100 },
        { account, at: 2, amount: 7, cents: null },
        { account, at: 4, amount: 4, cents: null },
      ]);
    });

    promise("a row that was read, or found missing, is still so when a transaction ends", async ({ db, open, fresh, capabilities }) => {
      if (capabilities.transactions !== "batch") return;
      const account = fresh();
      const outside = await open();
      await db.put("entry", { account, at: 1, amount: 1 });
      const changes = [
        () => outside.put("entry", { account, at: 1, amount: 2 }),
        () => outside.del("entry", { account, at: 1 }),
        () => outside.add("entry", { account, at: 2, amount: 3 }),
      ];
      const seen: unknown[] = [];
      for (const [i, change] of changes.entries()) {
        let runs = 0;
        await db.transaction(async (tx) => {
          const rows = await tx.list(
            "entry",
            [1, 2].map((at) => ({ account, at })),
          );
          if (runs++ === 0) await change();
          await tx.put("entry", { account, at: 10 + i });
          seen[i] = rows.map((row) => row["amount"]);
        });
        expect(runs).toBe(2);
      }
      expect(seen).toEqual([[2], [], [3]]);
    });

    wide("what a transaction wrote is there when it ends, as a whole", async ({ db, fresh }) => {
      const id = fresh();
      const result = await db.transaction(async (tx) => {
        await tx.add("account", { id, balance: 10 });
        await tx.put("entry", { account: id, at: 1, amount: 10 });
        await tx.update("account", { id, name: "a" }, { where: { balance: 10 } });
        await tx.incr("account", { id, balance: 5 });
        return "result";
      });
      expect(result).toBe("result");
      expect(await db.get("account", id)).toEqual({ id, balance: 15, name: "a", code: null, cents: null });
      expect(await db.get("entry", { account: id, at: 1 })).toMatchObject({ amount: 10 });
    });

    promise("a transaction whose function throws has done nothing, and rejects with that error", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("account", { id, balance: 1 });
      await db.put("entry", { account: id, at: 1, amount: 1 });
      const error = new Error("stop");
      const call = db.transaction(async (tx) => {
        await tx.put("account", { id, balance: 2 });
        await tx.add("account", { id: `${id}-new` });
        await tx.del("entry", { account: id, at: 1 });
        await tx.incr("entry", { account: id, at: 2, amount: 1 });
        throw error;
      });
      await expect(call).rejects.toBe(error);
      expect(await db.get("account", id)).toMatchObject({ balance: 1 });
      expect(await db.get("account", `${id}-new`)).toBeUndefined();
      expect((await db.select("entry", { account: id })).rows).toEqual([{ account: id, at: 1, amount: 1, cents: null }]);
    });

    promise("a call that fails inside, and is not caught, undoes the whole", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("account", { id, balance: 1 });
      const call = db.transaction(async (tx) => {
        await tx.put("entry", { account: id, at: 1 });
        await tx.add("account", { id });
      });
      await refuses(call, "already-exists");
      expect(await db.get("entry", { account: id, at: 1 })).toBeUndefined();
    });

    promise("a transaction reads what it wrote, others see it only afterwards", async ({ db, open, fresh }) => {
      const key = { account: fresh(), at: 1 };
      await db.transaction(async (tx) => {
        await tx.put("entry", { ...key, amount: 1 });
        expect(await tx.get("entry", key)).toMatchObject({ amount: 1 });
        expect(await (await open()).get("entry", key)).toBeUndefined();
        await tx.del("entry", key);
        expect(await tx.get("entry", key)).toBeUndefined();
        await tx.add("entry", { ...key, amount: 2 });
        expect(await tx.list("entry", [key, { ...key, at: 2 }])).toMatchObject([{ amount: 2 }]);
      });
      expect(await db.get("entry", key)).toMatchObject({ amount: 2 });
    });

    promise("calls on the database inside the function join the transaction", async ({ db, fresh }) => {
      const id = fresh();
      await expect(
        db.transaction(async () => {
          await db.put("account", { id });
          throw new Error("stop");
        }),
      ).rejects.toThrow("stop");
      expect(await db.get("account", id)).toBeUndefined();
    });

    promise("transactions at once lose no update", async ({ db, fresh }) => {
      const id = fresh();
      const [from, to] = [1, 2].map((at) => ({ account: id, at }));
      await db.put("entry", { ...from, amount: 100 });
      await db.put("entry", { ...to, amount: 0 });
      await Promise.all(
        Array.from({ length: 8 }, () =>
          db.transaction(
            async (tx) => {
              await tx.incr("entry", { ...from, amount: -1 });
              await tx.incr("entry", { ...to, amount: 1 });
            },
            { attempts: 50 },
          ),
        ),
      );
      expect(await db.get("entry", from)).toMatchObject({ amount: 92 });
      expect(await db.get("entry", to)).toMatchObject({ amount: 8 });
    });

    wide("a unique value that is taken fails the whole transaction", async ({ db, fresh, capabilities }) => {
      if (capabilities.unique === "none") return;
      const id = fresh();
      await db.put("account", { id, code: id });
      const call = db.transaction(async (tx) => {
        await tx.put("entry", { account: id, at: 1 });
        await tx.put("account", { id: `${id}-2`, code: id });
      });
      await refuses(call, "already-exists");
      expect(await db.get("entry", { account: id, at: 1 })).toBeUndefined();
      expect(await db.get("account", `${id}-2`)).toBeUndefined();
    });

    wide("a call that the core refuses inside, and is caught, leaves the rest of the transaction whole", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("account", { id, balance: 1, code: id });
      await db.transaction(async (tx) => {
        await tx.put("entry", { account: id, at: 1 });
        await refuses(tx.add("account", { id }), "already-exists");
        await refuses(tx.put("account", { id, balance: "wrong" }), "invalid");
        await refuses(tx.update("account", { id, balance: 2 }, { where: { balance: 9 }, mustMatch: true }), "condition-failed");
        await tx.incr("account", { id, balance: 4 });
      });
      expect(await db.get("account", id)).toMatchObject({ balance: 5, code: id });
      expect(await db.get("entry", { account: id, at: 1 })).toBeDefined();
    });

    // Engines without interactive transactions see a taken unique value only at the end.
    const engineRefuses = ({ unique, transactions }: TopicContext["capabilities"]): boolean =>
      unique === "engine" && transactions === "interactive";

    promise(
      "a call that the engine refuses inside, and is caught, leaves the rest whole, where the transaction goes on",
      async (context) => {
        const { db, fresh, capabilities } = context;
        if (!engineRefuses(capabilities) || capabilities.afterRefusal !== "goes on") return;
        const id = fresh();
        await db.put("account", { id, balance: 1, code: id });
        await db.transaction(async (tx) => {
          await tx.put("entry", { account: id, at: 1 });
          await refuses(tx.put("account", { id: `${id}-2`, code: id }), "already-exists");
          await tx.incr("account", { id, balance: 4 });
        });
        expect(await db.get("account", id)).toMatchObject({ balance: 5, code: id });
        expect(await db.get("entry", { account: id, at: 1 })).toBeDefined();
        expect(await db.get("account", `${id}-2`)).toBeUndefined();
      },
    );

    promise("a call that the engine refuses inside undoes the whole, caught or not, where the transaction ends", async (context) => {
      const { db, fresh, capabilities } = context;
      if (!engineRefuses(capabilities) || capabilities.afterRefusal !== "ends") return;
      const id = fresh();
      await db.put("account", { id, balance: 1, code: id });
      let runs = 0;
      const call = db.transaction(async (tx) => {
        runs++;
        await tx.put("entry", { account: id, at: 1 });
        await refuses(tx.put("account", { id: `${id}-2`, code: id }), "already-exists");
        const over = { outcome: "none", detail: { capability: "afterRefusal" } };
        await refuses(tx.incr("account", { id, balance: 4 }), "closed", over);
        await refuses(tx.get("account", id), "closed", over);
      });
      await refuses(call, "already-exists", { outcome: "none" });
      expect(runs).toBe(1);
      expect(await db.get("account", id)).toMatchObject({ balance: 1 });
      expect(await db.get("entry", { account: id, at: 1 })).toBeUndefined();
      await db.transaction((tx) => tx.put("entry", { account: id, at: 1 }));
      expect(await db.get("entry", { account: id, at: 1 })).toBeDefined();
    });

    promise("what a call did that failed is undone with its transaction, and the error says so", async ({ db, fresh, capabilities }) => {
      if (capabilities.transactions !== "interactive") return;
      const [small, large] = [fresh(), fresh()];
      await db.put("entry", { account: small, at: 1, amount: 1 });
      await db.put("entry", { account: small, at: 2, amount: Number.MAX_SAFE_INTEGER });
      const call = db.transaction(async (tx) => {
        await tx.put("entry", { account: large, at: 1 });
        await (tx as typeof db).updateAll("entry", { account: small }, { amount: 1 }, { ops: { amount: "incr" } });
      });
      await refuses(call, "invalid", { outcome: "none" });
      expect(await db.get("entry", { account: small, at: 1 })).toMatchObject({ amount: 1 });
      expect(await db.get("entry", { account: large, at: 1 })).toBeUndefined();
    });

    promise("reads by filter work inside, or are unsupported there", async ({ db, fresh, capabilities }) => {
      const id = fresh();
      await db.put("entry", { account: id, at: 1 });
      await db.transaction(async (tx) => {
        await tx.put("entry", { account: id, at: 2 });
        if (capabilities.transactions === "interactive") {
          expect((await tx.select("entry", { account: id })).rows).toHaveLength(2);
          expect(await tx.count("entry", { account: id })).toBe(2);
        } else {
          await refuses(tx.select("entry", { account: id }), "unsupported");
          await refuses(tx.count("entry", { account: id }), "unsupported");
        }
      });
      expect(await db.count("entry", { account: id })).toBe(2);
    });

    promise("a transaction that is over takes no more calls", async ({ db, fresh }) => {
      const id = fresh();
      let kept: Pick<typeof db, "put"> | undefined;
      await db.transaction(async (tx) => {
        kept = tx;
      });
      await refuses(kept!.put("account", { id }), "closed");
      expect(await db.get("account", id)).toBeUndefined();
    });

    promise("a transaction after a failed one starts clean", async ({ db, fresh }) => {
      const account = fresh();
      for (let at = 0; at < 12; at++) {
        await expect(
          db.transaction(async (tx) => {
            await tx.put("entry", { account, at });
            throw new Error("stop");
          }),
        ).rejects.toThrow("stop");
      }
      await db.transaction(async (tx) => tx.put("entry", { account, at: 12 }));
      expect((await db.select("entry", { account })).rows).toMatchObject([{ at: 12 }]);
    });

    promise("a row is checked and completed once, inside as outside", async ({ db, fresh }) => {
      const id = fresh();
      const [first, second] = [1, 2].map((at) => ({ account: id, at }));
      await db.transaction(async (tx) => {
        await tx.put("entry", { ...first, cents: 2 });
        await tx.add("entry", { ...second, cents: 3 });
        await tx.incr("entry", { ...second, cents: 1 });
      });
      expect(await db.list("entry", [first, second])).toMatchObject([{ cents: 200 }, { cents: 400 }]);
    });

    promise("hooks run around the calls inside, reads too", async ({ open, fresh }) => {
      const db = await open();
      const key = { account: fresh(), at: 1 };
      const seen: string[] = [];
      db.hook("entry", "before:*", (call) => void seen.push(call.verb));
      db.hook("entry", "before:del", () => {
        throw new Error("not this one");
      });
      await db.transaction(async (tx) => {
        await tx.put("entry", key);
        await tx.get("entry", key);
        await tx.list("entry", [key]);
      });
      await expect(db.transaction((tx) => tx.del("entry", key))).rejects.toThrow();
      expect(seen).toEqual(["put", "get", "list"]);
      expect(await db.get("entry", key)).toBeDefined();
    });

    promise("options that a transaction does not have are refused", async ({ db }) => {
      for (const options of [{ isolaton: "serializable" }, { isolation: "dirty" }, { attempts: 0 }, { pool: "nowhere" }])
        await refuses(
          db.transaction(async () => undefined, options),
          "invalid",
        );
      await refuses(db.transaction("work" as never), "invalid");
    });

    promise("a transaction that runs when the database is closed comes to its end", async ({ open, db, fresh }) => {
      const closing = await open();
      const id = fresh();
      let begun = (): void => undefined;
      const isBegun = new Promise<void>((resolve) => (begun = resolve));
      const transaction = closing.transaction(async (tx) => {
        await tx.put("entry", { account: id, at: 1, amount: 1 });
        begun();
        await new Promise((resolve) => setTimeout(resolve, 20));
        await tx.put("entry", { account: id, at: 2, amount: 2 });
      });
      await isBegun;
      await closing.close();
      await transaction;
      expect((await db.select("entry", { account: id })).rows).toMatchObject([{ amount: 1 }, { amount: 2 }]);
    });
  });
}
