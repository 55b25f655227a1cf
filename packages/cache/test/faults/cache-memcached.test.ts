// One of two servers goes away and comes back.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, openCache } from "@bk/cache";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/memcached/fixture.js";
import { eventually } from "../../src/testing/suite.js";
import { isWanted } from "../test-fixture.js";

const runs = isWanted(fixture) && process.env["BK_TEST_QUICK"] !== "1";
const keys = Array.from({ length: 200 }, (_each, i) => `key ${i}`);

describe.runIf(runs)("driver: cache-memcached", { timeout: 120_000 }, () => {
  let server: Service;
  let proxies: FaultProxy[];
  let cache: Cache;
  let strict: Cache;
  beforeAll(async () => {
    server = await startService("memcached");
    const ports = [...server.url.matchAll(/:(\d+)/g)].map(([, port]) => Number(port));
    proxies = await Promise.all(ports.map((port) => openFaultProxy(port)));
    const url = `memcached://${proxies.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
    cache = await openCache(url);
    strict = await openCache(url, { options: { failover: false }, prefix: "strict:" });
  }, 180_000);
  afterAll(async () => {
    await Promise.all([cache?.close(), strict?.close()]);
    await Promise.all((proxies ?? []).map((proxy) => proxy.close()));
    await server?.stop();
  });

  it("keys of a server that is away go to the other, locks do not; both come back by themselves", async () => {
    await cache.putMany(new Map(keys.map((key) => [key, "before"])));
    await strict.putMany(new Map(keys.map((key) => [key, "before"])));
    await proxies[0]!.mode("refuse");
    proxies[0]!.cutAll();

    // What lay on the other server is still there; what lay on this one is gone, and can be written anew.
    await eventually(
      () =>
        cache.getMany(keys).then(
          () => true,
          () => false,
        ),
      "going to the other server",
    );
    const left = (await cache.getMany(keys)).filter((value) => value !== undefined).length;
    expect(left).toBeGreaterThan(30);
    expect(left).toBeLessThan(170);
    await cache.putMany(new Map(keys.map((key) => [key, "during"])));
    expect(await cache.getMany(keys)).toEqual(keys.map(() => "during"));

    const locks = await Promise.allSettled(keys.map((key) => cache.lock(key, { ttlMs: 60_000 })));
    const refused = locks.filter((lock) => lock.status === "rejected");
    expect(refused.length).toBeGreaterThan(30);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "unavailable", outcome: "none" });
    const strictly = await Promise.allSettled(keys.map((key) => strict.get(key)));
    expect(strictly.filter((get) => get.status === "fulfilled" && get.value === "before").length).toBeGreaterThan(30);
    expect(strictly.filter((get) => get.status === "rejected").length).toBeGreaterThan(30);

    await proxies[0]!.mode("pass");
    await eventually(
      () =>
        strict.getMany(keys).then(
          (values) => values.every((value) => value === "before"),
          () => false,
        ),
      "both servers",
    );
  });
});
