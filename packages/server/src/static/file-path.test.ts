import { describe, expect, it } from "vitest";

import { isPlace, namesOf } from "./file-path.js";

describe("the path of a request", () => {
  it.each([
    ["/", [""]],
    ["/a/b.js", ["a", "b.js"]],
    ["/a/", ["a", ""]],
    ["/%C3%A4%20b.txt", ["ä b.txt"]],
    ["/.well-known/acme-challenge/x", [".well-known", "acme-challenge", "x"]],
    ["/a..b/c...d", ["a..b", "c...d"]],
    // Decoded once: what is left is the name of a file that nobody has.
    ["/%252e%252e%252fetc%252fpasswd", ["%2e%2e%2fetc%2fpasswd"]],
    ["/%25c0%25ae", ["%c0%ae"]],
  ])("%s is taken apart", (path, names) => {
    expect(namesOf(path)).toEqual(names);
  });

  it.each([
    "",
    "a",
    "//a",
    "/a//b",
    "/../x",
    "/a/../x",
    "/a/..",
    "/./a",
    "/%2e%2e/x",
    "/%2E%2E%2Fx",
    "/.env",
    "/a/.git/config",
    "/%2eenv",
    "/a/.well-known/x",
    "/.well-known/.x",
    "/a%00.txt",
    "/a%0a",
    "/a%7f",
    "/a%5cb",
    "/a\\b",
    "/..%5c..%5cx",
    "/C:/x",
    "/a.txt::$DATA",
    "/a%3A%3A%24DATA",
    "/a.",
    "/a ",
    "/a%20",
    "/a./b",
    "/CON:",
    "/a%2",
    "/%c0%ae%c0%ae/x",
    "/%ff",
    "/%u002e%u002e/x",
    "/a*",
    "/a%3fb",
    "/a|b",
    "/a<b",
  ])("%j leads nowhere", (path) => {
    expect(namesOf(path)).toBeUndefined();
  });
});

describe("a file that was found", () => {
  it.each([
    ["a/b.txt", "a/b.txt", true],
    // A link to another file of the folder.
    ["a/b.txt", "c.txt", true],
    ["../b.txt", "b.txt", false],
    ["../../etc/passwd", "b", false],
    ["", "a", false],
    [".git/config", "config", false],
    ["a/.env", "a/env", false],
    // Other spellings of its name, as file systems take them that fold letters.
    ["admin/page.html", "ADMIN/page.html", false],
    ["admin/page.html", "admin/PAGE.HTML", false],
    ["caf\u00e9.html", "cafe\u0301.html", false],
    ["stra\u00dfe.html", "STRASSE.html", false],
    ["kelvin.html", "\u212aelvin.html", false],
    ["file.html", "\ufb01le.html", false],
    ["secret.html", "\uff53ecret.html", false],
  ])("at %j that was asked for as %j", (real, asked, served) => {
    expect(isPlace(real, asked)).toBe(served);
  });
});
