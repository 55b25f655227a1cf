// What surrounds every call: hooks, cancelling, time limits, explain, metrics, errors and the end.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { AnyHookCall, AnyRow } from "../any-db.js";
import { refuseAll, refuses } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  item: { id: { primary: 1 }, n: { type: "int" }, text: {}, place: { index: 1 } },
  hooked: { id: { primary: 1 }, n: { type: "int" }, text: {} },
});

export function calls(suite: Suite): void {
  suite.topic("calls", { tables }, ({ promise, test }) => {
    promise("a before hook sees the call, may change the row, and refuses by throwing", async ({ open, fresh }) => {
      const db = await open();
      const id = fresh();
      const seen: AnyHookCall[] = [];
      db.hook("hooked", "before:put", (call) => {
        seen.push({ ...call });
        call.row = { ...call.row, text: "from the hook" };
      });
      db.hook("hooked", "before:del", () => {
        throw new Error("not this one");
      });
      await db.put("hooked", { id, n: 1 }, { returning: "new" });
      expect(seen).toMatchObject([{ verb: "put", table: "hooked", row: { id, n: 1 }, options: { returning: "new" } }]);
      expect(await db.get("hooked", id)).toEqual({ id, n: 1, text: "from the hook" });
      await expect(db.del("hooked", id)).rejects.toMatchObject({ name: "DbError", code: "denied", outcome: "none" });
      await expect(db.del("hooked", id)).rejects.toThrow(/not this one/);
      expect(await db.get("hooked", id)).toBeDefined();
    });

    promise("an after hook sees the result; its error leaves the call done", async ({ open, fresh }) => {
      const logged: unknown[] = [];
      const note = (...args: unknown[]): void => void logged.push(args);
      const db = await open({ log: { debug: note, info: note, warn: note, error: note } as never });
      const id = fresh();
      const results: unknown[] = [];
      db.hook("hooked", "after:*", (call, result) => {
        results.push([call.verb, result]);
        throw new Error("after all");
      });
      expect(await db.put("hooked", { id, n: 1 })).toEqual({ affected: 1 });
      expect(await db.get("hooked", id)).toMatchObject({ n: 1 });
      expect(results).toMatchObject([
        ["put", { affected: 1 }],
        ["get", { id, n: 1 }],
      ]);
      expect(JSON.stringify(logged)).toContain("after all");
    });

    promise("an unknown hook or table of a hook is refused", async ({ open }) => {
      const db = await open();
      for (const [table, event] of [
        ["hooked", "during:put"],
        ["hooked", "before:nope"],
        ["nope", "before:put"],
      ] as const)
        expect(() => db.hook(table, event, () => undefined)).toThrow(expect.objectContaining({ code: "invalid" }) as Error);
    });

    promise("a call whose signal has aborted is cancelled and does nothing", async ({ db, fresh }) => {
      const id = fresh();
      const signal = AbortSignal.abort(new Error("enough"));
      await refuseAll(
        [
          db.put("item", { id }, { signal }),
          db.add("item", { id }, { signal }),
          db.update("item", { id, n: 1 }, { signal, upsert: true }),
          db.incr("item", { id, n: 1 }, { signal }),
          db.get("item", id, { signal }),
          db.select("item", { id }, { signal }),
          db.count("item", { id }, { signal }),
          db.del("item", id, { signal }),
        ],
        "cancelled",
        { outcome: "none" },
      );
      expect(await db.get("item", id)).toBeUndefined();
    });

    promise("a call that is cancelled on its way ends, its neighbours do not", async ({ db, fresh }) => {
      const ids = Array.from({ length: 20 }, fresh);
      await Promise.all(ids.map((id, n) => db.put("item", { id, n })));
      const controller = new AbortController();
      const reads = ids.map((id, i) => db.get("item", id, i === 7 ? { signal: controller.signal } : {}));
      controller.abort();
      const results = await Promise.allSettled(reads);
      for (const [i, result] of results.entries()) {
        if (i === 7 && result.status === "rejected") expect(result.reason).toMatchObject({ name: "DbError", code: "cancelled" });
        else expect(result).toMatchObject({ status: "fulfilled", value: { id: ids[i], n: i } });
      }
    });

    promise("a time limit that is not reached changes nothing, one that makes no sense is refused", async ({ db, open, fresh }) => {
      const id = fresh();
      expect(await db.put("item", { id, n: 1 }, { timeoutMs: 20_000 })).toEqual({ affected: 1 });
      expect(await db.get("item", id, { timeoutMs: 20_000 })).toMatchObject({ n: 1 });
      for (const timeoutMs of [0, -1, Number.NaN, Infinity, "5"]) await refuses(db.get("item", id, { timeoutMs }), "invalid");
      const limited = await open({ timeoutMs: 20_000 });
      expect(await limited.get("item", id)).toMatchObject({ n: 1 });
    });

    promise("explain gives plan and command of a call without running it", async ({ db, fresh }) => {
      const id = fresh();
      const before = JSON.stringify(db.metrics());
      for (const call of [
        ["put", "item", { id }],
        ["add", "item", { id }],
        ["update", "item", { id, n: 1 }, { upsert: true }],
        ["incr", "item", { id, n: 1 }],
        ["del", "item", id],
        ["get", "item", id],
        ["select", "item", { place: "x" }, { sort: "-id", count: 3 }],
        ["count", "item", { place: "x" }],
        ["delAll", "item", { place: id }],
        ["updateAll", "item", { place: id }, { n: 1 }],
      ] as const) {
        const [verb, ...args] = call;
        const explained = (await db.explain(verb, ...args)) as { plan: AnyRow; command: unknown };
        expect(explained.plan).toMatchObject({ table: "item" });
        expect(explained.command).toBeDefined();
      }
      expect(JSON.stringify(db.metrics())).toBe(before);
      expect(await db.get("item", id)).toBeUndefined();
      await refuses(db.explain("select", "item", { nope: 1 }) as Promise<unknown>, "invalid");
    });

    promise("errors say where they happened, and never repeat values or keys", async ({ db, fresh }) => {
      const id = `secret-${fresh()}`;
      await db.add("item", { id, text: `hidden-${id}` });
      const errors = await Promise.all(
        [
          db.add("item", { id, text: `hidden-${id}` }),
          db.put("item", { id, n: `hidden-${id}` }),
          db.get("item", id.repeat(20)),
          db.update("item", { id, n: 1 }, { where: { n: 5 }, mustMatch: true }),
        ].map((call) => call.catch((error: unknown) => error as Error)),
      );
      for (const error of errors) {
        expect(error).toMatchObject({
          name: "DbError",
          table: "item",
          driver: expect.any(String) as string,
          op: expect.any(String) as string,
        });
        expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toMatch(/secret|hidden/);
      }
    });

    test("capabilities are plain data", ({ capabilities }) => {
      expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
      expect(Object.isFrozen(capabilities)).toBe(true);
      return Promise.resolve();
    });

    promise("close waits for what is running; later calls are closed", async ({ open, db, fresh }) => {
      const closing = await open();
      const ids = Array.from({ length: 30 }, fresh);
      const writes = ids.map((id) => closing.put("item", { id, n: 1 }));
      const closed = closing.close();
      await Promise.all(writes);
      await closed;
      await closing.close();
      expect(await db.list("item", ids)).toHaveLength(30);
      await refuseAll(
        [
          closing.get("item", ids[0]),
          closing.put("item", { id: ids[0] }),
          closing.select("item", {}),
          closing.transaction(async () => undefined),
          closing.sync(),
        ],
        "closed",
        { outcome: "none" },
      );
    });

    promise("what was begun when the database is closed comes to its end", async ({ open, db, fresh }) => {
      const closing = await open();
      const place = fresh();
      const list = Array.from({ length: 60 }, (_, i) => ({ op: "put", table: "item", row: { id: `${place}-${i}`, place, n: 0 } }));
      await closing.bulk(list);
      const running = [
        closing.updateAll("item", { place }, { n: 2 }, { ops: { n: "incr" } }),
        closing.bulk(list.map(({ row }) => ({ op: "update", table: "item", row: { id: row.id, text: "done" } }))),
        closing.put("item", { id: `${place}-old` }, { returning: "old" }),
      ];
      const closed = closing.close();
      expect(await Promise.all(running)).toEqual([{ affected: 60 }, list.map(() => ({ affected: 1 })), { affected: 1 }]);
      await closed;
      expect(await db.count("item", { place, n: 2, text: "done" })).toBe(60);
    });

    promise("a hook that is no function is refused", async ({ open }) => {
      const db = await open();
      expect(() => db.hook("hooked", "before:put", "no function" as never)).toThrow();
    });
  });
}
