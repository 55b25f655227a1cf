import { leastCapabilities } from "../testing/least-capabilities.js";
import { silentLog, systemClock, testClock } from "@bk/core";
import { describe, expect, test } from "vitest";

import { allFilters, scalarKinds } from "../engines/core-filters.js";
import { openDb } from "../api/open.js";
import { memoryDriver } from "../drivers/memory/index.js";
import { defineTables } from "../schema/define-tables.js";
import type { Classified, Driver, Limits, Reply, Shape, Values } from "../driver.js";
import { copyingCodec as codec } from "../engines/copying-codec.js";

type Execute = (shape: Shape, values: Values, signal?: AbortSignal) => Reply | Promise<Reply>;
type Group = (shape: Shape, group: readonly Values[]) => Promise<Reply[]>;

const one: Reply = { rows: [], affected: 1 };
const tables = { t: { id: { primary: 1 }, n: { type: "int" } } } as const;

/** A driver of which a test says what it answers. */
function fake(execute: Execute, executeGroup?: Group): Driver<Shape> {
  return {
    name: "fake",
    codec,
    capabilities: {
      ...leastCapabilities,
      filters: allFilters,
      guards: allFilters,
      sorts: scalarKinds,
      byFilter: true,
      aggregates: { count: true, of: {}, by: [] },
      group: executeGroup === undefined ? {} : { get: { most: 100, outcome: "whole" }, put: { most: 100, outcome: "whole" } },
      unique: "engine",
    },
    compile: (shape) => shape,
    describe: (shape) => shape.verb,
    classify: (error) => (error instanceof NativeError ? error.meaning : undefined),
    execute,
    ...(executeGroup === undefined ? {} : { executeGroup }),
    close: async () => {},
  };
}

class NativeError extends Error {
  readonly meaning: Classified;
  constructor(meaning: Classified) {
    super("secret value in a native message");
    this.meaning = meaning;
  }
}

function open(driver: Driver<Shape>) {
  return openDb({ driver: driver as Driver, tables, clock: testClock({ autoAdvance: true }), log: silentLog });
}

describe("errors", () => {
  test("say of a refusal by the engine that it is the engine's, and of one by a hook nothing", async () => {
    const db = await open(
      fake(() => {
        throw new NativeError({ code: "denied", message: "the server is read-only" });
      }),
    );
    await expect(db.put("t", { id: "a" })).rejects.toMatchObject({ code: "denied", outcome: "none", detail: { by: "engine" } });
    db.hook("t", "before:put", () => {
      throw new Error("not this one");
    });
    const error = await db.put("t", { id: "a" }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "denied", outcome: "none", detail: undefined });
  });
  test("say of a row that was written and cannot be given back that it was written", async () => {
    const returning = { put: "old", update: ["old", "new"], delete: "old" } as const;
    const driver = fake(() => ({ rows: [["a", "no number"]], affected: 1 }));
    const db = await open({ ...driver, capabilities: { ...driver.capabilities, returning } });
    const written = { code: "drift", outcome: "done", column: "n" };
    await expect(db.update("t", { id: "a", n: 1 }, { returning: "new" })).rejects.toMatchObject({ ...written, op: "update" });
    await expect(db.put("t", { id: "a", n: 1 }, { returning: "old" })).rejects.toMatchObject({ ...written, op: "put" });
    await expect(db.del("t", "a", { returning: "old" })).rejects.toMatchObject({ ...written, op: "del", table: "t", driver: "fake" });
    await expect(db.get("t", "a")).rejects.toMatchObject({ code: "drift", outcome: "none" });
  });
  test("name driver, call and table once, and keep native messages out", async () => {
    const db = await open(
      fake(() => {
        throw new NativeError({ code: "drift", message: "there is no such table" });
      }),
    );
    const error = await db.put("t", { id: "a" }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      name: "DbError",
      code: "drift",
      driver: "fake",
      op: "put",
      table: "t",
      message: "fake put t: there is no such table",
    });
  });
  test("that the driver does not know are internal, with their cause and an unknown outcome", async () => {
    const cause = new Error("surprise");
    const db = await open(fake(() => Promise.reject(cause)));
    await expect(db.get("t", "a")).rejects.toMatchObject({ code: "internal", outcome: "unknown", cause });
  });
});

describe("repeating", () => {
  test("calls that failed without doing anything are tried again", async () => {
    let tries = 0;
    const db = await open(
      fake(() => {
        if (++tries < 4) throw new NativeError({ code: "limited" });
        return one;
      }),
    );
    expect(await db.put("t", { id: "a" })).toEqual({ affected: 1 });
    expect(tries).toBe(4);
  });
  test("a write that may have been done is not tried again, a read is", async () => {
    let tries = 0;
    const db = await open(
      fake(() => {
        tries++;
        throw new NativeError({ code: "unavailable", outcome: "unknown" });
      }),
    );
    await expect(db.put("t", { id: "a" })).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
    expect(tries).toBe(1);
    await expect(db.get("t", "a")).rejects.toMatchObject({ code: "unavailable" });
    expect(tries).toBe(6);
  });
});

describe("waiting", () => {
  const never = (): Promise<Reply> => new Promise(() => {});
  test("ends with timeout after timeoutMs, and a write may have been done", async () => {
    const db = await open(fake(never));
    await expect(db.put("t", { id: "a" }, { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout", outcome: "unknown" });
    await expect(db.get("t", "a", { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout", outcome: "none" });
  });
  test("ends with cancelled when the signal aborts; before the call nothing is sent", async () => {
    let sent = 0;
    const db = await open(
      fake(() => {
        sent++;
        return never();
      }),
    );
    const controller = new AbortController();
    const call = db.put("t", { id: "a" }, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    const before = sent;
    await expect(db.get("t", "a", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
    expect(sent).toBe(before);
  });
  test("close waits for what is running and refuses what comes later", async () => {
    let finish: (reply: Reply) => void = () => {};
    const db = await open(fake(() => new Promise((resolve) => (finish = resolve))));
    const call = db.put("t", { id: "a" });
    let isClosed = false;
    const closing = db.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    await expect(db.put("t", { id: "b" })).rejects.toMatchObject({ code: "closed" });
    finish(one);
    expect(await call).toEqual({ affected: 1 });
    await closing;
  });
});

describe("a call that was given up", () => {
  /** Answers each write after a while, whatever its caller waits for, and notes when it landed. */
  function slow(landed: unknown[], waitMs: number) {
    return fake(async (_shape, values) => {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      landed.push(values[1]);
      return one;
    });
  }
  test("never lands after a later write of its row that was acknowledged", async () => {
    const landed: unknown[] = [];
    const db = await open(slow(landed, 30));
    await expect(db.put("t", { id: "a", n: 1 }, { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout", outcome: "unknown" });
    expect(await db.put("t", { id: "a", n: 2 })).toEqual({ affected: 1 });
    expect(landed).toEqual([1, 2]);
  });
  test("while it waits for its row's turn has done nothing, and is not begun later", async () => {
    const landed: unknown[] = [];
    const db = await open(slow(landed, 30));
    const first = db.put("t", { id: "a", n: 1 });
    await expect(db.put("t", { id: "a", n: 2 }, { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout", outcome: "none" });
    const controller = new AbortController();
    const third = db.put("t", { id: "a", n: 3 }, { signal: controller.signal });
    controller.abort();
    await expect(third).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
    await first;
    await db.put("t", { id: "a", n: 4 });
    expect(landed).toEqual([1, 4]);
  });
  test("is not repeated", async () => {
    let tries = 0;
    const db = await open(
      fake(async () => {
        tries++;
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new NativeError({ code: "limited" });
      }),
    );
    await expect(db.get("t", "a", { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout" });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(tries).toBe(1);
  });
});

describe("grouping", () => {
  test("gets of one tick are one request, and equal keys share its row", async () => {
    const groups: number[] = [];
    const rows = (values: Values): Reply => ({ rows: [[values[0]!, 1]], affected: 0 });
    const db = await open(
      fake(
        (_shape, values) => Promise.resolve(rows(values)),
        async (_shape, group) => {
          groups.push(group.length);
          return group.map(rows);
        },
      ),
    );
    const found = await Promise.all(["a", "b", "a", "c"].map((id) => db.get("t", id)));
    expect(found.map((row) => row?.id)).toEqual(["a", "b", "a", "c"]);
    expect(groups).toEqual([3]);
  });
  test("a failed group that did nothing is taken apart: each call gets its own outcome", async () => {
    const db = await open(
      fake(
        async (_shape, values) => {
          if (values[0] === "bad") throw new NativeError({ code: "too-large" });
          return one;
        },
        () => Promise.reject(new NativeError({ code: "too-large" })),
      ),
    );
    const results = await Promise.allSettled(["a", "bad", "c"].map((id) => db.put("t", { id })));
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
  test("a failed group that may have been done is not repeated", async () => {
    let alone = 0;
    const db = await open(
      fake(
        async () => {
          alone++;
          return one;
        },
        () => Promise.reject(new NativeError({ code: "unavailable", outcome: "unknown" })),
      ),
    );
    const results = await Promise.allSettled(["a", "b"].map((id) => db.add("t", { id })));
    expect(results.every((result) => result.status === "rejected" && result.reason.outcome === "unknown")).toBe(true);
    expect(alone).toBe(0);
  });
  test("writes of one row keep their order", async () => {
    const seen: unknown[] = [];
    const db = await open(
      fake(async (shape, values) => {
        await new Promise((resolve) => setTimeout(resolve, seen.length === 0 ? 5 : 0));
        seen.push(`${shape.verb} ${String(values[1])}`);
        return one;
      }),
    );
    await Promise.all([db.put("t", { id: "a", n: 1 }), db.put("t", { id: "a", n: 2 }), db.del("t", "a")]);
    expect(seen).toEqual(["put 1", "put 2", "delete undefined"]);
  });
});

describe("limits", () => {
  test("a key over what the engine takes is too large before anything is sent", async () => {
    let sent = 0;
    const driver = fake(() => {
      sent++;
      return one;
    });
    const db = await open({ ...driver, capabilities: { ...driver.capabilities, limits: { keyBytes: 8 } } });
    await expect(db.put("t", { id: "é".repeat(5) })).rejects.toMatchObject({ code: "too-large", outcome: "none" });
    await expect(db.get("t", "123456789")).rejects.toMatchObject({ code: "too-large" });
    expect(sent).toBe(0);
    await expect(db.put("t", { id: "12345678" })).resolves.toEqual({ affected: 1 });
  });
  test("a command or a row whose values are over what the engine takes is too large before anything is sent", async () => {
    const sent: number[] = [];
    const driver = fake(
      async () => {
        sent.push(1);
        return one;
      },
      async (_shape, group) => {
        sent.push(group.length);
        return group.map(() => one);
      },
    );
    const limited = (limits: Limits) => open({ ...driver, capabilities: { ...driver.capabilities, limits } });
    const large = { code: "too-large", outcome: "none", table: "t", driver: "fake" };
    const db = await limited({ statementBytes: 24 });
    await expect(db.put("t", { id: "é".repeat(12) })).rejects.toMatchObject(large);
    await expect(db.update("t", { id: "é".repeat(12), n: 1 })).rejects.toMatchObject(large);
    await expect(db.get("t", "é".repeat(13))).rejects.toMatchObject(large);
    expect(sent).toEqual([]);
    await db.put("t", { id: "é".repeat(8), n: 1 });
    const ids = ["a", "b", "é".repeat(13), "c", "d"];
    const results = await db.bulk(ids.map((id) => ({ table: "t", op: "put", row: { id, n: 1 } }) as const));
    expect(results.map((result) => ("error" in result ? result.error.code : result.affected))).toEqual([1, 1, "too-large", 1, 1]);
    expect(sent).toEqual([1, 2, 2]);
    const rows = await limited({ rowBytes: 24 });
    await expect(rows.put("t", { id: "é".repeat(12) })).rejects.toMatchObject(large);
    await expect(rows.get("t", "é".repeat(13))).resolves.toBeUndefined();
  });

  test("an indexed text over what the engine takes is too large, whatever call would store it", async () => {
    const tables = defineTables({
      t: {
        id: { primary: 1 },
        name: { index: 1 },
        mail: { unique: 1 },
        both: { index: 2, join: ["name", "mail"] },
        free: {},
      },
    });
    const memory = await memoryDriver(
      { url: "memory:", options: {}, clock: systemClock, log: silentLog },
      { capabilities: { limits: { indexBytes: 8 } } },
    );
    await using db = await openDb({ driver: memory as Driver, tables });
    const large = (column: string) => ({ code: "too-large", outcome: "none", column });
    await expect(db.put("t", { id: "a", name: "é".repeat(5) })).rejects.toMatchObject(large("name"));
    await expect(db.add("t", { id: "a", mail: "123456789" })).rejects.toMatchObject(large("mail"));
    await expect(db.put("t", { id: "a", name: "12345", mail: "67890" })).rejects.toMatchObject(large("both"));
    await db.put("t", { id: "a", name: "1234567", free: "123456789" });
    for (let i = 0; i < 2; i++) {
      // The second time on the way that is learned from the first.
      await db.update("t", { id: "a", name: `123456${i}` });
      await expect(db.update("t", { id: "a", name: "123456789" })).rejects.toMatchObject(large("name"));
    }
    for (const op of ["append", "prepend"] as const)
      await expect(db.update("t", { id: "a", name: "89" }, { ops: { name: op } })).rejects.toMatchObject(large("name"));
    await expect(db.update("t", { id: "a", mail: "89" })).rejects.toMatchObject(large("both"));
    await expect(db.updateAll("t", { id: "a" }, { name: "123456789" })).rejects.toMatchObject(large("name"));
    await expect(db.updateAll("t", { id: "a" }, { name: "89" }, { ops: { name: "append" } })).rejects.toMatchObject(large("name"));
    await expect(db.update("t", { id: "b", name: "123456789" }, { upsert: true })).rejects.toMatchObject(large("name"));
    expect(await db.get("t", "a")).toMatchObject({ name: "1234561", free: "123456789" });
    await db.update("t", { id: "a", name: "8" }, { ops: { name: "append" } });
    expect(await db.select("t", { name: "12345618" })).toMatchObject({ rows: [{ id: "a" }] });
    expect(await db.select("t", { name: "123456789" })).toMatchObject({ rows: [] });
  });
});
