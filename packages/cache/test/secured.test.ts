// Servers that ask for TLS, or for a user and password.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, openCache } from "@bk/cache";
import { canSecure, securedMemcached, securedRedis, type SecuredServer } from "../../../test/secured-server.js";
import { refuses } from "../src/testing/suite.js";
import { isWanted } from "./test-fixture.js";

const password = "s3cret/of:mine";
const wanted = (name: string, program: string, env: string): boolean => isWanted({ name, env }) && canSecure(program);

async function works(cache: Cache): Promise<void> {
  try {
    await cache.del("n");
    await Promise.all(Array.from({ length: 20 }, (_, n) => cache.put(`k${n}`, n)));
    expect(await cache.getMany(["k0", "k19", "none"])).toEqual([0, 19, undefined]);
    expect(await cache.incr("n", 2)).toBe(2);
  } finally {
    await cache.close();
  }
}

/** What it is refused with holds no password. */
async function refused(cache: Cache, code: "unauthenticated" | "unavailable", ...secrets: string[]): Promise<void> {
  try {
    await Promise.all(["k0", "k1", "k2"].map((key) => refuses(cache.get(key), code, { outcome: "none" })));
    const error = await cache.put("k0", 1).catch((reason: unknown) => reason);
    const shown = `${String(error)} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
    for (const secret of secrets) expect(shown).not.toContain(secret);
  } finally {
    await cache.close();
  }
}

describe.runIf(wanted("cache-memcached", "memcached", "BK_TEST_MEMCACHED"))("driver: cache-memcached", { timeout: 60_000 }, () => {
  let [signed, secure]: SecuredServer[] = [];
  beforeAll(async () => {
    [signed, secure] = await Promise.all([
      securedMemcached({ users: `app:${password}\nother:word\n` }),
      securedMemcached({ users: `app:${password}\n`, tls: true }),
    ]);
  }, 60_000);
  afterAll(() => Promise.all([signed?.stop(), secure?.stop()]));

  it("brings user and password to a server that asks for them", async () => {
    await works(await openCache(`memcached://app:${encodeURIComponent(password)}@127.0.0.1:${signed!.port}`));
    await works(await openCache(`memcached://127.0.0.1:${signed!.port}`, { options: { username: "other", password: "word" } }));
  });

  it("tells a wrong password, and none, as unauthenticated", async () => {
    await refused(await openCache(`memcached://app:wr0ng@127.0.0.1:${signed!.port}`), "unauthenticated", "wr0ng");
    await refused(await openCache(`memcached://127.0.0.1:${signed!.port}`), "unauthenticated");
  });

  it("speaks TLS to a server whose certificate it trusts, and to no other", async () => {
    const { port, ca } = secure!;
    const url = `memcached://app:${encodeURIComponent(password)}@127.0.0.1:${port}`;
    await works(await openCache(url, { options: { tls: { ca } } }));
    await refused(await openCache(url, { options: { tls: true } }), "unavailable", password, encodeURIComponent(password));
  });
});

describe.runIf(wanted("cache-redis", "redis-server", "BK_TEST_REDIS"))("driver: cache-redis", { timeout: 60_000 }, () => {
  let server: SecuredServer | undefined;
  beforeAll(async () => {
    server = await securedRedis(password);
  }, 60_000);
  afterAll(() => server?.stop());
  const url = (word: string): string => `rediss://:${encodeURIComponent(word)}@127.0.0.1:${server!.port}`;

  it("speaks TLS to a server whose certificate it trusts, and to no other", async () => {
    const { ca } = server!;
    await works(await openCache(url(password), { options: { tls: { ca } } }));
    await works(await openCache(`tiered:${url(password)}`, { options: { remote: { tls: { ca } } } }));
    await refused(
      await openCache(url(password), { options: { connectTimeoutMs: 2_000 } }),
      "unavailable",
      password,
      encodeURIComponent(password),
    );
  });

  it("tells a wrong password as unauthenticated", async () => {
    await refused(await openCache(url("wr0ng"), { options: { tls: { ca: server!.ca } } }), "unauthenticated", "wr0ng");
  });
});
