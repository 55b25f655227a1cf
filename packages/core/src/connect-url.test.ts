import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BkError } from "./errors.js";
import { type ConnectUrl, parseConnectUrl } from "./connect-url.js";

const parsed = (url: string): ConnectUrl => {
  const result = parseConnectUrl(url);
  return { ...result, options: { ...result.options } };
};

describe("parseConnectUrl", () => {
  it.each<[string, ConnectUrl]>([
    ["memory:", { scheme: "memory", hosts: [], options: {} }],
    ["sqlite:app.db", { scheme: "sqlite", hosts: [], path: "app.db", options: {} }],
    ["sqlite::memory:", { scheme: "sqlite", hosts: [], path: ":memory:", options: {} }],
    ["sqlite:/var/a%20b.db?cache=1", { scheme: "sqlite", hosts: [], path: "/var/a b.db", options: { cache: "1" } }],
    ["sqlite:///var/app.db", { scheme: "sqlite", hosts: [], path: "/var/app.db", options: {} }],
    [
      "postgres://u:p@h:1/db?max=5",
      { scheme: "postgres", user: "u", password: "p", hosts: [{ host: "h", port: 1 }], path: "db", options: { max: "5" } },
    ],
    ["POSTGRES://h", { scheme: "postgres", hosts: [{ host: "h" }], options: {} }],
    ["postgres:///db", { scheme: "postgres", hosts: [], path: "/db", options: {} }],
    ["postgres://u@/db", { scheme: "postgres", user: "u", hosts: [], path: "db", options: {} }],
    ["memory://", { scheme: "memory", hosts: [], options: {} }],
    ["memory:///", { scheme: "memory", hosts: [], options: {} }],
    ["mysql://u@h/", { scheme: "mysql", user: "u", hosts: [{ host: "h" }], options: {} }],
    ["redis://:p%40%3A%2F@h", { scheme: "redis", password: "p@:/", hosts: [{ host: "h" }], options: {} }],
    ["redis://u:@h", { scheme: "redis", user: "u", password: "", hosts: [{ host: "h" }], options: {} }],
    [
      "redis-cluster://h1:1,h2:2",
      {
        scheme: "redis-cluster",
        hosts: [
          { host: "h1", port: 1 },
          { host: "h2", port: 2 },
        ],
        options: {},
      },
    ],
    [
      "dynamodb://127.0.0.1:8000?region=eu-west-1",
      { scheme: "dynamodb", hosts: [{ host: "127.0.0.1", port: 8000 }], options: { region: "eu-west-1" } },
    ],
    [
      "pg://[::1]:5/d?a&b=&c=x%3Dy=z",
      { scheme: "pg", hosts: [{ host: "::1", port: 5 }], path: "d", options: { a: "", b: "", c: "x=y=z" } },
    ],
    ["a://h/?__proto__=x", { scheme: "a", hosts: [{ host: "h" }], options: Object.fromEntries([["__proto__", "x"]]) }],
  ])("reads %s", (url, expected) => {
    expect(parsed(url)).toEqual(expected);
  });

  it.each([
    ["hunter2", "scheme"],
    ["//u:hunter2@h", "scheme"],
    ["pg://u:hunter2@h:port", "host (number 1)"],
    ["pg://u:hunter2@h1,h 2", "host (number 2)"],
    ["pg://u:hunter2@h:0", "port"],
    ["pg://u:hunter2@h:65536", "port"],
    ["pg://u:hunter2@h1,,h2", "host (number 2)"],
    ["pg://u:hunter2%@h", "password"],
    ["pg://u:hunter2%zz@h", "password"],
    ["pg://u:hunter2#x@h", "%23"],
    ["pg://u:hun@ter2@h", "%40"],
    ["pg://u:hunter2/x@h", "host (number 1)"],
    ["pg://u:hunter2%00@h", "NUL"],
    ["pg://h?a=1&a=hunter2", '"a" twice'],
    ["pg://h?=hunter2", "without a name"],
    ["pg://h?max=5#hunter2", "%23"],
  ])("refuses %s, saying what is wrong without repeating it", (url, word) => {
    const error = errorOf(() => parseConnectUrl(url));
    expect(error).toMatchObject({ code: "invalid", detail: { field: "url" } });
    expect(error.message).toContain(word);
    expect(`${error.message}${JSON.stringify(error)}${String(error.cause)}`).not.toMatch(/hunter2|ter2/);
  });

  it("refuses what is not text", () => {
    expect(errorOf(() => parseConnectUrl(undefined as unknown as string)).code).toBe("invalid");
  });

  it("gives back every user, password, path and option that was percent-encoded", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((value) => !value.includes("\0") && value.isWellFormed());
    const encoded = (value: string): string => encodeURIComponent(value);
    fc.assert(
      fc.property(text, text, text, fc.dictionary(text, text), (user, password, path, options) => {
        const query = Object.entries(options).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
        const result = parseConnectUrl(`pg://${encoded(user)}:${encoded(password)}@h:1/${encoded(path)}?${query.join("&")}`);
        expect(result).toMatchObject({ user, password, path, hosts: [{ host: "h", port: 1 }] });
        expect(Object.entries(result.options)).toEqual(expect.arrayContaining(Object.entries(options)));
      }),
    );
  });

  it("either parses or refuses with invalid, whatever it is given, and never shows the password", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (noise) => {
        const secret = "hunter2hunter2";
        try {
          parseConnectUrl(`pg://u:${secret}${noise}`);
        } catch (error) {
          expect(error).toBeInstanceOf(BkError);
          expect((error as BkError).code).toBe("invalid");
          expect((error as BkError).message).not.toContain(secret);
        }
      }),
    );
  });
});

function errorOf(fn: () => unknown): BkError {
  try {
    fn();
  } catch (error) {
    if (error instanceof BkError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
