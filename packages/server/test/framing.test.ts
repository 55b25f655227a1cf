// The server on a real socket: what is no proper HTTP request, and how it stops.
import { connect } from "node:net";

import { signRequest } from "@bk/auth";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startServer, type TestServer } from "./start-server.js";

let on: TestServer;
let url: string;
let port: number;
beforeAll(async () => {
  on = await startServer({ limits: { maxBodyBytes: 2000 } });
  ({ url, port } = await on.server.listen({ port: 0 }));
});
afterAll(() => on.server.close());

/** Sends bytes and gives all that comes back until the server closes. */
function exchange(text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let reply = "";
    socket.on("data", (chunk) => (reply += chunk.toString("latin1")));
    socket.on("end", () => resolve(reply));
    socket.on("close", () => resolve(reply));
    socket.on("error", reject);
    setTimeout(() => socket.end(), 1500).unref();
  });
}

const status = (reply: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(reply)?.[1]);
const json = (reply: string): unknown => JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4));

describe("on a socket", () => {
  it("answers /ping with {}", async () => {
    const response = await fetch(`${url}/ping`);
    expect([response.status, await response.text(), response.headers.get("content-type")]).toEqual([200, "{}", "application/json"]);
  });

  it("verifies signatures of what was really on the wire", async () => {
    const target = `${url}/data/put/city`;
    const body = JSON.stringify({ country: "IT", name: "Città di Castello", lat: 43.5 });
    const headers = await signRequest({ method: "POST", url: target, body, login: "root", secret: "secret of root" });
    expect(await (await fetch(target, { method: "POST", headers, body })).json()).toEqual({ affected: 1 });
    const get = `${url}/data/get/city?country=IT&name=Citt%C3%A0+di%20Castello`;
    const signed = await signRequest({ url: get, login: "bob", secret: "secret of bob" });
    expect(await (await fetch(get, { headers: signed })).json()).toMatchObject({ lat: 43.5 });
  });

  it.each([
    ["no HTTP at all", "hello\r\n\r\n", 400],
    ["two Host headers", "GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400],
    ["no Host header", "GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    [
      "a length beside chunks",
      "POST /data/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    ["a negative length", "POST /data/batch HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400],
    ["a bad chunk", "POST /data/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400],
    ["a space in a header name", "GET /ping HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["endless headers", `GET /ping HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}\r\n\r\n`, 431],
    ["a path with dots", "GET /ping/../auth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400],
    ["a whole URL of another place", "GET ftp://a/ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400],
    ["too long a body", "POST /data/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 2001\r\nConnection: close\r\n\r\n", 413],
    [
      "too long a body in chunks",
      `POST /data/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${`400\r\n${"x".repeat(1024)}\r\n`.repeat(3)}0\r\n\r\n`,
      413,
    ],
  ])("%s is answered in JSON", async (_name, bytes, expected) => {
    const reply = await exchange(bytes);
    expect([status(reply), reply.slice(0, 300)]).toEqual([expected, expect.any(String)]);
    expect(json(reply)).toEqual({ status: expected, message: expect.any(String), code: expect.any(String) });
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  });
});

describe("what a client did wrong", () => {
  it("a malformed chunk is a 400 in the log too, and no error", async () => {
    const before = on.logged.length;
    const headers = await signRequest({
      method: "POST",
      url: `${url}/data/batch`,
      body: "",
      contentType: "",
      login: "bob",
      secret: "secret of bob",
    });
    const signature = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
    await exchange(
      `POST /data/batch HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${signature}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`,
    );
    await expect.poll(() => on.logged.slice(before).join("\n")).toContain("POST /data/batch 400");
    expect(on.logged.slice(before).join("\n")).not.toContain("failed");
  });

  it.each([
    ["an illegal character in its path", "HEAD /\u0001 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a path with dots", "HEAD /ping/../x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    ["a URL of another scheme", "HEAD ftp://x/y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
  ])("HEAD with %s gets a reply without a body", async (_name, bytes) => {
    const reply = await exchange(bytes);
    expect(status(reply)).toBe(400);
    expect(reply.slice(reply.indexOf("\r\n\r\n"))).toBe("\r\n\r\n");
  });

  it("headers that do not arrive are given up soon after their time, not after half a minute", async () => {
    await using other = await startServer({ limits: { headersTimeoutMs: 100 } });
    const { port: at } = await other.server.listen({ port: 0 });
    const reply = await new Promise<string>((resolve, reject) => {
      const socket = connect(at, "127.0.0.1", () => socket.write("GET /ping HTTP/1.1\r\nHost: a\r\n"));
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
    });
    expect(status(reply)).toBe(408);
  });

  it("many wrong secrets for a login get 429 with retry-after; other logins and the open paths go on", async () => {
    await using other = await startServer({ limits: { maxAttempts: 3 } });
    const { url: at } = await other.server.listen({ port: 0 });
    const ask = async (login: string, secret: string): Promise<Response> =>
      fetch(`${at}/auth`, { headers: await signRequest({ url: `${at}/auth`, login, secret }) });
    for (const _attempt of [1, 2, 3]) expect((await ask("bob", "guess")).status).toBe(401);
    const refused = await ask("bob", "secret of bob");
    expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect(await refused.json()).toMatchObject({ status: 429, code: "LIMITED" });
    expect([(await ask("eve", "secret of eve")).status, (await fetch(`${at}/ping`)).status]).toEqual([200, 200]);
    expect(other.logged.join("\n")).toContain("Too many failed attempts");
  });
});

describe("listen", () => {
  it("close ends connections without a request at once: those that have sent nothing, half a head, or are kept alive", async () => {
    const other = await startServer();
    const { port: at, url: place } = await other.server.listen({ port: 0 });
    const open = (text: string): Promise<{ closed: Promise<void> }> =>
      new Promise((resolve) => {
        const socket = connect(at, "127.0.0.1", () => {
          const closed = new Promise<void>((done) => socket.on("close", () => done()));
          socket.on("error", () => undefined);
          if (text === "") resolve({ closed });
          else socket.write(text, () => resolve({ closed }));
        });
        socket.resume();
      });
    const idle = await Promise.all(["", "GET /ping HTTP/1.1\r\nHo", "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"].map(open));
    expect((await fetch(`${place}/ping`)).status).toBe(200);
    // With the default of 30 s for running requests, one that counts as running would outlast this test.
    await other.server.close();
    await Promise.all(idle.map(({ closed }) => closed));
  });

  it("says that a port is taken, and which", async () => {
    await using other = await startServer();
    await expect(other.server.listen({ port })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(String(port)),
    });
  });

  it("close waits for the requests that run, and takes no new ones", async () => {
    const other = await startServer();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let began = (): void => undefined;
    const running = new Promise<void>((resolve) => (began = resolve));
    other.server.app.get("/ping/held", async (context) => {
      began();
      await held;
      return context.json({ held: true });
    });
    const { url: at } = await other.server.listen({ port: 0 });
    const target = `${at}/ping/held`;
    const reply = fetch(target, { headers: await signRequest({ url: target, login: "bob", secret: "secret of bob" }) });
    await running;
    const closing = other.server.close();
    await expect(fetch(`${at}/ping`)).rejects.toThrow();
    release();
    const response = await reply;
    expect([response.status, await response.json()]).toEqual([200, { held: true }]);
    await closing;
  });
});
