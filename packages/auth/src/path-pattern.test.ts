import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closingReadings, compilePatterns, readings } from "./path-pattern.js";
import { compileRules } from "./rules.js";
import { aclAllows } from "./acl.js";

describe("path patterns", () => {
  it.each([
    ["/ping", "/ping", true],
    ["/ping", "/pingx", false],
    ["/ping", "/ping/x", false],
    ["/ping", "/x/ping", false],
    ["/data/*", "/data/a/b", true],
    ["/data/*", "/data", false],
    ["/a/*/c", "/a/b/c", true],
    ["/a/*/c", "/a/c", false],
    ["/a*a", "/a", false],
    ["/*b*b", "/bb", true],
    ["/*b*b", "/b", false],
    ["/a.c", "/abc", false],
    [/\/x/, "/x", true],
    [/\/x/, "/xy", false],
    [/^\/x|\/y$/, "/x/system", false],
  ] as const)("%s fits %s: %s", (pattern, path, fits) => {
    expect(compilePatterns([pattern])(path)).toBe(fits);
  });

  it("agree with the regular expression that they stand for", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 6 });
    fc.assert(
      fc.property(pattern, letters, (glob, path) => {
        expect(compilePatterns([glob])(path)).toBe(new RegExp(`^${glob.replaceAll("*", "[^]*")}$`).test(path));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["/a/b", ["/a/b"]],
    ["/a/b/", ["/a/b/"]],
    ["/", ["/"]],
    ["//a//b", ["//a//b", "/a/b"]],
    ["/pub/../system", ["/pub/../system", "/system"]],
    ["/pub/%2e%2E/system", ["/pub/%2e%2E/system", "/system"]],
    ["/pub/..%2fsystem", ["/pub/..%2fsystem", "/system"]],
    ["/a%zz", ["/a%zz"]],
    ["/caf%C3%A9", ["/caf%C3%A9", "/café"]],
  ])("reads %s as %j", (path, expected) => {
    expect(readings(path)).toEqual(expected);
  });

  it("closes with and without the last slash", () => {
    expect(closingReadings("/system/")).toContain("/system");
  });
});

describe("rules", () => {
  const rules = compileRules({ allowPaths: ["/public/*"], denyPaths: ["/system/*", "/system"], allowAdmin: ["/admin/*"] });
  it.each(["/public/x"])("open %s", (path) => expect(rules.isAllowed("GET", path)).toBe(true));
  it.each(["/public/../system/x", "/public/%2e%2e/data", "/public/..%2fdata", "/x.js", "/"])("do not open %s", (path) => {
    expect(rules.isAllowed("GET", path)).toBe(false);
  });
  it.each(["/system/x", "/system/", "//system/x", "/%73ystem/x", "/a/../system", "/public/..%5csystem"])("close %s", (path) => {
    expect(rules.isDenied("GET", path)).toBe(true);
  });
  it.each(["/admin/x", "/x/../admin/y"])("keep %s for admins", (path) =>
    expect(rules.refuses({ type: "user" }, "GET", path)).toBe("adminOnly"),
  );
  it.each(["ping", "", "/x?a=1", "http://h/x"])("refuse the pattern %j, which nothing could fit", (pattern) => {
    expect(() => compileRules({ denyPaths: [pattern] })).toThrow(/rules\.denyPaths/);
  });
  it("open few paths by themselves, and exactly those", () => {
    const defaults = compileRules({});
    for (const path of ["/", "/ping", "/login", "/logout"]) expect(defaults.isAllowed("GET", path)).toBe(true);
    for (const path of ["/ping/x", "/pingx", "/system/restart/x.js", "/pages/del/1.html", "/a.png", "/auth"])
      expect(defaults.isAllowed("GET", path)).toBe(false);
  });
});

describe("lists of an account", () => {
  it.each([
    [{ acl_deny: "/system" }, "/system/stats", false],
    [{ acl_deny: "/system" }, "/system", false],
    [{ acl_deny: "/system" }, "/systems", true],
    [{ acl_deny: "/a, /b|/c/" }, "/c/d", false],
    [{ acl_deny: "/a" }, "/x/..//a", false],
    [{ acl_allow: "/data" }, "/data/x", true],
    [{ acl_allow: "/data" }, "/other", false],
    [{ acl_allow: "/data" }, "/data/../other", false],
    [{ acl_allow: "/data/*/get" }, "/data/x/get", true],
    [{ acl_allow: "/data", acl_deny: "/data/secret" }, "/data/secret/1", false],
    [{ acl_deny: "system" }, "/system/x", false],
    [{ acl_deny: "/" }, "/anything", false],
    [{ acl_deny: "/" }, "/", false],
    [{}, "/x", true],
    [{ acl_deny: null, acl_allow: "" }, "/x", true],
  ])("%j at %s: %s", (account, path, allowed) => {
    expect(aclAllows(account, path)).toBe(allowed);
  });
});
