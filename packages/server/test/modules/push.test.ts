// Messages to devices of accounts, over HTTP.

import { accounts } from "@bk/modules";
import { push, type PushOptions } from "@bk/modules/push";
import { openQueue } from "@bk/queue";
import { describe, expect, it } from "vitest";

import { startFcm, type FcmVerdict } from "../../../modules/test/push/start-fcm.js";
import { startServer } from "../start-server.js";

async function started(verdict?: (message: { readonly token: string }) => FcmVerdict, more: Partial<PushOptions> = {}) {
  const fcm = await startFcm(verdict === undefined ? {} : { verdict });
  const test = await startServer({ modules: [accounts(), push({ apps: { app: { fcm: fcm.options } }, ...more })] });
  const send = (json: object, login = "root") => test.call(login, "/system/msg/send", { json });
  return {
    ...test,
    fcm,
    send,
    async [Symbol.asyncDispose]() {
      await test.server.close();
      await fcm[Symbol.asyncDispose]();
    },
  };
}

describe("the module push", () => {
  it("sends to devices and to those of accounts, and takes from these what is registered no more", async () => {
    await using test = await started(({ token }) => (token.startsWith("gone") ? { status: 404, errorCode: "UNREGISTERED" } : undefined));
    await test.call("bob", "/account/update", { json: { device_id: "fcm://gone-1@app, fcm://phone@app,fcm://tablet@other" } });
    await test.call("eve", "/account/get");
    const { status, body } = await test.send({
      device_id: ["fcm://own", "gone-2"],
      account_id: [test.ids["bob"], test.ids["eve"], "u_none"],
      app_id: "app",
      msg: "Hello",
      badge: 2,
    });
    expect([status, body]).toEqual([
      200,
      {
        results: [
          { device: "fcm://own", ok: true, unregistered: false, id: "projects/app-1/messages/1" },
          { device: "gone-2", ok: false, unregistered: true, code: "not-found", error: expect.any(String) },
          { device: "fcm://gone-1@app", ok: false, unregistered: true, code: "not-found", error: expect.any(String) },
          { device: "fcm://phone@app", ok: true, unregistered: false, id: expect.any(String) },
        ],
      },
    ]);
    expect((await test.call("bob", "/account/get")).body["device_id"]).toBe("fcm://phone@app,fcm://tablet@other");
    expect(test.logged.join("\n")).not.toMatch(/gone-|phone/);
  });

  it("sends through a queue, once by its key while it waits", async () => {
    await using queue = await openQueue("local:", { name: "push" });
    await using test = await started(undefined, { queue, work: false });
    const first = await test.send({ device_id: "a,b", msg: "x", _async: true, _key: "news" });
    expect(first.body).toEqual({ ids: [expect.any(String)], duplicates: 0 });
    expect((await test.send({ device_id: "a,b", msg: "x", _async: true, _key: "news" })).body).toEqual({ ...first.body, duplicates: 1 });
    expect(await queue.stats()).toMatchObject({ waiting: 1 });
  });

  it("sends what is in its queue", async () => {
    await using queue = await openQueue("local:", { name: "push" });
    await using test = await started(undefined, { queue });
    await test.send({ device_id: "a", msg: "x", _async: true });
    await queue.idle();
    expect(test.fcm.taken).toMatchObject([{ token: "a" }]);
  });

  it.each([
    [{ msg: "x" }, "device_id"],
    [{ device_id: "a" }, "msg"],
    [{ device_id: "a", badge: true }, "badge"],
    [{ device_id: "a", msg: "x", payload: "text" }, "payload"],
    [{ device_id: "a", msg: "x", service_id: "sms" }, "service_id"],
    [{ device_id: "a", msg: "x", _async: true }, "_async"],
    [{ device_id: "a", msg: "x", delay: 5 }, "delay"],
    [{ device_id: "a", msg: "x", _key: "k" }, "_key"],
    [{ device_id: "a", msg: "x", ttl: 1, expires: 1 }, "expires"],
  ])("refuses %j", async (json, field) => {
    await using test = await started();
    const { status, body } = await test.send(json);
    expect([status, body["field"]]).toEqual([400, field]);
    expect(test.fcm.asked()).toBe(0);
  });

  it("is for admins alone, and changes by POST alone", async () => {
    await using test = await started();
    for (const path of ["/system/msg/send", "/system/msg/init"]) {
      expect((await test.call("bob", path, { json: { device_id: "a", msg: "x" } })).status).toBe(403);
      expect((await test.call("bob", path, { json: {}, signed: false })).status).toBe(401);
      expect((await test.call("root", path)).status).toBe(405);
    }
    await test.send({ device_id: "a", msg: "x" });
    expect((await test.call("root", "/system/msg/init", { json: {} })).body).toEqual({});
    await test.send({ device_id: "a", msg: "x" });
    expect(test.fcm.tokensGiven()).toBe(2);
  });
});
