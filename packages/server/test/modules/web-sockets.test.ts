// WebSockets to /account/subscribe, on real sockets.

import { connect } from "node:net";

import { addAccount, signRequest, signUrl } from "@bk/auth";
import { accounts, counters, pico } from "@bk/modules";
import { openPubSub, type PubSub } from "@bk/queue";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ClientOptions } from "ws";

import type { ServerOptions } from "../../src/index.js";
import { masterKey, startServer, type TestServer } from "../start-server.js";
import { type Client, open } from "./socket-client.js";

const patience = { timeout: 20_000 };

const modules = (): ServerOptions["modules"] => [
  accounts({ subscribe: { mostOfAccount: 3 } }),
  counters({ columns: { wave: { pub: true } }, pingsPerMinute: 10_000 }),
  pico(),
];
const path = "/account/subscribe";
const signed = async (base: string, login: string, target: string): Promise<string> =>
  signUrl({ url: base + target, login, secret: `secret of ${login}` });
const json = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

describe("a WebSocket", () => {
  let bus: PubSub;
  let on: TestServer;
  let url: string;
  /** The accounts of each test are its own: `bob` is `bob3` in the third. */
  let round = 0;
  let ids: Record<string, string> = {};
  const loginOf = (name: string): string => `${name}${round}`;
  const secretOf = (name: string): string => `secret of ${loginOf(name)}`;
  const signedAs = async (name: string, target: string): Promise<string> => signed(url, loginOf(name), target);
  const openAs = async (name: string, query = "", options: ClientOptions = {}): Promise<Client> =>
    open(await signedAs(name, path + query), options);
  const wave = async (name: string, to: string, counter = "ping"): Promise<void> => {
    const reply = await on.call(loginOf(name), "/counter/incr", { json: { id: ids[to], [counter]: 1 } });
    expect(reply.status).toBe(200);
  };
  const cookieOf = async (name: string): Promise<string> => {
    const reply = await fetch(`${url}/login`, json({ login: loginOf(name), secret: secretOf(name), _session: 1 }));
    expect(reply.status).toBe(200);
    return reply.headers.get("set-cookie")!.split(";")[0]!;
  };

  beforeAll(async () => {
    bus = await openPubSub("local:");
    on = await startServer({
      modules: modules()!,
      bus,
      auth: { trustedOrigins: ["https://app.example.com"] },
      limits: { maxSocketMessageBytes: 1000, maxSocketRequests: 2, maxSocketUnreadBytes: 10_000 },
    });
    ({ url } = await on.server.listen({ port: 0 }));
  });
  beforeEach(async () => {
    round++;
    ids = {};
    for (const name of ["root", "bob", "eve"]) {
      const account = { login: loginOf(name), secret: secretOf(name) };
      ids[name] = (await addAccount(on.server.db, account, { masterKey })).id;
    }
  });
  afterAll(async () => {
    await on.server.close();
    await bus.close();
  });

  it("gets the events of its account and no other's, as a long poll has them", async () => {
    const [bob, eve, some] = [await openAs("bob"), await openAs("eve"), await openAs("eve", "?match=type:wave")];
    await wave("root", "eve");
    await wave("bob", "eve", "wave");
    const first = await eve.find(({ type }) => type === "ping");
    expect(first).toMatchObject({ path: "/counter/incr", id: ids["root"], mtime: expect.any(Number), event_id: expect.any(String) });
    await eve.find(({ type }) => type === "wave");
    await some.find(({ type }) => type === "wave");
    expect([some.messages.length, eve.messages.length]).toEqual([1, 2]);
    // Bob's own comes behind whatever else would have come.
    await wave("eve", "bob", "wave");
    await bob.find(({ id }) => id === ids["eve"]);
    expect(bob.messages.length).toBe(1);
    for (const { socket } of [bob, eve, some]) socket.close();
  });

  it("opens for whoever may listen, as often as an account may, and is refused as a request is", async () => {
    expect(await open(url + path)).toMatchObject({ status: 401, body: expect.stringContaining("NOLOGIN") });
    const forged = await signUrl({ url: url + path, login: loginOf("bob"), secret: "another" });
    expect((await open(forged)).status).toBe(401);
    const other = await signedAs("bob", "/account/get");
    expect((await open(other.replace("/account/get", path))).status).toBe(401);
    for (const query of ["?match=(a%2B)%2B", "?_since=no", "?unknown=1"]) expect((await openAs("bob", query)).status).toBe(400);
    const open3 = [await openAs("bob"), await openAs("bob"), await openAs("bob")];
    expect(open3.map(({ status }) => status)).toEqual([101, 101, 101]);
    expect((await openAs("bob")).status).toBe(429);
    open3[0]!.socket.close();
    await open3[0]!.closed;
    await expect
      .poll(async () => {
        const again = await openAs("bob");
        open3.push(again);
        return again.status;
      }, patience)
      .toBe(101);
    for (const { socket } of open3) socket.terminate();
    const headers = await signRequest({ method: "GET", url: url + path, login: loginOf("eve"), secret: secretOf("eve") });
    const byHeader = await open(url + path, { headers: { ...headers } });
    expect(byHeader.status).toBe(101);
    byHeader.socket.close();
  });

  it("opens with a session only from pages of the same site or of trusted ones, as do its requests", async () => {
    const cookie = await cookieOf("eve");
    const own = await open(url + path, { headers: { cookie }, origin: url });
    const trusted = await open(url + path, { headers: { cookie }, origin: "https://app.example.com" });
    expect([own.status, trusted.status]).toEqual([101, 101]);
    expect(await open(url + path, { headers: { cookie }, origin: "https://evil.example" })).toMatchObject({
      status: 403,
      body: expect.stringContaining("CSRF"),
    });
    expect((await open(url + path, { headers: { cookie } })).status).toBe(403);
    // A page may prove another account, and would get the requests of this one's session.
    const evil = await open(await signedAs("bob", path), { headers: { cookie }, origin: "https://evil.example" });
    expect(evil.status).toBe(101);
    expect(await evil.ask({ path: "/account/get" })).toMatchObject({ status: 403, body: { code: "CSRF" } });
    expect(await own.ask({ path: "/auth" })).toMatchObject({ status: 200, body: { login: loginOf("eve") } });
    // What changes something keeps its rules: no GET with a cookie.
    const change = { id: ids["bob"], ping: 1 };
    expect(await own.ask({ path: `/counter/incr?id=${ids["bob"]}&ping=1` })).toMatchObject({ status: 403 });
    expect(await own.ask({ path: "/counter/incr", body: change })).toMatchObject({ status: 200 });
    for (const { socket } of [own, trusted, evil]) socket.close();
  });

  it("goes on after the last event that was seen, with none lost and none twice", async () => {
    const seen = new Map<string, number>();
    const note = ({ messages }: Client): void => {
      for (const text of messages) {
        const { event_id } = JSON.parse(text) as { readonly event_id: string };
        seen.set(event_id, (seen.get(event_id) ?? 0) + 1);
      }
    };
    const first = await openAs("root");
    for (let i = 0; i < 5; i++) await wave("bob", "root");
    await expect.poll(() => first.messages.length, patience).toBe(5);
    first.socket.terminate();
    await first.closed;
    note(first);
    const last = [...seen.keys()].at(-1)!;
    // Some while it is away, some while it comes back.
    for (let i = 0; i < 5; i++) await wave("bob", "root");
    const opening = openAs("root", `?_since=${last}`);
    for (let i = 0; i < 10; i++) await wave("bob", "root");
    const second = await opening;
    await wave("eve", "root", "wave");
    await second.find(({ type }) => type === "wave");
    const ids = second.messages.map((text) => (JSON.parse(text) as { readonly event_id: string }).event_id);
    expect(ids).not.toContain(last);
    expect(new Set(ids).size).toBe(ids.length);
    note(second);
    expect(seen.size).toBe(21);
    const { headers } = new Request(url, { headers: { "last-event-id": ids.at(-2)! } });
    const third = await openAs("root", "?match=type:wave", { headers: Object.fromEntries(headers) });
    await third.find(({ event_id }) => event_id === ids.at(-1));
    for (const { socket } of [second, third]) socket.close();
  });

  it("takes requests: signed URLs, which are replied to as they are, and requests with an id", async () => {
    const eve = await openAs("eve");
    const target = (await signedAs("bob", "/account/get")).slice(url.length);
    eve.socket.send(target);
    expect(await eve.find(({ id }) => id === ids["bob"])).not.toHaveProperty("body");
    // Nothing but the URL itself says who asks: the upgrade was signed for itself alone.
    expect(await eve.ask({ path: "/auth" })).toMatchObject({ status: 401 });
    expect(await eve.ask({ path: target })).toMatchObject({ status: 200, body: { id: ids["bob"] } });
    const body = JSON.stringify({ id: ids["root"], ping: 1 });
    const headers = await signRequest({ method: "POST", url: `${url}/counter/incr`, body, login: loginOf("eve"), secret: secretOf("eve") });
    const signature = headers["bk-signature"];
    expect(await eve.ask({ path: "/counter/incr", body, signature })).toMatchObject({ status: 200 });
    expect(await eve.ask({ path: "/counter/incr", body, signature })).toMatchObject({ status: 401, body: { code: "REPLAYED" } });
    expect(await eve.ask({ path: "/ping", method: "HEAD" })).toMatchObject({ status: 200, body: null });
    expect(await eve.ask({ path: "/" })).toMatchObject({ status: 400, body: { message: expect.stringContaining("text/html") } });
    eve.socket.close();
  });

  it("is told of messages that are none, without an end of its others", async () => {
    const eve = await openAs("eve");
    for (const text of [
      "hello",
      "",
      "null",
      "[]",
      "{}",
      '{"path":1}',
      '{"path":"x"}',
      '{"path":"/a b"}',
      "/a b",
      '{"path":"/ping","method":"TRACE"}',
    ])
      eve.socket.send(text);
    for (const text of ['{"path":"/ping","more":1}', '{"path":"/ping","method":"GET","body":1}', '{"path":"/ping","signature":"a\\nb"}'])
      eve.socket.send(text);
    expect(await eve.ask({ path: "/ping" })).toMatchObject({ status: 200, body: {} });
    const refused = eve.messages.map((text) => JSON.parse(text) as { readonly status: number }).filter(({ status }) => status === 400);
    expect(refused.length).toBe(13);
    const deep = `${"[".repeat(400)}${"]".repeat(400)}`;
    for (const [i, name] of ["id", "body"].entries()) {
      eve.socket.send(`{"path":"/ping","${name}":${deep}}`);
      await expect.poll(() => eve.messages.filter((text) => text.includes("nested too deeply")).length, patience).toBe(i + 1);
    }
    expect(await eve.ask({ path: "//evil.example/../ping" })).toMatchObject({ status: 400 });
    eve.socket.close();
  });

  it("has so many requests at a time, and ends those of a client that is gone", async () => {
    const eve = await openAs("eve");
    const poll = async (): Promise<string> => (await signedAs("bob", `${path}?_timeout=600000&_interval=0`)).slice(url.length);
    const waiting = [eve.ask({ path: await poll() }), eve.ask({ path: await poll() })];
    expect(await eve.ask({ path: "/ping" })).toMatchObject({ status: 429, body: { code: "limited" } });
    await wave("root", "bob");
    expect((await waiting[0])!["body"]).toMatchObject([{ path: "/counter/incr" }]);
    await waiting[1];
    expect(await eve.ask({ path: "/ping" })).toMatchObject({ status: 200 });
    void eve.ask({ path: await poll() }).catch(() => undefined);
    void eve.ask({ path: await poll() }).catch(() => undefined);
    expect(await eve.ask({ path: "/ping" })).toMatchObject({ status: 429 });
    eve.socket.terminate();
    // Bob may listen three times: the two of the socket are over.
    const clients: Client[] = [];
    await expect
      .poll(async () => {
        const client = await openAs("bob");
        clients.push(client);
        return clients.filter(({ socket, status }) => status === 101 && socket.readyState === socket.OPEN).length;
      }, patience)
      .toBe(3);
    for (const { socket } of clients) socket.terminate();
  });

  it("is closed after three requests in a row that nobody is let in for", async () => {
    const eve = await openAs("eve");
    const good = (await signedAs("eve", "/account/get")).slice(url.length);
    expect((await eve.ask({ path: "/auth" }))["status"]).toBe(401);
    expect((await eve.ask({ path: "/auth" }))["status"]).toBe(401);
    expect((await eve.ask({ path: good }))["status"]).toBe(200);
    expect((await eve.ask({ path: "/auth" }))["status"]).toBe(401);
    expect((await eve.ask({ path: "/auth" }))["status"]).toBe(401);
    expect((await eve.ask({ path: "/auth" }))["status"]).toBe(401);
    expect(await eve.closed).toBe(1008);
  });

  it("is closed for what is too large, no text or no frame", async () => {
    const large = await openAs("eve");
    large.socket.send("x".repeat(1001));
    expect(await large.closed).toBe(1009);
    const binary = await openAs("eve");
    binary.socket.send(new Uint8Array([1, 2]));
    expect(await binary.closed).toBe(1003);
    const notUtf8 = await openAs("eve");
    notUtf8.socket.send(new Uint8Array([0xff, 0xfe]), { binary: false });
    expect(await notUtf8.closed).toBe(1007);
    const unmasked = await openAs("eve");
    unmasked.socket.send("hello", { mask: false });
    expect(await unmasked.closed).toBe(1002);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  });

  it("that is not read holds a bounded number of events, and comes back later", async () => {
    const eve = await openAs("eve");
    eve.socket.pause();
    const more = "x".repeat(20_000);
    for (let i = 0; i < 3000; i++) await bus.publish(`bk.account.${ids["eve"]}`, { path: "/x", mtime: i, event_id: String(i), more });
    eve.socket.resume();
    expect(await eve.closed).toBe(1013);
    expect(eve.messages.length).toBeGreaterThan(0);
    expect(eve.messages.length).toBeLessThan(3000);
    // In order, with nothing left out in between.
    expect(eve.messages.map((text) => (JSON.parse(text) as { readonly mtime: number }).mtime)).toEqual(eve.messages.map((_, i) => i));
  });

  it("that asks on and on without reading is let go", async () => {
    const eve = await openAs("eve");
    eve.socket.pause();
    const message = JSON.stringify({ id: "x".repeat(900) });
    for (let i = 1; i < 30_000; i++) eve.socket.send(message);
    // The server has read all but what fits into the buffers of the system.
    await new Promise((resolve) => eve.socket.send(message, resolve));
    eve.socket.resume();
    expect(await eve.closed).toBe(1013);
    expect(eve.messages.length).toBeLessThan(30_000);
  });

  it("is not chosen by a protocol that there is none of, and other upgrades are requests as any", async () => {
    await expect(open(await signedAs("eve", path), {}, ["chat"])).rejects.toThrow("subprotocol");
    expect((await open(await signedAs("eve", "/account/get"))).status).toBe(200);
    expect((await open(await signedAs("eve", "/nothing"))).status).toBe(404);
    expect((await open(`${url}/nothing`)).status).toBe(401);
    const target = (await signedAs("eve", path)).slice(url.length);
    const upgrade = (more: string, of = target): string =>
      `GET ${of} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: Upgrade\r\n${more}\r\n`;
    const wrong = await exchange(upgrade("Upgrade: websocket\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n"));
    expect(wrong).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(upgrade("Upgrade: websocket\r\nHost: b\r\n"))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("leaves requests with Upgrade headers of other protocols as they were, with their bodies, on one connection", async () => {
    const warnings: string[] = [];
    const warned = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", warned);
    const upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n";
    const { host } = new URL(url);
    const body = JSON.stringify({ login: loginOf("eve"), secret: secretOf("eve") });
    const post = `POST /login HTTP/1.1\r\nHost: ${host}\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const chunked = `POST /login HTTP/1.1\r\nHost: ${host}\r\n${upgrade}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const get = `GET /ping HTTP/1.1\r\nHost: ${host}\r\n${upgrade}\r\n`;
    const last = `GET /ping HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const reply = await exchange([post, chunked, ...Array.from({ length: 20 }, () => get), last].join(""));
    expect(reply.match(/HTTP\/1\.1 \d+/g)).toEqual(Array.from({ length: 23 }, () => "HTTP/1.1 200"));
    expect(reply.match(/"login":"eve\d+"/g)).toHaveLength(2);
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });

  /** Sends bytes, and gives all that comes until the server closes. */
  function exchange(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text));
      let reply = "";
      socket.on("data", (chunk) => (reply += chunk.toString("latin1")));
      socket.on("end", () => socket.end());
      socket.on("close", () => resolve(reply));
      socket.on("error", reject);
    });
  }
});

describe("WebSockets of servers that share a bus", () => {
  it("hear what happens on another one, and close with it when what they asked for is answered", async () => {
    const bus = await openPubSub("local:");
    const first = await startServer({ tables: {}, modules: modules()!, bus });
    const { createServer } = await import("../../src/index.js");
    const second = await createServer({ db: first.server.db, modules: modules()!, bus, masterKey });
    try {
      const { url } = await second.listen({ port: 0 });
      const eve = await open(await signed(url, "eve", path));
      await first.call("bob", "/counter/incr", { json: { id: first.ids["eve"], ping: 1 } });
      await eve.find(({ id }) => id === first.ids["bob"]);
      const waiting = eve.ask({ path: (await signed(url, "bob", `${path}?_timeout=600000`)).slice(url.length) });
      // It is answered behind the poll's beginning.
      expect(await eve.ask({ path: "/ping" })).toMatchObject({ status: 200 });
      await second.close();
      expect(await waiting).toMatchObject({ status: 200, body: [] });
      expect(await eve.closed).toBe(1001);
    } finally {
      await second.close();
      await first.server.close();
      await bus.close();
    }
  });

  it("are cut when they do not answer in time: to pings, or to the end of the server", async () => {
    const on = await startServer({ tables: {}, modules: modules()!, limits: { socketBeatMs: 50, shutdownMs: 100 } });
    try {
      const { url } = await on.server.listen({ port: 0 });
      const dead = await open(await signed(url, "eve", path), { autoPong: false });
      const live = await open(await signed(url, "bob", path));
      expect(await dead.closed).toBe(1006);
      let pings = 0;
      await new Promise<void>((resolve) => live.socket.on("ping", () => ++pings === 3 && resolve()));
      expect(live.socket.readyState).toBe(live.socket.OPEN);
      live.socket.pause();
      await on.server.close();
      live.socket.resume();
      expect([1001, 1006]).toContain(await live.closed);
    } finally {
      await on.server.close();
    }
  });
});
