// How often somebody may ask, over sockets, which have addresses.
import { memoryLimiter, rateLimits, signRequest } from "@bk/auth";
import { openCache } from "@bk/cache";
import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import type { ServerOptions } from "../src/index.js";
import { defaultRates } from "../src/middleware/rate-limit.js";
import { startServer } from "./start-server.js";

async function listening(options: Partial<ServerOptions>) {
  const on = await startServer(options);
  const { url } = await on.server.listen({ port: 0 });
  const get = async (path: string, headers: Record<string, string> = {}) => fetch(url + path, { headers });
  const signed = async (path: string, login = "bob") =>
    get(path, await signRequest({ url: url + path, login, secret: `secret of ${login}` }));
  return { ...on, url, get, signed, [Symbol.asyncDispose]: () => on.server.close() };
}

describe("rate limits over HTTP", () => {
  it("answer 429 with headers that say when to come back", async () => {
    await using on = await listening({ rateLimits: [{ by: "ip", name: "all", rate: 2, perMs: 60_000 }] });
    const first = await on.get("/");
    expect([first.status, first.headers.get("ratelimit")]).toEqual([200, '"all";r=1;t=30']);
    await on.get("/");
    const third = await on.get("/");
    expect(third.status).toBe(429);
    expect(await third.json()).toMatchObject({ code: "limited" });
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(20);
    expect(third.headers.get("ratelimit-policy")).toBe('"all";q=2;w=60');
    expect((await on.get("/ping")).status).toBe(200);
  });

  it("count accounts behind the signature, in a cache too, and give the signature back", async () => {
    await using cache = await openCache("local:");
    await using on = await listening({ cache, rateLimits: [{ by: "account", rate: 2, perMs: 3_600_000 }] });
    expect((await on.get("/auth")).status).toBe(401);
    expect([(await on.signed("/auth")).status, (await on.signed("/auth")).status, (await on.signed("/auth")).status]).toEqual([
      200, 200, 429,
    ]);
    expect((await on.signed("/auth", "eve")).status).toBe(200);
    await on.server.db.update("bk_auth" as never, { login: "bob", rlimits_rate: 100 } as never);
    expect((await on.signed("/auth")).status).toBe(200);
  });

  it("count logins that signatures claim", async () => {
    await using on = await listening({ rateLimits: [{ by: "login", rate: 1, perMs: 3_600_000 }] });
    expect([(await on.signed("/auth")).status, (await on.signed("/auth")).status, (await on.signed("/auth", "eve")).status]).toEqual([
      200, 429, 200,
    ]);
  });

  it("hold for /login unless it is said otherwise", async () => {
    await using on = await listening({});
    const reply = await fetch(`${on.url}/login`, { method: "POST", body: "x".repeat(5000) });
    expect([reply.status, reply.headers.get("ratelimit-policy")]).toEqual([413, '"login";q=30;w=30']);
    const { take } = rateLimits({ rules: defaultRates, limiter: memoryLimiter({ clock: testClock() }) });
    const allowed: boolean[] = [];
    for (let i = 0; i < 31; i++) allowed.push((await take("ip", { method: "POST", path: "/login", address: "10.0.0.1" }))!.allowed);
    expect(allowed.lastIndexOf(true)).toBe(29);
    expect((await on.signed("/auth")).headers.get("ratelimit")).toBeNull();
  });

  it("believe X-Forwarded-For of proxies that are trusted, up to the first who is not", async () => {
    const rateLimits = [{ by: "ip", rate: 1, perMs: 3_600_000 }] as const;
    const via = (hops: string) => ({ "x-forwarded-for": hops });
    await using plain = await listening({ rateLimits });
    expect([(await plain.get("/", via("1.1.1.1"))).status, (await plain.get("/", via("2.2.2.2"))).status]).toEqual([200, 429]);
    await using behind = await listening({ rateLimits, trustedProxies: ["127.0.0.0/8", "::1", "10.0.0.0/8"] });
    const asked = async (hops: string) => (await behind.get("/", via(hops))).status;
    expect([await asked("1.1.1.1"), await asked("2.2.2.2"), await asked("1.1.1.1")]).toEqual([200, 200, 429]);
    expect(await asked("9.9.9.9, 1.1.1.1, 10.1.2.3")).toBe(429);
    expect(await asked("3.3.3.3, nonsense")).toBe(200);
    expect(await asked("4.4.4.4, nonsense")).toBe(429);
    for (const entry of ["10.0.0.0/33", "example.com", "10.0.0.0/x"])
      await expect(startServer({ trustedProxies: [entry] })).rejects.toMatchObject({ code: "invalid" });
  });
});
