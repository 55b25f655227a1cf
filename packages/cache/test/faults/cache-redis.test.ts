// A server that dies, connections that break and answers that never come.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Cache, type CacheOptions, openCache } from "@bk/cache";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/redis/fixture.js";
import { eventually, refuses } from "../../src/testing/suite.js";
import { isWanted } from "../test-fixture.js";

const runs = isWanted(fixture) && process.env["BK_TEST_QUICK"] !== "1";

describe.runIf(runs)("driver: cache-redis", { timeout: 120_000 }, () => {
  let server: Service;
  let proxy: FaultProxy;
  let opened: Cache[];
  beforeAll(async () => {
    server = await startService("redis");
    proxy = await openFaultProxy(server.url);
  }, 180_000);
  beforeEach(() => void (opened = []));
  afterEach(async () => {
    await proxy.mode("pass");
    proxy.cutAll();
    await Promise.all(opened.map((cache) => cache.close()));
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  async function open(options: CacheOptions = {}): Promise<Cache> {
    const cache = await openCache(proxy.url(server.url), { timeoutMs: 15_000, ...options });
    opened.push(cache);
    return cache;
  }

  it("an answer that never comes is a timeout with the outcome unknown, and calls after it go on", async () => {
    const cache = await open({ options: { silenceMs: 1_000 } });
    await cache.put("a", 1);
    await proxy.mode("hang");
    await refuses(cache.incr("n", 1, { timeoutMs: 200 }), "timeout", { outcome: "unknown" });
    await refuses(cache.get("a", { timeoutMs: 200 }), "timeout", { outcome: "none" });
    await proxy.mode("pass");
    // The connection that swallowed answers is given up by itself.
    await eventually(async () => (await cache.get("a").catch(() => undefined)) === 1, "the connection");
  });

  it("tells when its connection stands, is lost, and stands again", async () => {
    const cache = await open();
    const told: string[] = [];
    for (const name of ["connect", "reconnect", "ready", "disconnect", "close"] as const) cache.on(name, () => told.push(name));
    await cache.put("a", 1);
    expect(told).toEqual(["connect", "ready"]);
    proxy.cutAll();
    await eventually(async () => (await cache.get("a").catch(() => undefined)) === 1, "the connection");
    await cache.close();
    expect(told).toEqual(["connect", "ready", "disconnect", "reconnect", "ready", "close"]);
  });

  it("a change whose answer is lost is told as unknown, and is not made twice", async () => {
    const cache = await open();
    await cache.put("n", 10);
    await proxy.mode("cut-after-request");
    await refuses(cache.incr("n"), "unavailable", { outcome: "unknown" });
    await proxy.mode("pass");
    await eventually(async () => (await cache.get("n").catch(() => undefined)) === 11, "the sum");
  });

  it("while the server is away calls fail at once, reads do what the policy says, and all come back by themselves", async () => {
    const cache = await open();
    await cache.put("seen", { a: 1 });
    expect(await cache.get("seen", { onDown: "stale" })).toEqual({ a: 1 });
    // From the first use of stale on what is seen is kept.
    expect(await cache.get("seen", { onDown: "stale" })).toEqual({ a: 1 });
    await proxy.mode("refuse");
    proxy.cutAll();
    await eventually(
      async () =>
        (await cache.put("x", 1).then(
          () => "",
          (error: { code: string; outcome: string }) => `${error.code} ${error.outcome}`,
        )) === "unavailable none",
      "being down",
    );
    const begun = performance.now();
    await Promise.all(Array.from({ length: 100 }, () => refuses(cache.put("x", 1), "unavailable", { outcome: "none" })));
    expect(performance.now() - begun).toBeLessThan(10_000);
    await refuses(cache.get("seen"), "unavailable");
    expect(await cache.get("seen", { onDown: "miss" })).toBeUndefined();
    expect(await cache.get("seen", { onDown: "stale" })).toEqual({ a: 1 });
    expect(await cache.getMany(["seen", "no"], { onDown: "stale" })).toEqual([{ a: 1 }, undefined]);
    let loads = 0;
    const values = await Promise.all(Array.from({ length: 20 }, () => cache.remember("loaded", () => ++loads, { onDown: "miss" })));
    expect(new Set(values)).toEqual(new Set([1]));
    await refuses(
      cache.remember("loaded", () => 1),
      "unavailable",
    );
    expect(await cache.limit("ip", { rate: 1, onDown: "allow" })).toMatchObject({ allowed: true });
    expect(await cache.limit("ip", { rate: 1, onDown: "deny" })).toMatchObject({ allowed: false });
    await refuses(cache.limit("ip", { rate: 1 }), "unavailable");
    await refuses(cache.del("seen"), "unavailable");
    await proxy.mode("pass");
    await eventually(async () => (await cache.get("seen").catch(() => undefined)) !== undefined, "the server");
  });

  it("calls that wait for a connection are bounded in number", async () => {
    const cache = await open({ maxWaiting: 10, timeoutMs: 1_000 });
    await proxy.mode("hang");
    const calls = Array.from({ length: 30 }, () =>
      cache.put("a", 1).then(
        () => "done",
        (error: { code: string }) => error.code,
      ),
    );
    expect((await Promise.all(calls)).filter((code) => code === "unavailable").length).toBeGreaterThanOrEqual(20);
  });

  it("a lock that cannot be renewed is told to be lost when its time is over", async () => {
    const cache = await open();
    const lock = await cache.lock("held", { ttlMs: 600, renew: true });
    const lost = new Promise((resolve) => lock!.signal.addEventListener("abort", resolve, { once: true }));
    await proxy.mode("refuse");
    proxy.cutAll();
    await lost;
    expect(lock!.isHeld).toBe(false);
    expect(await lock!.release()).toBe(false);
  });

  it("closing does not hang on a server that does not answer, and nothing is rejected unseen afterwards", async () => {
    const cache = await open();
    await cache.put("a", 1);
    await proxy.mode("hang");
    const late = refuses(cache.incr("late", 1, { timeoutMs: 500 }), "timeout");
    await cache.close();
    await late;
    await sleep(50);
  });

  it("what was acknowledged is there after the server was killed and came back", async () => {
    const cache = await open();
    await Promise.all(Array.from({ length: 100 }, (_each, i) => cache.put(`k${i}`, i)));
    await server.kill();
    await server.start();
    await eventually(async () => (await cache.get("k1").catch(() => undefined)) === 1, "the server");
    expect(await cache.getMany(Array.from({ length: 100 }, (_each, i) => `k${i}`))).toEqual(Array.from({ length: 100 }, (_each, i) => i));
  });
});
