import { describe, expect, it } from "vitest";
import { riakOptions } from "./options.js";

const read = (url: string, options: Record<string, unknown> = {}) => riakOptions({ url, options });

describe("riakOptions", () => {
  it("reads the URL", () => {
    expect(read("riaks://me:p%40ss@host:8443?prefix=app.&bucketType=kept&maxConnections=5")).toEqual({
      base: "https://host:8443",
      host: "host",
      port: 8443,
      username: "me",
      password: "p@ss",
      prefix: "app.",
      bucketType: "kept",
      maxConnections: 5,
    });
  });

  it("has defaults", () => {
    expect(read("riak:")).toMatchObject({ base: "http://127.0.0.1:8098", prefix: "bk.", bucketType: undefined, maxConnections: 32 });
    expect(read("riak://[::1]")).toMatchObject({ base: "http://[::1]:8098" });
  });

  it.each([
    ["riak://a?max=5", {}, "max"],
    ["riak://a,b", {}, "url"],
    ["riak://a/db", {}, "url"],
    ["riak://a", { prefix: "a/b" }, "prefix"],
    ["riak://a", { bucketType: "" }, "bucketType"],
    ["riak://a", { maxConnections: 0 }, "maxConnections"],
  ])("refuses %s with %j, naming %s", (url, options, field) => {
    expect(() => read(url, options)).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }));
  });
});
