import { describe, expect, it } from "vitest";

import { accessFields, isAccessField } from "./access-fields.js";
import { type AccessRecord, combinedLine, jsonLine } from "./access-line.js";

const record: AccessRecord = {
  id: "r-1",
  at: Date.UTC(2000, 9, 10, 13, 55, 36, 700),
  ms: 3,
  method: "GET",
  path: "/apache_pb.gif",
  httpVersion: "1.0",
  status: 200,
  bytes: 2326,
  address: "127.0.0.1",
  login: "frank",
  claims: undefined,
  refused: undefined,
  socket: undefined,
  referer: "http://www.example.com/start.html",
  userAgent: "Mozilla/4.08 [en] (Win98; I ;Nav)",
  fields: {},
};

const hostile = 'a" 200 1 "x\\\n127.0.0.1 - root\r\u0000\u001b[2J\u2028\u202e é';

describe("lines of the access log", () => {
  it("combined are those of Apache's own example, in UTC", () => {
    expect(combinedLine(record)).toBe(
      '127.0.0.1 - frank [10/Oct/2000:13:55:36 +0000] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
    );
    const { address, login, bytes, referer, userAgent, ...others } = record;
    const bare = {
      ...others,
      address: undefined,
      login: undefined,
      bytes: undefined,
      referer: undefined,
      userAgent: undefined,
      fields: { app: "x" },
    };
    expect([address, login, bytes, referer, userAgent]).not.toContain(undefined);
    expect(combinedLine(bare)).toBe('- - - [10/Oct/2000:13:55:36 +0000] "GET /apache_pb.gif HTTP/1.0" 200 - "-" "-" "x"');
  });

  it("are one line each, of the same fields, whatever callers send", () => {
    const form = /^\S+ - \S+ \[[^\]]+\] "(?:[^"\\]|\\.)*" \d{3} \S+ "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"$/;
    const own = {
      ...record,
      path: `/${hostile}`,
      login: hostile,
      referer: hostile,
      userAgent: hostile.repeat(100),
      fields: { page: hostile },
    };
    expect(combinedLine(own)).toMatch(form);
    expect(combinedLine(own)).toMatch(/^[\x20-\x7e]+$/);
    expect(combinedLine({ ...record, userAgent: hostile })).toContain(
      String.raw`"a\" 200 1 \"x\\\n127.0.0.1 - root\r\x00\x1b[2J\xe2\x80\xa8\xe2\x80\xae \xc3\xa9"`,
    );
    const json = jsonLine(own);
    expect(json).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(json)).toMatchObject({
      time: "2000-10-10T13:55:36.700Z",
      id: "r-1",
      ms: 3,
      status: 200,
      bytes: 2326,
      login: hostile,
    });
  });

  it("have no field that sounds like a secret", () => {
    for (const name of ["q:page", "h:x-app", "a:type"]) expect(isAccessField(name)).toBe(true);
    for (const name of [
      "h:Authorization",
      "h:cookie",
      "h:bk-signature",
      "h:x-api-key",
      "q:token",
      "q:_session",
      "a:secret",
      "page",
      "q:",
      "x:y",
      "q:a b",
    ])
      expect([name, isAccessField(name)]).toEqual([name, false]);
    expect(() => accessFields(["q:page", "h:cookie"])).toThrow("accessLog.fields");
  });
});
