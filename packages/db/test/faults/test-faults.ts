// Servers that die, connections that break and answers that come late.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { DbError, defineTables } from "@bk/db";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { NoServiceError, type Service, startService } from "../../../../test/services/index.js";
import type { AnyDb } from "../../src/testing/any-db.js";
import { refuses } from "../../src/testing/expectations.js";
import { type Fixture, isWanted, openAny } from "../fixtures.js";

const tables = defineTables({
  log: { lane: { primary: 1 }, at: { type: "int", primary: 2 }, text: {} },
  counter: { id: { primary: 1 }, n: { type: "int" } },
});

const lanes = 6;
/** Acknowledged writes before the server is killed, and after it is back. */
const wanted = { before: 120, after: 120 };

/**
 * Registers the fault tests of a driver, on a server of their own.
 *
 * @param service  its name in test/services
 */
export function testFaults(fixture: Fixture, service: string): void {
  if (!isWanted(fixture) || process.env["BK_TEST_QUICK"] === "1") {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  describe(`driver: ${fixture.name}`, { timeout: 90_000 }, () => {
    let server: Service;
    let proxy: FaultProxy;
    let opened: AnyDb[] = [];

    beforeAll(async () => {
      try {
        server = await startService(service);
      } catch (error) {
        // The environment gave a server that may not be killed, and none can be started beside it.
        if (error instanceof NoServiceError)
          throw new Error(`${service}: the fault tests need a server of their own: ${error.message}`, { cause: error });
        throw error;
      }
      proxy = await openFaultProxy(server.url);
    }, 180_000);

    afterEach(async () => {
      await proxy.mode("pass");
      proxy.cutAll();
      await Promise.all(opened.map((db) => db.close()));
      opened = [];
    });

    afterAll(async () => {
      await proxy?.close();
      await server?.stop();
    });

    /** A clean store on the own server, reached at `url`. */
    async function openAt(url: string, settings: { attempts?: number; sync?: boolean } = {}): Promise<AnyDb> {
      const variable = fixture.env!;
      const given = process.env[variable];
      process.env[variable] = url;
      try {
        const instance = (await fixture.open())!;
        const { attempts, sync = true } = settings;
        const db = await openAny({
          url: instance.url,
          ...(instance.options === undefined ? {} : { options: instance.options }),
          tables,
          ...(attempts === undefined ? {} : { attempts }),
        });
        opened.push(db);
        if (sync) await db.sync();
        return db;
      } finally {
        if (given === undefined) delete process.env[variable];
        else process.env[variable] = given;
      }
    }

    it("of writes during a kill and a restart, nothing acknowledged is lost, and nothing that failed with outcome none is there", async () => {
      const db = await openAt(server.url);
      const acknowledged = new Set<string>();
      const failed = new Map<string, DbError>();
      let isOver = false;
      const write = async (lane: string): Promise<void> => {
        for (let at = 0; !isOver; at++) {
          try {
            await db.add("log", { lane, at, text: "x".repeat(50) });
            acknowledged.add(`${lane} ${at}`);
          } catch (error) {
            if (!(error instanceof DbError)) throw error;
            failed.set(`${lane} ${at}`, error);
            await sleep(20);
          }
        }
      };
      const reach = async (count: number): Promise<void> => {
        while (acknowledged.size < count) await sleep(5);
      };
      const writing = Promise.all(Array.from({ length: lanes }, (_, i) => write(`lane${i}`)));
      await reach(wanted.before);
      await server.kill();
      await sleep(200);
      const gone = acknowledged.size;
      await server.start();
      await reach(gone + wanted.after);
      isOver = true;
      await writing;

      expect(failed.size).toBeGreaterThan(0);
      for (const error of failed.values()) expect(["unavailable", "timeout"]).toContain(error.code);
      const stored = new Set<string>();
      for (let i = 0; i < lanes; i++)
        for await (const row of db.scan("log", { lane: `lane${i}` }, { count: 1000 }))
          stored.add(`${row["lane"] as string} ${row["at"] as number}`);
      expect([...acknowledged].filter((name) => !stored.has(name))).toEqual([]);
      expect([...failed].filter(([name, { outcome }]) => outcome === "none" && stored.has(name)).map(([name]) => name)).toEqual([]);
    });

    it("a write whose answer was cut off says that its outcome is unknown, and is not done twice", async () => {
      const db = await openAt(proxy.url(server.url));
      await db.put("counter", { id: "a", n: 0 });
      for (let i = 0; i < 4; i++) {
        const before = (await db.get("counter", "a"))!["n"] as number;
        await proxy.mode("cut-after-request");
        // Where the core adds up, it is the reading of the row that is cut off, and nothing is done.
        const isNative = db.capabilities().changes.int?.includes("incr") === true;
        const error = await db.incr("counter", { id: "a", n: 1 }).then(
          () => expect.fail("there was an answer"),
          (reason: unknown) => reason as DbError,
        );
        expect(error).toMatchObject({ code: "unavailable", ...(isNative ? { outcome: "unknown" } : {}) });
        await proxy.mode("pass");
        const after = (await db.get("counter", "a"))!["n"] as number;
        expect(error.outcome === "none" ? [before] : [before, before + 1]).toContain(after);
      }
    });

    it("an add whose answer was cut off never claims that somebody else's row was in the way", async () => {
      const db = await openAt(proxy.url(server.url));
      // The statement is prepared: it is the write whose answer is cut off.
      await db.add("counter", { id: "warm" });
      await proxy.mode("cut-after-request");
      await refuses(db.add("counter", { id: "mine", n: 1 }), "unavailable", { outcome: "unknown" });
    });

    it("a read whose answer was cut off is repeated", async () => {
      const db = await openAt(proxy.url(server.url), { attempts: 12 });
      await db.put("counter", { id: "a", n: 5 });
      await proxy.mode("cut-after-request");
      const reads = [db.get("counter", "a"), db.select("counter", { id: "a" }), db.count("counter", { id: "a" })];
      await sleep(30);
      await proxy.mode("pass");
      expect(await Promise.all(reads)).toEqual([{ id: "a", n: 5 }, { rows: [{ id: "a", n: 5 }] }, 1]);
    });

    it("a call that gets no answer in its time is a timeout: nothing done by a read, unknown for a write", async () => {
      const db = await openAt(proxy.url(server.url));
      await db.put("counter", { id: "a", n: 5 });
      for (const mode of ["hang", { delayMs: 2000 }] as const) {
        await proxy.mode(mode);
        await refuses(db.get("counter", "a", { timeoutMs: 100 }), "timeout", { outcome: "none" });
        await refuses(db.put("counter", { id: "a", n: 5 }, { timeoutMs: 100 }), "timeout", { outcome: "unknown" });
        await refuses(db.select("counter", { id: "a" }, { timeoutMs: 100 }), "timeout", { outcome: "none" });
        await proxy.mode("pass");
        proxy.cutAll();
        expect(await db.get("counter", "a")).toEqual({ id: "a", n: 5 });
      }
    });

    it("a call that its signal ends while it waits is cancelled", async () => {
      const db = await openAt(proxy.url(server.url));
      await db.put("counter", { id: "a", n: 5 });
      await proxy.mode("hang");
      const controller = new AbortController();
      const calls = [
        db.get("counter", "a", { signal: controller.signal }),
        db.put("counter", { id: "a", n: 5 }, { signal: controller.signal }),
      ];
      await sleep(50);
      controller.abort();
      await Promise.all([refuses(calls[0]!, "cancelled"), refuses(calls[1]!, "cancelled", { outcome: "unknown" })]);
    });

    it("connections that break while nothing is asked are made again", async () => {
      const db = await openAt(proxy.url(server.url));
      await db.put("counter", { id: "a", n: 5 });
      for (let i = 0; i < 3; i++) {
        proxy.cutAll();
        await sleep(20);
        expect(await db.get("counter", "a")).toEqual({ id: "a", n: 5 });
      }
    });

    it("a server that is not there is unavailable, nothing done; when it comes the same database works", async () => {
      const db = await openAt(proxy.url(server.url));
      await db.put("counter", { id: "a", n: 1 });
      await proxy.mode("refuse");
      proxy.cutAll();
      // Whatever was kept of the old connections is gone after the first calls.
      await db.get("counter", "a").catch(() => undefined);
      await refuses(db.get("counter", "a"), "unavailable", { outcome: "none" });
      await refuses(db.put("counter", { id: "b", n: 1 }), "unavailable", { outcome: "none" });
      if (db.capabilities().transactions !== "none")
        await refuses(
          db.transaction(async (tx) => tx.put("counter", { id: "c" })),
          "unavailable",
          { outcome: "none" },
        );
      await proxy.mode("pass");
      expect(await db.get("counter", "a")).toEqual({ id: "a", n: 1 });
      expect(await db.list("counter", ["b", "c"])).toEqual([]);
    });

    it("a database opened while its server is away works once it is there", async () => {
      const first = await openAt(proxy.url(server.url));
      await first.close();
      opened = [];
      const url = proxy.url(server.url);
      await proxy.mode("refuse");
      // Connections may be shared by all databases of a process, as those of `fetch` are.
      proxy.cutAll();
      // Without the fixture: it would ask the server itself.
      const db = await openAny({ url, tables });
      opened.push(db);
      await refuses(db.get("counter", "a"), "unavailable", { outcome: "none" });
      await proxy.mode("pass");
      await db.sync();
      expect(await db.get("counter", "nobody")).toBeUndefined();
    });

    it("close ends although the server hangs", async () => {
      const db = await openAt(proxy.url(server.url));
      await db.put("counter", { id: "a", n: 1 });
      await proxy.mode("hang");
      await refuses(db.get("counter", "a", { timeoutMs: 50 }), "timeout");
      await db.close();
      opened = [];
    });
  });
}
