// WebSockets that are passed on, and how many may be opened.
import { connect, type Socket } from "node:net";

import { testClock } from "@bk/core";
import { describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { FrameWatch } from "../../src/proxy/frame-watch.js";
import { SocketGate } from "../../src/sockets/socket-gate.js";
import { freePort, proxyServer, rawUpstream, signal, type TestUpstream, upstream } from "./upstreams.js";

interface Echo extends TestUpstream {
  readonly sockets: Set<WebSocket>;
  readonly seen: Record<string, unknown>[];
}

/** Echoes messages; tells what it is asked with. */
async function echo(name = ""): Promise<Echo> {
  const seen: Record<string, unknown>[] = [];
  const behind = await upstream((_asked, reply) => void reply.writeHead(403, { "x-why": "no socket here" }).end("no"));
  const sockets = new WebSocketServer({ noServer: true });
  behind.server.on("upgrade", (asked, socket, head) => {
    seen.push({ url: asked.url, ...asked.headers });
    if (asked.url === "/refuse") socket.end("HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nContent-Length: 5\r\n\r\nno no");
    else if (asked.url !== "/silent")
      sockets.handleUpgrade(asked, socket, head, (opened) => {
        if (name !== "") opened.send(name);
        opened.on("error", () => undefined);
        opened.on("message", (data, isBinary) => opened.send(data, { binary: isBinary }));
      });
  });
  return { ...behind, sockets: sockets.clients, seen };
}

const all = (...urls: string[]) => ({ targets: [{ name: "all", to: urls }] });

interface Client {
  readonly socket: WebSocket;
  readonly messages: string[];
  readonly closed: Promise<number>;
}

async function open(url: string, path = "/", headers: Readonly<Record<string, string>> = {}): Promise<Client> {
  const socket = new WebSocket(url.replace("http", "ws") + path, { headers });
  const messages: string[] = [];
  const closed = new Promise<number>((resolve) => void socket.once("close", resolve));
  socket.on("message", (data: Buffer) => messages.push(data.toString()));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
    socket.once("unexpected-response", (_asked, reply) => {
      let text = "";
      reply.on("data", (chunk: Buffer) => (text += chunk.toString()));
      reply.on("end", () => reject(Object.assign(new Error(text), { status: reply.statusCode, headers: reply.headers })));
    });
  });
  socket.on("error", () => undefined);
  return { socket, messages, closed };
}

describe("a WebSocket that is passed on", () => {
  it("has messages both ways, of all sizes, and ends with the code that either side gives", async () => {
    await using behind = await echo("hello");
    await using server = await proxyServer(all(behind.url));
    const { socket, messages, closed } = await open(server.url, "/chat?x=1", { origin: "http://shop.test", "x-forwarded-for": "10.1.1.1" });
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];
    for (const size of sizes) socket.send("x".repeat(size));
    await vi.waitFor(() => expect(messages.map(({ length }) => length)).toEqual([5, ...sizes]));
    expect(behind.seen[0]).toMatchObject({
      url: "/chat?x=1",
      origin: "http://shop.test",
      connection: "Upgrade",
      upgrade: "websocket",
      "x-forwarded-for": "127.0.0.1",
    });
    socket.close(4001);
    expect(await closed).toBe(4001);
    const other = await open(server.url);
    for (const each of behind.sockets) each.close(4002);
    expect(await other.closed).toBe(4002);
    await vi.waitFor(() => expect(server.logged.filter((line) => line.startsWith("GET /chat 101"))).toHaveLength(1));
  });

  it("is cut on one side when it breaks on the other", async () => {
    await using behind = await echo("hello");
    await using server = await proxyServer(all(behind.url));
    const first = await open(server.url);
    for (const each of behind.sockets) each.terminate();
    expect(await first.closed).toBe(1006);
    const second = await open(server.url);
    const left = signal();
    for (const each of behind.sockets) each.once("close", () => left.tell());
    second.socket.terminate();
    await left.told;
  });

  it("gets the reply of an upstream that opens none", async () => {
    await using behind = await echo();
    await using server = await proxyServer(all(behind.url));
    await expect(open(server.url, "/refuse")).rejects.toMatchObject({ status: 403, message: "no no", headers: { "x-why": "no" } });
    // One that does not know upgrades answers as to any request.
    await using plain = await upstream((_asked, reply) => void reply.writeHead(200).end("plain"));
    await using other = await proxyServer(all(plain.url));
    await expect(open(other.url)).rejects.toMatchObject({ status: 200, message: "plain" });
  });

  it("is 502, 503 or 504 when the upstream fails, and goes to another one that takes it", async () => {
    await using nobody = await proxyServer({ ...all(`http://127.0.0.1:${await freePort()}`), outMs: 60_000 });
    await expect(open(nobody.url)).rejects.toMatchObject({ status: 502 });
    await expect(open(nobody.url)).rejects.toMatchObject({ status: 503, headers: { "retry-after": "60" } });
    await using behind = await echo("hello");
    await using silent = await proxyServer({ ...all(behind.url), timeoutMs: 200 });
    await expect(open(silent.url, "/silent")).rejects.toMatchObject({ status: 504 });
    await using breaking = await rawUpstream((socket: Socket) => void socket.once("data", () => socket.destroy()));
    await using broken = await proxyServer(all(breaking.url));
    await expect(open(broken.url)).rejects.toMatchObject({ status: 502 });
    await using both = await proxyServer(all(`http://127.0.0.1:${await freePort()}`, behind.url));
    const { messages, socket } = await open(both.url);
    await vi.waitFor(() => expect(messages).toEqual(["hello"]));
    socket.terminate();
  });

  it("stays with its upstream by the cookie that requests have got", async () => {
    await using a = await echo("a");
    await using b = await echo("b");
    await using server = await proxyServer({ ...all(a.url, b.url), sticky: "cookie" });
    const given = await new Promise<string>((resolve) => {
      const socket = new WebSocket(server.url.replace("http", "ws"));
      socket.once("upgrade", ({ headers }) => resolve(headers["set-cookie"]![0]!.split(";")[0]!));
      socket.once("open", () => socket.terminate());
    });
    for (let i = 0; i < 3; i++) {
      const { messages, socket } = await open(server.url, "/", { cookie: given });
      await vi.waitFor(() => expect(messages).toEqual(["a"]));
      socket.terminate();
    }
  });

  it("is told 1001 when the server ends, between two messages", async () => {
    await using behind = await echo();
    await using server = await proxyServer(all(behind.url));
    const { socket, messages, closed } = await open(server.url);
    socket.send("x".repeat(1_000_000));
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    const left = signal<number>();
    for (const each of behind.sockets) each.once("close", (code: number) => left.tell(code));
    await server.close();
    expect(await closed).toBe(1001);
    expect(await left.told).toBe(1001);
  });

  it("is not made of an upgrade to another protocol: that is a request as any", async () => {
    await using behind = await upstream((asked, reply) => void reply.end(`plain ${asked.headers.upgrade}`));
    await using server = await proxyServer(all(behind.url));
    const text = await new Promise<string>((resolve) => {
      const socket = connect(server.port, "127.0.0.1");
      let all_ = "";
      socket.on("data", (chunk) => (all_ += chunk.toString()));
      socket.once("close", () => resolve(all_));
      socket.write("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n\r\n");
    });
    expect(text).toMatch(/ 200 [^]*plain undefined/);
  });

  it("is refused by a hook, and beyond the number that may be open, with when to come back", async () => {
    await using behind = await echo();
    const check = ({ isUpgrade, target }: { readonly isUpgrade: boolean; readonly target: string }): Response | undefined =>
      isUpgrade && target === "/closed" ? new Response("closed", { status: 401 }) : undefined;
    await using server = await proxyServer({ ...all(behind.url), check }, { limits: { maxSockets: 2 } });
    await expect(open(server.url, "/closed")).rejects.toMatchObject({ status: 401 });
    const two = [await open(server.url), await open(server.url)];
    await expect(open(server.url)).rejects.toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    two[0]!.socket.close();
    await two[0]!.closed;
    await vi.waitFor(async () => (await open(server.url)).socket.terminate());
    two[1]!.socket.terminate();
  });
});

describe("the gate of sockets", () => {
  it("lets so many in at a time", () => {
    const gate = new SocketGate({ maxSockets: 2, maxSocketsPerSecond: 0 });
    const leave = gate.enter()!;
    expect(gate.enter()).toBeDefined();
    expect(gate.enter()).toBeUndefined();
    leave();
    expect(gate.enter()).toBeDefined();
    gate.setLimits({ maxSockets: 0, maxSocketsPerSecond: 0 });
    for (let i = 0; i < 1000; i++) expect(gate.enter()).toBeDefined();
  });

  it("lets so many in within a second, and no more after a long quiet time", () => {
    const clock = testClock();
    const gate = new SocketGate({ maxSockets: 0, maxSocketsPerSecond: 5 }, clock);
    const entered = (): number => Array.from({ length: 20 }, () => gate.enter()).filter((leave) => leave !== undefined).length;
    expect(entered()).toBe(5);
    expect(entered()).toBe(0);
    clock.advance(400);
    expect(entered()).toBe(2);
    clock.advance(3_600_000);
    expect(entered()).toBe(5);
  });
});

/** A frame of a server. */
function frame(payload: Buffer, first = 0x81): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [first, length]
      : length < 65_536
        ? [first, 126, length >> 8, length & 255]
        : [first, 127, 0, 0, 0, 0, ...Buffer.from([length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255])];
  return Buffer.concat([Buffer.from(head), payload]);
}

describe("the watch of frames", () => {
  const close = Buffer.from([0x88, 2, 3, 0xe9]);

  it("puts its close between two frames, wherever the bytes are divided and whenever it is asked", () => {
    const frames = [frame(Buffer.from("a")), frame(Buffer.alloc(300, "b")), frame(Buffer.alloc(0), 0x89), frame(Buffer.alloc(70_000, "c"))];
    const bytes = Buffer.concat(frames);
    const ends = frames.map((_frame, i) => Buffer.concat(frames.slice(0, i + 1)).length);
    for (const part of [1, 2, 3, 7, 150, 4096, bytes.length])
      for (const askedAt of [0, 1, 2, 3, 10, 304, 307, 308, 320, 5000, bytes.length - 1]) {
        const watch = new FrameWatch({ highWaterMark: 10_000_000 });
        const got: Buffer[] = [];
        watch.on("data", (chunk: Buffer) => got.push(chunk));
        let sent = 0;
        for (let at = 0; at < bytes.length; at += part) {
          if (sent >= askedAt) watch.goAway();
          watch.write(bytes.subarray(at, at + part));
          sent = Math.min(bytes.length, at + part);
        }
        watch.goAway();
        for (let chunk = watch.read() as Buffer | null; chunk !== null; chunk = watch.read() as Buffer | null) got.push(chunk);
        const result = Buffer.concat(got);
        const body = result.subarray(0, result.length - close.length);
        expect([part, askedAt, result.subarray(-close.length)]).toEqual([part, askedAt, close]);
        expect([0, ...ends]).toContain(body.length);
        expect(body.equals(bytes.subarray(0, body.length))).toBe(true);
      }
  });
});
