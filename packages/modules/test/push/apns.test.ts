// What is sent to Apple's push service, on a server that speaks its protocol.

import { systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import { ApnsConnection, type ApnsReply } from "../../src/push/apns-connection.js";
import { type Pusher, pusher, type PusherOptions } from "../../src/push/index.js";
import { type ApnsVerdict, startApns, type TestApns } from "./start-apns.js";

const device = (n: number): string => n.toString(16).padStart(64, "0");
/** Rests are not waited for, but kept. */
const hurried = (now = () => Date.now()) => {
  const rests: number[] = [];
  return { rests, clock: { ...systemClock, now, sleep: async (ms: number) => void rests.push(ms) } };
};
const open = (server: TestApns, more: Partial<PusherOptions> = {}): Promise<Pusher> =>
  pusher({ apps: { "com.example.app": { apns: server.options } }, clock: hurried().clock, ...more });

describe("a message to a device of APNs", () => {
  it("has its path, token, headers and payload, with a badge that is a number", async () => {
    await using server = await startApns();
    const sender = await open(server);
    const expires = Date.now() + 60_000;
    const [result] = await sender.send([`apns://${device(1)}@com.example.app`], {
      title: "Ann",
      msg: "Hello",
      badge: 3,
      sound: true,
      category: "reply",
      name: "chat-7",
      id: "m1",
      type: "message",
      url: "app://chat/7",
      payload: { deep: { is: [1] } },
      expires,
      locKey: "HELLO",
      locArgs: ["Ann"],
    });
    expect(result).toMatchObject({ ok: true, unregistered: false, id: expect.stringMatching(/^[0-9A-F-]{36}$/) });
    const [{ headers, body, device: path } = { headers: {}, body: {}, device: "" }] = server.taken;
    expect(path).toBe(device(1));
    expect(headers).toMatchObject({
      "apns-topic": "com.example.app",
      "apns-push-type": "alert",
      "apns-priority": "10",
      "apns-collapse-id": "chat-7",
      "apns-expiration": String(Math.floor(expires / 1000)),
    });
    expect(body).toEqual({
      aps: {
        alert: { title: "Ann", body: "Hello", "loc-key": "HELLO", "loc-args": ["Ann"] },
        badge: 3,
        sound: "default",
        category: "reply",
        "thread-id": "chat-7",
      },
      id: "m1",
      type: "message",
      url: "app://chat/7",
      deep: { is: [1] },
    });
    await sender.close();
  });

  it("that shows nothing is sent in the background", async () => {
    await using server = await startApns();
    const sender = await open(server);
    expect(await sender.send([device(1)], { payload: { refresh: 1 }, ttlMs: 0 })).toMatchObject([{ ok: true }]);
    expect(server.taken[0]).toMatchObject({
      headers: { "apns-push-type": "background", "apns-priority": "5", "apns-expiration": "0" },
      body: { aps: { "content-available": 1 }, refresh: 1 },
    });
    await sender.close();
  });

  it("resolves when it was delivered, with a result for each of many devices on one connection", async () => {
    await using server = await startApns({ maxStreams: 7, delayMs: 2 });
    const sender = await open(server);
    const devices = Array.from({ length: 100 }, (_, i) => device(i));
    const results = await sender.send(devices, { msg: "x" });
    expect(results.map(({ device: id, ok }) => [id, ok])).toEqual(devices.map((id) => [id, true]));
    expect(new Set(server.taken.map(({ device: id }) => id)).size).toBe(100);
    expect([server.connections(), server.tokens.size]).toEqual([1, 1]);
    expect(server.most()).toBeLessThanOrEqual(7);
    await sender.close();
  });

  it("that is cancelled while it waits lets the next one go", async () => {
    await using server = await startApns({ maxStreams: 1 });
    const connection = new ApnsConnection({ origin: server.options.url!, ca: server.options.ca, timeoutMs: 5000, pingMs: 60_000 });
    const end = new AbortController();
    const ask = (signal?: AbortSignal): Promise<ApnsReply> =>
      connection.request({ ":method": "POST", ":path": `/3/device/${device(1)}` }, "{}", signal);
    // Aborted when it has been woken, and has not begun yet.
    const first = ask().then(() => end.abort());
    const [second, third] = [ask(end.signal), ask()];
    await expect(second).rejects.toMatchObject({ code: "cancelled" });
    expect((await third).status).toBeGreaterThan(0);
    await first;
    await connection.close();
  });

  it("that is registered no more is told of, and others that are wrong are not taken for it", async () => {
    const verdicts: Record<string, ApnsVerdict> = {
      [device(1)]: { status: 410, reason: "Unregistered" },
      [device(2)]: { status: 410, reason: "ExpiredToken" },
      [device(3)]: { status: 400, reason: "BadDeviceToken" },
      [device(4)]: { status: 403, reason: "InvalidProviderToken" },
      [device(5)]: { status: 413, reason: "PayloadTooLarge" },
    };
    await using server = await startApns({ verdict: ({ device: id }) => verdicts[id] });
    const gone: unknown[] = [];
    const sender = await open(server, { onUninstall: (id, account) => void gone.push([id, account]) });
    const targets = [{ device: device(1), account: "u_1" }, ...[2, 3, 4, 5, 6].map(device)];
    const results = await sender.send(targets, { msg: "x" });
    expect(results.map(({ ok, unregistered, error }) => [ok, unregistered, error?.code])).toEqual([
      [false, true, "not-found"],
      [false, true, "not-found"],
      [false, false, "invalid"],
      [false, false, "unauthenticated"],
      [false, false, "too-large"],
      [true, false, undefined],
    ]);
    expect(results[2]!.error!.message).toBe("apns: answered 400 BadDeviceToken");
    expect(gone).toEqual([
      [device(1), "u_1"],
      [device(2), undefined],
    ]);
    await sender.close();
  });

  it("goes on when a hook for devices that are gone fails", async () => {
    await using server = await startApns({ verdict: () => ({ status: 410, reason: "Unregistered" }) });
    const sender = await open(server, { onUninstall: () => Promise.reject(new Error("no")) });
    expect(await sender.send([device(1), device(2)], { msg: "x" })).toMatchObject([{ unregistered: true }, { unregistered: true }]);
    await sender.close();
  });

  it("is tried again after 500 and 503, as long as the server asks for, and given up after three times", async () => {
    const answers: ApnsVerdict[] = [
      { status: 500, reason: "InternalServerError" },
      { status: 503, reason: "Shutdown", headers: { "retry-after": "3" } },
      undefined,
    ];
    await using server = await startApns({ verdict: (_request, count) => (count <= 3 ? answers[count - 1] : { status: 500 }) });
    const { clock, rests } = hurried();
    const sender = await open(server, { clock });
    expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([{ ok: true }]);
    expect(rests[1]).toBeGreaterThanOrEqual(3000);
    expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([{ ok: false, error: { code: "unavailable" } }]);
    expect(server.asked()).toBe(6);
    await sender.close();
  });

  it("is `limited` after 429, and not tried again while it would have to wait long", async () => {
    await using server = await startApns({
      verdict: () => ({ status: 429, reason: "TooManyRequests", headers: { "retry-after": "120" } }),
    });
    const sender = await open(server);
    expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([
      { ok: false, unregistered: false, error: { code: "limited", detail: { retryAfterMs: 120_000 } } },
    ]);
    expect(server.asked()).toBe(1);
    await sender.close();
  });

  it("is sent over another connection when one is lost in the middle", async () => {
    await using server = await startApns({ verdict: (_request, count) => (count === 1 ? "cut" : undefined) });
    const sender = await open(server);
    expect(await sender.send([device(1), device(2), device(3)], { msg: "x" })).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    expect(server.connections()).toBe(2);
    server.cutAll();
    expect(await sender.send([device(4)], { msg: "x" })).toMatchObject([{ ok: true }]);
    await sender.close();
  });

  it("goes on over another connection when the server ends one", async () => {
    await using server = await startApns({ verdict: (_request, count) => (count === 1 ? "goaway" : undefined), delayMs: 1 });
    const sender = await open(server);
    for (let i = 0; i < 3; i++)
      expect(await sender.send([device(i), device(i + 10)], { msg: "x" })).toMatchObject([{ ok: true }, { ok: true }]);
    expect(server.connections()).toBeGreaterThanOrEqual(2);
    expect(new Set(server.taken.map(({ device: id }) => id)).size).toBe(6);
    await sender.close();
  });

  it("is `timeout` when the server does not reply, `cancelled` by its signal, `unavailable` when it is away", async () => {
    await using server = await startApns({ verdict: () => "silent" });
    const sender = await open(server, { timeoutMs: 100 });
    expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([{ error: { code: "timeout", outcome: "unknown" } }]);
    const end = new AbortController();
    const sent = (await open(server)).send([device(1)], { msg: "x" }, { signal: end.signal });
    end.abort();
    expect(await sent).toMatchObject([{ error: { code: "cancelled" } }]);
    await sender.close();
    await server[Symbol.asyncDispose]();
    const late = await open(server);
    expect(await late.send([device(1)], { msg: "x" })).toMatchObject([
      { error: { code: "unavailable", outcome: "none", message: "apns: no connection (ECONNREFUSED)" } },
    ]);
    await late.close();
  });

  it("waits for what runs when it is closed, and sends nothing more", async () => {
    await using server = await startApns({ delayMs: 30 });
    const sender = await open(server);
    const sent = sender.send([device(1)], { msg: "x" });
    while (server.asked() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await sender.close();
    expect(await sent).toMatchObject([{ ok: true }]);
    expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([{ error: { code: "closed" } }]);
  });
});

describe("a provider token of APNs", () => {
  it("is kept for 50 minutes, and then made anew", async () => {
    let time = Date.now();
    await using server = await startApns({ now: () => time });
    const sender = await open(server, { clock: hurried(() => time).clock });
    const minutes = async (...all: number[]): Promise<void> => {
      for (const each of all) {
        time += each * 60_000;
        expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([{ ok: true }]);
      }
    };
    await minutes(0, 20, 29);
    expect(server.tokens.size).toBe(1);
    await minutes(2, 10, 30);
    expect(server.tokens.size).toBe(2);
    await sender.close();
  });

  it("is made anew when the server says that it has ended, but never twice in 20 minutes", async () => {
    let time = Date.now();
    await using server = await startApns({ now: () => time, tokenMs: 25 * 60_000 });
    const sender = await open(server, { clock: hurried(() => time).clock });
    expect(await sender.send([device(1)], { msg: "x" })).toMatchObject([{ ok: true }]);
    time += 26 * 60_000;
    expect(await sender.send([device(1), device(2), device(3)], { msg: "x" })).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    expect(server.tokens.size).toBe(2);
    await sender.close();
    // A server that takes none: asking again and again would have the account locked.
    await using never = await startApns({ now: () => time, tokenMs: -1 });
    const other = await open(never, { clock: hurried(() => time).clock });
    expect(await other.send([device(1)], { msg: "x" })).toMatchObject([
      { error: { code: "unauthenticated", message: "apns: answered 403 ExpiredProviderToken" } },
    ]);
    expect([never.asked(), never.tokens.size]).toEqual([1, 1]);
    await other.close();
  });

  it("is kept by `reset` while it is young, and the connection is not", async () => {
    await using server = await startApns();
    const sender = await open(server);
    await sender.send([device(1)], { msg: "x" });
    sender.reset();
    await sender.send([device(1)], { msg: "x" });
    expect([server.tokens.size, server.connections()]).toEqual([1, 2]);
    await sender.close();
  });

  it.each([
    [{ key: "no key" }, "apns.key"],
    [{ keyId: "" }, "apns.keyId"],
    [{ teamId: "a b" }, "apns.teamId"],
  ])("is refused when it cannot be made: %j", async (wrong, field) => {
    await using server = await startApns();
    const made = pusher({ apps: { "com.example.app": { apns: { ...server.options, ...wrong } } } });
    await expect(made).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });
});
