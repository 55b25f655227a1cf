// What is sent to Firebase Cloud Messaging, on servers that speak its protocols.

import { systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import { type Pusher, pusher, type PusherOptions } from "../../src/push/index.js";
import { type FcmVerdict, startFcm, type TestFcm } from "./start-fcm.js";

const hurried = (now = () => Date.now()) => {
  const rests: number[] = [];
  return { rests, clock: { ...systemClock, now, sleep: async (ms: number) => void rests.push(ms) } };
};
const open = (server: TestFcm, more: Partial<PusherOptions> = {}): Promise<Pusher> =>
  pusher({ apps: { app: { fcm: server.options } }, clock: hurried().clock, ...more });
const device = "fcm://dQw4w9WgXcQ:APA91b-token_1@app";

describe("a message to a device of FCM", () => {
  it("has its title, texts alone as data, and a badge that is a number", async () => {
    await using server = await startFcm();
    const now = Date.now();
    const sender = await open(server, { clock: hurried(() => now).clock });
    const results = await sender.send([device], {
      title: "Ann",
      msg: "Hello",
      badge: 3,
      sound: true,
      name: "chat-7",
      id: "m1",
      payload: { n: 1, deep: { is: [1] } },
      ttlMs: 60_500,
      icon: "bell",
      color: "#ff0000",
      clickAction: "OPEN",
      vibrate: [100, 50],
      locKey: "HELLO",
      locArgs: ["Ann"],
      titleLocKey: "TITLE",
      titleLocArgs: ["7"],
    });
    expect(results).toEqual([{ device, ok: true, id: "projects/app-1/messages/1", unregistered: false }]);
    expect(server.taken).toEqual([
      {
        token: "dQw4w9WgXcQ:APA91b-token_1",
        notification: { title: "Ann", body: "Hello" },
        data: { n: "1", deep: '{"is":[1]}', id: "m1" },
        android: {
          priority: "HIGH",
          ttl: "61s",
          collapse_key: "chat-7",
          notification: {
            icon: "bell",
            color: "#ff0000",
            tag: "chat-7",
            sound: "default",
            click_action: "OPEN",
            body_loc_key: "HELLO",
            body_loc_args: ["Ann"],
            title_loc_key: "TITLE",
            title_loc_args: ["7"],
            notification_count: 3,
            vibrate_timings: ["0.1s", "0.05s"],
          },
        },
      },
    ]);
  });

  it("that shows nothing has data alone", async () => {
    await using server = await startFcm();
    await (await open(server)).send([device], { payload: { refresh: 1 }, badge: 0, ttlMs: 0 });
    expect(server.taken).toEqual([
      { token: "dQw4w9WgXcQ:APA91b-token_1", data: { refresh: "1", badge: "0" }, android: { priority: "NORMAL", ttl: "0s" } },
    ]);
  });

  it("that is registered no more is told of, and others that are wrong are not taken for it", async () => {
    const verdicts: Record<string, FcmVerdict> = {
      gone: { status: 404, errorCode: "UNREGISTERED" },
      missing: { status: 404 },
      wrong: { status: 400, errorCode: "INVALID_ARGUMENT" },
      foreign: { status: 403, errorCode: "SENDER_ID_MISMATCH" },
    };
    await using server = await startFcm({ verdict: ({ token }) => verdicts[token] });
    const gone: string[] = [];
    const sender = await open(server, { onUninstall: (id) => void gone.push(id) });
    const results = await sender.send(["gone", "missing", "wrong", "foreign", "good"], { msg: "x" });
    expect(results.map(({ ok, unregistered, error }) => [ok, unregistered, error?.code])).toEqual([
      [false, true, "not-found"],
      [false, false, "invalid"],
      [false, false, "invalid"],
      [false, false, "unauthenticated"],
      [true, false, undefined],
    ]);
    expect(gone).toEqual(["gone"]);
  });

  it("is tried again after 500, 503 with Retry-After and a lost connection, and given up after three times", async () => {
    const answers: FcmVerdict[] = [
      { status: 500, errorCode: "INTERNAL" },
      { status: 503, errorCode: "UNAVAILABLE", retryAfter: "7" },
      undefined,
      "cut",
      undefined,
    ];
    await using server = await startFcm({ verdict: (_message, count) => (count <= answers.length ? answers[count - 1] : { status: 500 }) });
    const { clock, rests } = hurried();
    const sender = await open(server, { clock });
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ ok: true }]);
    expect(rests[1]).toBeGreaterThanOrEqual(7000);
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ ok: true }]);
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ ok: false, error: { code: "unavailable" } }]);
    expect(server.asked()).toBe(8);
  });

  it("waits as a reply of 429 asks for, in seconds or by a date, and leaves long waits to a queue", async () => {
    const now = Date.now();
    const answers: FcmVerdict[] = [
      { status: 429, errorCode: "QUOTA_EXCEEDED", retryAfter: "2" },
      { status: 429, retryAfter: new Date(now + 9000).toUTCString() },
      undefined,
      { status: 429 },
    ];
    await using server = await startFcm({ verdict: (_message, count) => answers[count - 1] });
    const { clock, rests } = hurried(() => now);
    const sender = await open(server, { clock });
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ ok: true }]);
    expect(rests[0]).toBeGreaterThanOrEqual(2000);
    expect(rests[1]).toBeGreaterThan(7000);
    // Google asks for a minute where it does not say it.
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ error: { code: "limited", detail: { retryAfterMs: 60_000 } } }]);
  });

  it("is refused when it is longer than the service takes", async () => {
    await using server = await startFcm();
    expect(await (await open(server)).send([device], { msg: "x".repeat(4090) })).toMatchObject([
      { ok: false, error: { code: "too-large" } },
    ]);
    expect(server.asked()).toBe(0);
  });
});

describe("the access token of FCM", () => {
  it("is asked for once however many need it, and again before it ends", async () => {
    let time = Date.now();
    await using server = await startFcm({ now: () => time });
    const sender = await open(server, { clock: hurried(() => time).clock });
    await sender.send(
      Array.from({ length: 20 }, (_, i) => `token-${i}`),
      { msg: "x" },
    );
    expect([server.taken.length, server.tokensGiven()]).toEqual([20, 1]);
    time += 3_500_000;
    await sender.send([device], { msg: "x" });
    expect(server.tokensGiven()).toBe(1);
    time += 50_000;
    await sender.send([device], { msg: "x" });
    expect(server.tokensGiven()).toBe(2);
  });

  it("is asked for again when it was ended, once for each message", async () => {
    await using server = await startFcm();
    const sender = await open(server);
    await sender.send([device], { msg: "x" });
    server.endTokens();
    expect(await sender.send([device, "other"], { msg: "x" })).toMatchObject([{ ok: true }, { ok: true }]);
    expect(server.tokensGiven()).toBeLessThanOrEqual(3);
  });

  it("is asked for again when the server was busy; a refusal is told of without the key", async () => {
    await using server = await startFcm({ tokenVerdict: (count) => (count === 1 ? 503 : count > 2 ? 400 : undefined) });
    const sender = await open(server);
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ ok: true }]);
    sender.reset();
    const [{ error } = { error: undefined }] = await sender.send([device], { msg: "x" });
    expect(error).toMatchObject({ code: "unauthenticated", message: "fcm: the token of the service account: answered 400 invalid_grant" });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/PRIVATE|eyJ/);
  });

  it.each(["{", { project_id: "a" }, { project_id: "a", client_email: "b", private_key: "secret-key-text" }])(
    "is refused for an account that is none: %j",
    async (account) => {
      const error = await pusher({ apps: { app: { fcm: { account: account as string } } } }).then(
        () => undefined,
        (each: Error) => each,
      );
      expect(error).toMatchObject({ code: "invalid", detail: { field: "fcm.account" } });
      expect(error!.message).not.toContain("secret-key-text");
    },
  );
});
