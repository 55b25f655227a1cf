import { describe, expect, it } from "vitest";
import { classifyRiak, RiakError } from "./errors.js";
import { foundIn } from "./objects.js";

const failed = (code: string) => Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("x"), { code }) });

describe("classifyRiak", () => {
  it.each([
    ["a bad request", new RiakError({ status: 400, text: "Unknown field type" }), "invalid", "none"],
    ["wrong password", new RiakError({ status: 401, text: "Unauthorized" }), "unauthenticated", "none"],
    [
      "password without TLS",
      new RiakError({ status: 426, text: "Security is enabled and Riak does not accept credentials over HTTP." }),
      "unauthenticated",
      "none",
    ],
    ["not allowed, or refused by a hook", new RiakError({ status: 403, text: "Permission denied" }), "denied", "none"],
    ["too large", new RiakError({ status: 413, text: "" }), "too-large", "none"],
    ["headers too large", new RiakError({ status: 431, text: "" }), "too-large", "none"],
    ["too few nodes", new RiakError({ status: 503, text: "PR-value unsatisfied: 1/2" }), "unavailable", "unknown"],
    ["no indexes", new RiakError({ status: 500, text: "{error,{indexes_not_supported,riak_kv_bitcask_backend}}" }), "unsupported", "none"],
    ["refused connection", failed("ECONNREFUSED"), "unavailable", "none"],
    ["broken connection", failed("UND_ERR_SOCKET"), "unavailable", "unknown"],
  ])("%s", (_name, error, code, outcome) => {
    expect(classifyRiak(error)).toMatchObject({ code, outcome });
  });

  it("does not know what is new to it", () => {
    expect(classifyRiak(new RiakError({ status: 500, text: "badmatch" }))).toBeUndefined();
  });
});

describe("foundIn", () => {
  const body = (n: number) => `{"row":{"n":${n}},"links":[["i.n","x"]],"write":"w${n}","at":${n}}`;

  it("reads a value, several, and what deletions left", () => {
    const headers = { "x-riak-vclock": "abc", etag: '"tag"' };
    expect(foundIn({ status: 200, headers, text: body(1) })).toEqual({
      contents: [{ row: '{"n":1}', links: [["i.n", "x"]], write: "w1", generation: 0, isCopy: false, at: 1 }],
      generation: 0,
      vclock: "abc",
      isThere: true,
      etag: '"tag"',
    });
    const parts = [body(1), body(2), body(2)].map((text) => `\r\n--b\r\nContent-Type: application/json\r\nEtag: x\r\n\r\n${text}`).join("");
    const deleted = "\r\n--b\r\nX-Riak-Deleted: true\r\nContent-Type: application/octet-stream\r\n\r\n";
    const several = foundIn({
      status: 300,
      headers: { "x-riak-vclock": "abc", "content-type": "multipart/mixed; boundary=b" },
      text: `${parts}${deleted}\r\n--b--\r\n`,
    });
    expect(several.contents.map(({ write }) => write)).toEqual(["w1", "w2"]);
    expect(several).toMatchObject({ vclock: "abc", isThere: true, etag: undefined });
    expect(foundIn({ status: 404, headers: {}, text: "not found" })).toMatchObject({
      contents: [],
      vclock: undefined,
      isThere: false,
    });
    expect(foundIn({ status: 404, headers, text: "not found" })).toMatchObject({ contents: [], vclock: "abc", isThere: false });
  });

  it.each(["text", "null", '{"row":{}}', "[]"])("refuses %s, which is no row", (text) => {
    expect(() => foundIn({ status: 200, headers: {}, text })).toThrow(expect.objectContaining({ code: "drift" }));
  });
});
