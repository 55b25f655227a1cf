// How often somebody may ask.
import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { memoryLimiter, rateLimits, type RateRule, type RateSubject } from "../src/index.js";

function limits(rules: readonly RateRule[]) {
  const clock = testClock();
  return { clock, ...rateLimits({ rules, limiter: memoryLimiter({ clock }) }) };
}

const from = (address: string, more: Partial<RateSubject> = {}): RateSubject => ({ method: "GET", path: "/x", address, ...more });

describe("rate limits", () => {
  it("let so many through, say so, and let more through with time", async () => {
    const { take, clock } = limits([{ by: "ip", name: "all", rate: 2, perMs: 10_000, burst: 2 }]);
    expect(await take("ip", from("10.0.0.1"))).toEqual({
      allowed: true,
      retryAfterMs: 0,
      headers: { "ratelimit-policy": '"all";q=2;w=10', ratelimit: '"all";r=1;t=5' },
    });
    expect(await take("ip", from("10.0.0.1"))).toMatchObject({ allowed: true });
    expect(await take("ip", from("10.0.0.1"))).toMatchObject({ allowed: false, retryAfterMs: 5000 });
    expect(await take("ip", from("10.0.0.2"))).toMatchObject({ allowed: true });
    clock.advance(5000);
    expect(await take("ip", from("10.0.0.1"))).toMatchObject({ allowed: true });
    expect(await take("ip", from("10.0.0.1"))).toMatchObject({ allowed: false });
  });

  it("count networks of IPv6, paths together, and methods apart", async () => {
    const { take } = limits([{ by: "ip", rate: 1, paths: ["POST /a/*", "/b"] }]);
    const post = (path: string, address: string) => take("ip", from(address, { path, method: "POST" }));
    expect(await post("/a/1", "2001:db8::1")).toMatchObject({ allowed: true });
    expect(await post("/a/2", "2001:db8::2")).toMatchObject({ allowed: false });
    expect(await post("/b", "2001:db8::3")).toMatchObject({ allowed: false });
    expect(await take("ip", from("2001:db8::1", { path: "/a/1" }))).toBeUndefined();
    expect(await post("/other", "2001:db8::1")).toBeUndefined();
  });

  it("count logins with their address, so that nobody uses up another's", async () => {
    const { take } = limits([{ by: "login", rate: 1 }]);
    expect(await take("login", from("10.0.0.1", { login: "bob" }))).toMatchObject({ allowed: true });
    expect(await take("login", from("10.0.0.1", { login: "bob" }))).toMatchObject({ allowed: false });
    expect(await take("login", from("10.0.0.2", { login: "bob" }))).toMatchObject({ allowed: true });
    expect(await take("login", from("10.0.0.1"))).toBeUndefined();
  });

  it("give an account what an admin gave it", async () => {
    const { take } = limits([{ by: "account", rate: 1, perMs: 1000 }]);
    const some = async (account: RateSubject["account"]) => {
      let allowed = 0;
      for (let i = 0; i < 10; i++) if ((await take("account", from("10.0.0.1", { account })))!.allowed) allowed++;
      return allowed;
    };
    expect(await some({ id: "u1" })).toBe(1);
    expect(await some({ id: "u2", rlimits_rate: 5 })).toBe(5);
    expect(await some({ id: "u3", rlimits_rate: 2, rlimits_max: 7 })).toBe(7);
    expect(await some({ id: "u4", rlimits_rate: null, rlimits_max: -1 })).toBe(1);
  });

  it("hold nobody up while the limiter does not answer, and say so", async () => {
    const faults: unknown[] = [];
    const limiter = { limit: () => Promise.reject(new Error("away")) };
    const { take } = rateLimits({ limiter, rules: [{ by: "ip", rate: 1 }], onFault: (error) => faults.push(error) });
    expect(await take("ip", from("10.0.0.1"))).toBeUndefined();
    expect(faults).toHaveLength(1);
  });

  it("remember so many keys, and forget the one that was used longest ago", async () => {
    const limiter = memoryLimiter({ maxKeys: 2, clock: testClock() });
    const bucket = { rate: 1, perMs: 1000, burst: 1 };
    for (const key of ["a", "b", "c"]) await limiter.limit(key, bucket);
    expect(await limiter.limit("c", bucket)).toMatchObject({ allowed: false });
    expect(await limiter.limit("a", bucket)).toMatchObject({ allowed: true });
  });

  it("are refused where they cannot be used", () => {
    for (const rule of [
      { by: "ip", rate: 0 },
      { by: "id", rate: 1 },
      { by: "ip", rate: 1, paths: ["x"] },
      { by: "ip", rate: 1, name: 'a"b' },
    ])
      expect(() => rateLimits({ rules: [rule as RateRule] })).toThrow(/rules/);
    expect(() =>
      rateLimits({
        rules: [
          { by: "ip", rate: 1, name: "a" },
          { by: "login", rate: 1, name: "a" },
        ],
      }),
    ).toThrow(/one name/);
  });
});
