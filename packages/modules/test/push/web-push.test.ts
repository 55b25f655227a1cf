// What is sent to browsers, on a push service that decrypts it as they do.

import { systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import webPushPackage from "web-push";

import { type Pusher, pusher, type PusherOptions, webDevice, type WebPushOptions } from "../../src/push/index.js";
import { startWebPush, type TestWebPush } from "./start-web-push.js";

const vapid = webPushPackage.generateVAPIDKeys();
const clock = { ...systemClock, sleep: async () => undefined };
const options: WebPushOptions = { subject: "mailto:ops@example.com", ...vapid };
const open = (server: TestWebPush, more: Partial<PusherOptions> = {}): Promise<Pusher> =>
  pusher({ apps: { site: { webPush: { ...options, hosts: [server.origin] } } }, clock, ...more });

describe("a message to a browser", () => {
  it("is encrypted for it and signed, with a badge that is a number", async () => {
    await using server = await startWebPush(vapid);
    const sender = await open(server);
    const message = {
      title: "Ann",
      msg: "Hällo",
      badge: 3,
      url: "/chat/7",
      name: "chat 7",
      ttlMs: 60_000,
      priority: "normal",
      payload: { n: 1 },
    } as const;
    const [result] = await sender.send([webDevice(server.subscription)], message);
    expect(result).toMatchObject({ ok: true, id: `${server.origin}/m/1` });
    const [{ headers, payload } = { headers: {}, payload: {} }] = server.taken;
    expect(payload).toEqual({ title: "Ann", body: "Hällo", badge: 3, tag: "chat 7", url: "/chat/7", n: 1 });
    expect(headers).toMatchObject({
      ttl: "60",
      urgency: "normal",
      topic: expect.stringMatching(/^[\w-]{32}$/),
      "content-encoding": "aes128gcm",
    });
  });

  it.each([404, 410])("whose subscription ended (%i) is told of", async (status) => {
    await using server = await startWebPush({ ...vapid, verdict: () => ({ status }) });
    const gone: string[] = [];
    const device = webDevice(server.subscription, "site");
    const sender = await open(server, { onUninstall: (id) => void gone.push(id) });
    expect(await sender.send([device], { msg: "x" })).toMatchObject([{ ok: false, unregistered: true }]);
    expect(gone).toEqual([device]);
  });

  it("is tried again after 500 and 429, not after 400, and follows no redirect", async () => {
    const answers = [
      { status: 500 },
      { status: 429, headers: { "retry-after": "1" } },
      undefined,
      { status: 400 },
      { status: 302, headers: { location: "http://127.0.0.1:1/" } },
    ];
    await using server = await startWebPush({ ...vapid, verdict: (count) => answers[count - 1] });
    const sender = await open(server);
    const send = () => sender.send([webDevice(server.subscription)], { msg: "x" });
    expect(await send()).toMatchObject([{ ok: true }]);
    expect(await send()).toMatchObject([{ ok: false, error: { code: "invalid" } }]);
    expect(await send()).toMatchObject([{ ok: false, error: { code: "invalid", detail: { status: 302 } } }]);
    expect(server.asked()).toBe(5);
  });

  it("is sent to push services alone, wherever the client says that its own is", async () => {
    await using server = await startWebPush(vapid);
    const sender = await pusher({ apps: { site: { webPush: options } }, clock });
    const { keys } = server.subscription;
    const places = [
      server.subscription.endpoint,
      "https://127.0.0.1/x",
      "http://fcm.googleapis.com/x",
      "https://fcm.googleapis.com.evil.example/x",
      "https://evil.example/?fcm.googleapis.com",
      "https://a:b@fcm.googleapis.com/x",
      "https://push.apple.com/x",
      "https://fcm.googleapis.com:8443/x",
      "file:///etc/passwd",
      "x",
    ];
    for (const endpoint of places)
      expect([endpoint, await sender.send([webDevice({ endpoint, keys })], { msg: "x" })]).toMatchObject([
        endpoint,
        [{ ok: false, error: { code: "denied" } }],
      ]);
    expect(server.asked()).toBe(0);
  });

  it("that is no subscription is refused", async () => {
    await using server = await startWebPush(vapid);
    const sender = await open(server);
    const { keys, endpoint } = server.subscription;
    for (const device of [
      "webpush://abc",
      webDevice({ endpoint, keys: { ...keys, p256dh: "A".repeat(87) } }),
      webDevice({ endpoint, keys: { ...keys, auth: "x" } }),
    ])
      expect(await sender.send([device], { msg: "x" })).toMatchObject([
        { ok: false, error: { code: "invalid", detail: { field: "device_id" } } },
      ]);
  });

  it.each([{ publicKey: "x" }, { privateKey: "secret-key-text" }, { subject: "nobody" }])(
    "is refused at the start for keys that are none: %j",
    async (wrong) => {
      const error = await pusher({ apps: { site: { webPush: { ...options, ...wrong } } } }).then(
        () => undefined,
        (each: Error) => each,
      );
      expect(error).toMatchObject({ code: "invalid", detail: { field: "webPush" } });
      expect(error!.message).not.toContain("secret-key-text");
    },
  );
});
