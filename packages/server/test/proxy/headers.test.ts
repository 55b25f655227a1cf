// What upstreams are told of a request and its client, and what is about one connection alone.
import { describe, expect, it } from "vitest";

import { ask, askRaw, proxyServer, upstream } from "./upstreams.js";

const echo = (): ReturnType<typeof upstream> => upstream((asked, reply) => void reply.end(JSON.stringify(asked.headers)));

async function seenBehind(
  headers: Readonly<Record<string, string | string[]>>,
  trustedProxies: readonly string[] = [],
): Promise<Record<string, string>> {
  await using behind = await echo();
  await using server = await proxyServer({ targets: [{ name: "all", to: [behind.url] }] }, { trustedProxies });
  return JSON.parse((await ask(server.url, { headers: { host: "shop.test", ...headers } })).text) as Record<string, string>;
}

const claims = {
  "x-forwarded-for": "10.9.9.9",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "evil.test",
  "x-forwarded-port": "444",
  "x-real-ip": "10.9.9.9",
  forwarded: "for=10.9.9.9;proto=https",
};

describe("what an upstream is told of the client", () => {
  it("is what this server knows, whatever the client claims", async () => {
    expect(await seenBehind({ ...claims, x_forwarded_for: "10.9.9.9", "x-real_ip": "10.9.9.9" })).toEqual({
      host: "shop.test",
      connection: "keep-alive",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": "shop.test",
      "x-forwarded-proto": "http",
      forwarded: 'for=127.0.0.1;host="shop.test";proto=http',
      "x-request-id": expect.stringMatching(/^\w+-\w+$/) as string,
    });
  });

  it("is what a trusted proxy says, and that proxy behind it", async () => {
    expect(await seenBehind(claims, ["127.0.0.0/8"])).toMatchObject({
      "x-forwarded-for": "10.9.9.9, 127.0.0.1",
      "x-forwarded-host": "evil.test",
      "x-forwarded-proto": "https",
      "x-forwarded-port": "444",
      "x-real-ip": "10.9.9.9",
      forwarded: 'for=10.9.9.9;proto=https, for=127.0.0.1;host="shop.test";proto=http',
    });
  });

  it("has the id of the log, not the one that the client sends", async () => {
    expect((await seenBehind({ "x-request-id": "mine" }))["x-request-id"]).not.toBe("mine");
  });
});

describe("headers of one connection", () => {
  it("do not go on, nor those that Connection names; what says where a body ends, and for whom it is, cannot be named", async () => {
    const headers = await seenBehind({
      connection: "keep-alive, X-Secret, Host, Content-Length, x-forwarded-for",
      "keep-alive": "timeout=5",
      "x-secret": "1",
      te: "trailers",
      upgrade: "h2c",
      "http2-settings": "x",
      "proxy-authorization": "Basic eA==",
      "proxy-connection": "keep-alive",
      expect: "100-continue",
      "content-length": "0",
      authorization: "Bearer x",
    });
    expect(Object.keys(headers).sort()).toEqual(
      [
        "authorization",
        "connection",
        "content-length",
        "forwarded",
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
      ].sort(),
    );
  });

  it("do not come back either", async () => {
    await using behind = await upstream((_asked, reply) => {
      reply.writeHead(200, {
        connection: "close, X-Inner",
        "x-inner": "1",
        "proxy-authenticate": "Basic",
        "keep-alive": "timeout=99",
        trailer: "x-end",
        "x-outer": "1",
        "transfer-encoding": "chunked",
      });
      reply.addTrailers({ "x-end": "1" });
      reply.end("body");
    });
    await using server = await proxyServer({ targets: [{ name: "all", to: [behind.url] }] });
    const { headers, text } = await ask(server.url, { headers: { connection: "keep-alive" } });
    expect(text).toBe("body");
    expect(headers["x-outer"]).toBe("1");
    for (const name of ["x-inner", "proxy-authenticate", "trailer"]) expect(headers[name]).toBeUndefined();
    expect(headers["connection"]).toBe("keep-alive");
    expect(headers["keep-alive"]).not.toContain("99");
  });

  it("are written for a client that speaks HTTP/1.0", async () => {
    await using behind = await upstream((_asked, reply) => {
      reply.write("a");
      reply.end("b");
    });
    await using server = await proxyServer({ targets: [{ name: "all", to: [behind.url] }] });
    const text = await askRaw(server.port, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(text).toMatch(/\r\n\r\nab$/);
    expect(text.toLowerCase()).not.toContain("transfer-encoding");
  });
});
