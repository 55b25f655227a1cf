import { expect } from "vitest";

import { callChannel, type CallEvent, commandChannel, type CommandEvent, type TracedError } from "../../execute/tracing.js";
import type { Suite } from "../suite.js";

const tables = {
  seen: { id: { primary: 1 }, n: { type: "int" }, secret: {} },
} as const;

interface Heard {
  /** Ended ones, in order of their ends. */
  readonly calls: CallEvent[];
  readonly commands: CommandEvent[];
}

/** What is reported while `work` runs, of this topic's table and of what is on no table. */
async function hear(work: () => Promise<unknown>): Promise<Heard> {
  const heard: Heard = { calls: [], commands: [] };
  const isOurs = ({ table }: CallEvent | CommandEvent): boolean => table === undefined || table === "seen";
  const onCall = (event: unknown): void => void (isOurs(event as CallEvent) && heard.calls.push(event as CallEvent));
  const onCommand = (event: unknown): void => void (isOurs(event as CommandEvent) && heard.commands.push(event as CommandEvent));
  callChannel!.asyncEnd.subscribe(onCall);
  commandChannel!.asyncEnd.subscribe(onCommand);
  try {
    await work();
  } finally {
    callChannel!.asyncEnd.unsubscribe(onCall);
    commandChannel!.asyncEnd.unsubscribe(onCommand);
  }
  return heard;
}

const outline = ({ verb, table, rows, affected, failed, error }: CallEvent): unknown[] => [
  verb,
  table,
  rows,
  affected,
  ...(failed === undefined && error === undefined ? [] : [failed, error?.code]),
];

export function tracing(suite: Suite): void {
  suite.topic("tracing", { tables }, ({ promise }) => {
    promise("log.debug says of each call what it did, and how it failed", async ({ open, fresh }) => {
      const lines: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
      const ignore = (): void => undefined;
      const debug = (message: string, fields: Record<string, unknown> = {}): void => void lines.push({ message, fields });
      const db = await open({ log: { debug, info: ignore, warn: ignore, error: ignore } });
      const id = fresh();
      await db.add("seen", { id, secret: "hush" });
      await db.get("seen", id);
      await expect(db.add("seen", { id })).rejects.toMatchObject({ code: "already-exists" });
      await db.bulk([{ op: "del", table: "seen", key: id }]);
      const ours = lines.filter(({ message }) => /^(add|get|bulk)/.test(message));
      expect(ours).toMatchObject([
        { message: "add seen", fields: { pool: "main", affected: 1 } },
        { message: "get seen", fields: { pool: "main", rows: 1 } },
        { message: "add seen", fields: { error: "already-exists", outcome: "none" } },
        { message: "bulk", fields: { affected: 1 } },
      ]);
      for (const { fields } of ours) expect(fields["durationMs"]).toEqual(expect.any(Number));
      expect(JSON.stringify(lines)).not.toContain("hush");
    });

    // Where the runtime has no channels there is nothing to promise.
    if (callChannel === undefined) return;

    promise("each call is reported with its table, the rows that it read and those that it wrote", async ({ db, fresh }) => {
      const id = fresh();
      const { calls } = await hear(async () => {
        await db.add("seen", { id, n: 1 });
        await db.put("seen", { id, n: 2 });
        await db.update("seen", { id, n: 3 });
        await db.incr("seen", { id, n: 1 });
        await db.get("seen", id);
        await db.get("seen", fresh());
        await db.list("seen", [id, fresh()]);
        await db.select("seen", { id });
        await db.count("seen", { id });
        await db.updateAll("seen", { id }, { n: 4 });
        for await (const row of db.scan("seen", { id })) expect(row).toMatchObject({ n: 4 });
        await db.del("seen", id);
        await db.delAll("seen", { id });
        await db.sync();
      });
      expect(calls.map(outline)).toEqual([
        ["add", "seen", undefined, 1],
        ["put", "seen", undefined, 1],
        ["update", "seen", undefined, 1],
        ["incr", "seen", undefined, 1],
        ["get", "seen", 1, undefined],
        ["get", "seen", 0, undefined],
        ["list", "seen", 1, undefined],
        ["select", "seen", 1, undefined],
        ["count", "seen", undefined, undefined],
        ["updateAll", "seen", undefined, 1],
        ["scan", "seen", 1, undefined],
        ["del", "seen", undefined, 1],
        ["delAll", "seen", undefined, 0],
        ["sync", undefined, undefined, undefined],
      ]);
      for (const { pool, driver, durationMs } of calls)
        expect([pool, driver, durationMs]).toEqual(["main", expect.any(String), expect.any(Number)]);
    });

    promise("each command names the calls that it serves, and has a text without their values", async ({ db, fresh }) => {
      const ids = Array.from({ length: 5 }, () => `hush-${fresh()}`);
      const { calls, commands } = await hear(async () => {
        await Promise.all(ids.map((id) => db.put("seen", { id, n: 7_777_777, secret: "hush" })));
        await Promise.all(ids.map((id) => db.get("seen", id)));
        await db.select("seen", { secret: "hush", n: { $gt: 7_777_776 } }, { scan: true });
        await db.updateAll("seen", { id: { $in: ids } }, { secret: "hush2" });
        await db.bulk(ids.map((id) => ({ op: "del", table: "seen", key: id })));
      });
      const served = new Set(commands.flatMap((command) => command.calls));
      expect(calls.filter((call) => !served.has(call)).map(outline)).toEqual([]);
      const gets = commands.filter(({ verb, calls: [call] }) => verb === "get" && call!.verb === "get");
      expect(gets.reduce((sum, { groupSize }) => sum + groupSize, 0)).toBe(5);
      expect(gets.reduce((sum, { rows }) => sum + rows!, 0)).toBe(5);
      expect(new Set(gets.flatMap((command) => command.calls)).size).toBe(5);
      for (const { text, retries, durationMs } of commands)
        expect([text, retries, durationMs]).toEqual([expect.any(String), expect.any(Number), expect.any(Number)]);
      expect(JSON.stringify({ calls, commands })).not.toMatch(/hush|777777/);
    });

    promise("a call that fails is reported with code and outcome, and without its values", async ({ db, open, fresh }) => {
      const id = `hush-${fresh()}`;
      const errors: TracedError[] = [];
      const onError = (event: unknown): void => void errors.push((event as CallEvent).error!);
      callChannel!.error.subscribe(onError);
      const closed = await open();
      await closed.close();
      const { calls } = await hear(async () => {
        await db.add("seen", { id, secret: "hush" });
        await expect(db.add("seen", { id, secret: "hush" })).rejects.toThrow();
        await expect(db.put("seen", { id, n: "hush" })).rejects.toThrow();
        await expect(db.get("seen", id, { nope: "hush" } as never)).rejects.toThrow();
        await expect(db.update("seen", { id: `${id}?`, n: 1 }, { mustMatch: true })).rejects.toThrow();
        await expect(closed.get("seen", id)).rejects.toThrow();
        await db.bulk([
          { op: "put", table: "seen", row: { id, n: "hush" } },
          { op: "put", table: "seen", row: { id, n: 1 } },
        ]);
      });
      callChannel!.error.unsubscribe(onError);
      expect(calls.map(({ verb, error, failed }) => [verb, error?.code ?? failed, error?.outcome])).toEqual([
        ["add", undefined, undefined],
        ["add", "already-exists", "none"],
        ["put", "invalid", "none"],
        ["get", "invalid", "none"],
        ["update", "not-found", "none"],
        ["get", "closed", "none"],
        ["bulk", 1, undefined],
      ]);
      expect(errors.map(({ code }) => code)).toEqual(["already-exists", "invalid", "invalid", "not-found", "closed"]);
      expect(JSON.stringify(calls)).not.toContain("hush");
    });

    promise("calls inside a transaction name it, and its own requests are commands", async ({ db, capabilities, fresh }) => {
      if (capabilities.transactions === "none") {
        await expect(db.transaction(async () => undefined)).rejects.toMatchObject({ code: "unsupported" });
        return;
      }
      const id = fresh();
      const { calls, commands } = await hear(async () => {
        await db.transaction(async (tx) => {
          await tx.put("seen", { id, n: 1 });
          await db.get("seen", id);
        });
        await db.transaction(() => Promise.reject(new TypeError("hush"))).catch(() => undefined);
      });
      const [put, get, committed, failed] = calls;
      expect(calls.map(({ verb, error }) => [verb, error?.name])).toEqual([
        ["put", undefined],
        ["get", undefined],
        ["transaction", undefined],
        ["transaction", "TypeError"],
      ]);
      expect([put!.parent, get!.parent, committed!.parent]).toEqual([committed, committed, undefined]);
      expect(failed!.error!.message).not.toContain("hush");
      const own = commands.filter((command) => command.calls.includes(committed!)).map(({ verb }) => verb);
      expect(own).toEqual(capabilities.transactions === "interactive" ? ["begin", "commit"] : ["commit"]);
      expect(commands.every(({ endpoint }) => endpoint!.system === commands[0]!.endpoint!.system)).toBe(true);
    });

    promise("what listeners put around a call or command runs around it", async ({ open, fresh }) => {
      const db = await open();
      const order: string[] = [];
      const onStart = (event: unknown): void => {
        const { verb, around } = event as CallEvent;
        around.push((work) => {
          order.push(`enter ${verb}`);
          try {
            return work();
          } finally {
            order.push(`leave ${verb}`);
          }
        });
      };
      // The first call may have to wait for a connection.
      await db.count("seen", { id: fresh() });
      callChannel!.start.subscribe(onStart);
      db.hook("seen", "before:get", () => void order.push("within"));
      await db.get("seen", fresh());
      callChannel!.start.unsubscribe(onStart);
      await db.count("seen", { id: fresh() });
      expect(order).toEqual(["enter get", "within", "leave get"]);
    });

    promise("what is explained is not reported", async ({ db, fresh }) => {
      const { calls, commands } = await hear(async () => db.explain("get", "seen", fresh()));
      expect([calls, commands]).toEqual([[], []]);
    });
  });
}
