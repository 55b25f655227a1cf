import { silentLog, systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { type RedisOptions, redisOptions } from "./options.js";
import { tablePrefix } from "./store.js";

const read = (url: string, options: Record<string, unknown> = {}): RedisOptions =>
  redisOptions({ url, options, clock: systemClock, log: silentLog });

describe("redisOptions", () => {
  it("reads the URL", () => {
    expect(read("redis://me:p%40ss@host:7000/3?prefix=app:&connectTimeoutMs=500")).toEqual({
      isCluster: false,
      hosts: [{ host: "host", port: 7000 }],
      tls: false,
      username: "me",
      password: "p@ss",
      prefix: "app:",
      tag: undefined,
      database: 3,
      connectTimeoutMs: 500,
      commandTimeoutMs: undefined,
    });
  });

  it("has defaults", () => {
    expect(read("redis:")).toMatchObject({ hosts: [{ host: "127.0.0.1", port: 6379 }], prefix: "bk:", database: 0, tls: false });
    expect(read("rediss://host")).toMatchObject({ tls: true });
    expect(read("redis-cluster://a:1,b")).toMatchObject({
      isCluster: true,
      hosts: [
        { host: "a", port: 1 },
        { host: "b", port: 6379 },
      ],
    });
    expect(read("rediss://host", { tls: { servername: "x" } })).toMatchObject({ tls: { servername: "x" } });
  });

  it.each([
    ["redis://a?max=5", {}, "max"],
    ["redis://a", { pass: "x" }, "pass"],
    ["redis://a,b", {}, "url"],
    ["redis://a/x", {}, "database"],
    ["redis://a", { database: -1 }, "database"],
    ["redis-cluster://a/1", {}, "database"],
    ["redis://a", { prefix: "a{b" }, "prefix"],
    ["redis://a", { prefix: 5 }, "prefix"],
    ["redis://a", { tag: "a/b" }, "tag"],
    ["redis://a?connectTimeoutMs=0", {}, "connectTimeoutMs"],
    ["redis://a", { commandTimeoutMs: 1.5 }, "commandTimeoutMs"],
    ["redis://a", { tls: "yes" }, "tls"],
  ])("refuses %s with %j, naming %s", (url, options, field) => {
    expect(() => read(url, options)).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }));
  });
});

describe("tablePrefix", () => {
  it("puts a table, or the tag that several share, into the hash tag", () => {
    expect(tablePrefix("bk:", "users")).toBe("{bk:users}:");
    expect(tablePrefix("bk:", "pair/left")).toBe("{bk:pair}left:");
  });
});
