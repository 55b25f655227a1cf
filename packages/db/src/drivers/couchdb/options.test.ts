import { describe, expect, it } from "vitest";
import { authorizationOf, couchOptions } from "./options.js";

const read = (url: string, options: Record<string, unknown> = {}) => couchOptions({ url, options });

describe("couchOptions", () => {
  it("reads the URL", () => {
    expect(read("couchdb://me:p%40ss@host:7000/app?maxConnections=5")).toEqual({
      base: "http://host:7000",
      host: "host",
      port: 7000,
      database: "app",
      username: "me",
      password: "p@ss",
      maxConnections: 5,
    });
  });

  it("has defaults", () => {
    expect(read("couchdb:///app")).toMatchObject({
      base: "http://127.0.0.1:5984",
      database: "app",
      username: undefined,
      maxConnections: 32,
    });
    expect(read("couchdbs://host/app")).toMatchObject({ base: "https://host:6984" });
    expect(read("couchdb://[::1]/a_b-c")).toMatchObject({ base: "http://[::1]:5984", database: "a_b-c" });
    expect(read("couchdb://a/b", { username: "u", password: "p" })).toMatchObject({ username: "u", password: "p" });
  });

  it("makes the header of a user, of any characters", () => {
    expect(authorizationOf({ username: "bk", password: "ß€" })).toEqual({ authorization: "Basic Yms6w5/igqw=" });
    expect(authorizationOf({ username: undefined, password: undefined })).toEqual({});
  });

  it.each([
    ["couchdb://a/b?max=5", {}, "max"],
    ["couchdb://a/b", { pass: "x" }, "pass"],
    ["couchdb://a,b/c", {}, "url"],
    ["couchdb://a", {}, "url"],
    ["couchdb://a/App", {}, "url"],
    ["couchdb://a/_users", {}, "url"],
    ["couchdb://a/b", { maxConnections: 0 }, "maxConnections"],
    ["couchdb://a/b", { username: 5 }, "username"],
  ])("refuses %s with %j, naming %s", (url, options, field) => {
    expect(() => read(url, options)).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }));
  });
});
