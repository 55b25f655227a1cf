// What is promised of messages to devices whatever the service: ids, apps, checks, and jobs.

import { openCache } from "@bk/cache";
import { systemClock } from "@bk/core";
import { defineJobs, openQueue, type Queue } from "@bk/queue";
import { describe, expect, it } from "vitest";

import {
  chosenDevices,
  parseDevice,
  type Pusher,
  pusher,
  pushJob,
  type PusherOptions,
  type PushMessage,
  splitDevices,
} from "../../src/push/index.js";
import { type FcmVerdict, startFcm, type TestFcm } from "./start-fcm.js";

const clock = { ...systemClock, sleep: async () => undefined };
const open = (server: TestFcm, more: Partial<PusherOptions> = {}): Promise<Pusher> =>
  pusher({ apps: { app: { fcm: server.options } }, clock, ...more });
const openPushQueue = (): Promise<Queue> => openQueue("local:", { name: "push" });
const quick = { backoff: { delayMs: 0 }, closeTimeoutMs: 1000 } as const;
const tokens = (server: TestFcm): string[] => server.taken.map(({ token }) => token).sort();

describe("ids of devices", () => {
  it.each([
    [
      "apns://ABCDEF0123456789abcdef0123456789@com.example",
      { service: "apns", token: "ABCDEF0123456789abcdef0123456789", app: "com.example" },
    ],
    ["abcdef0123456789abcdef0123456789", { service: "apns", app: undefined }],
    ["apn://abcdef0123456789abcdef0123456789", { service: "apns" }],
    ["dQw:APA91b_x-y", { service: "fcm", token: "dQw:APA91b_x-y" }],
    ["gcm://dQw:APA91b@a.b", { service: "fcm", app: "a.b" }],
    ["webpush://a.b.c@site", { service: "webpush", token: "a.b.c", app: "site" }],
  ])("%s is read", (id, parts) => {
    expect(parseDevice(id)).toMatchObject(parts);
  });

  it.each([
    "",
    "apns://",
    "apns://../../x@y",
    "apns://abc",
    "sms://123",
    "__proto__://abc",
    "a b",
    "x@y@z",
    "arn:aws:sns:us-east-1:1:endpoint/APNS/x",
    `fcm://${"x".repeat(5000)}`,
  ])("%s is none", (id) => {
    expect(() => parseDevice(id)).toThrow(expect.objectContaining({ code: "invalid", detail: { field: "device_id" } }) as Error);
  });

  it("stand in lists between commas or bars, each once", () => {
    expect(splitDevices(" a , b|c,,a")).toEqual(["a", "b", "c"]);
  });

  it("are chosen by app, else those without an app, and by service", () => {
    const ids = "fcm://a@one|fcm://b@two|fcm://c|abcdef0123456789abcdef0123456789@one|no device";
    expect(chosenDevices(ids, { app: "one" })).toEqual(["fcm://a@one", "abcdef0123456789abcdef0123456789@one"]);
    expect(chosenDevices(ids, { app: "one", service: "fcm" })).toEqual(["fcm://a@one"]);
    expect(chosenDevices(ids, { app: "three" })).toEqual(["fcm://c"]);
    expect(chosenDevices(ids)).toHaveLength(4);
  });
});

describe("a message to devices", () => {
  const wrong: [object, string][] = [
    [{}, "msg"],
    [{ badge: true }, "badge"],
    [{ badge: -1 }, "badge"],
    [{ badge: "3" }, "badge"],
    [{ title: 1 }, "title"],
    [{ name: "x".repeat(65) }, "name"],
    [{ name: "ä" }, "name"],
    [{ color: "red" }, "color"],
    [{ payload: [] }, "payload"],
    [{ payload: { aps: {} } }, "payload"],
    [{ payload: { "google.x": 1 } }, "payload"],
    [{ ttlMs: 1, expires: 1 }, "expires"],
    [{ priority: 10 }, "priority"],
    [{ locArgs: [1] }, "locArgs"],
    [{ other: 1 }, "other"],
  ];
  it.each(wrong)("%j is refused", async (message, field) => {
    await using server = await startFcm();
    const sender = await open(server);
    expect(() => sender.send(["a"], message as PushMessage)).toThrow(
      expect.objectContaining({ code: "invalid", detail: { field } }) as Error,
    );
  });

  it("gives a result for each device, also for those that are none, of no app, and for ones that have ended", async () => {
    await using server = await startFcm();
    const sender = await open(server);
    const devices = ["fcm://a", "no device", "fcm://b@other", "abcdef0123456789abcdef0123456789"];
    const results = await sender.send(devices, { msg: "x" });
    expect(results.map(({ device, ok, error }) => [device, ok, error?.code])).toEqual([
      ["fcm://a", true, undefined],
      ["no device", false, "invalid"],
      ["fcm://b@other", false, "invalid"],
      ["abcdef0123456789abcdef0123456789", false, "invalid"],
    ]);
    expect(await sender.send(["fcm://a"], { msg: "x", expires: 1 })).toMatchObject([
      { error: { code: "invalid", detail: { field: "expires" } } },
    ]);
    expect(tokens(server)).toEqual(["a"]);
  });

  it("goes to the app that the device names, else to the default one", async () => {
    await using one = await startFcm();
    await using two = await startFcm();
    const apps = { one: { fcm: one.options }, two: { fcm: two.options } };
    const sender = await pusher({ apps, clock, defaultApp: "two" });
    await sender.send(["fcm://a@one", "fcm://b@two", "fcm://c"], { msg: "x" });
    expect([tokens(one), tokens(two)]).toEqual([["a"], ["b", "c"]]);
    const none = await pusher({ apps, clock });
    expect(await none.send(["fcm://c"], { msg: "x" })).toMatchObject([{ error: { code: "invalid" } }]);
  });

  it.each([
    [{ apps: {} }, "apps"],
    [{ apps: { a: {} }, defaultApp: "b" }, "defaultApp"],
    [{ apps: { "a@b": {} } }, "apps"],
    [{ apps: { a: {} }, batch: 0 }, "batch"],
    [{ apps: { a: {} }, ratePerSecond: 0.5 }, "ratePerSecond"],
  ])("options %j are refused", async (options, field) => {
    await expect(pusher(options)).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });
});

describe("jobs that send to devices", () => {
  it("send in batches what was submitted, once by its key while it waits", async () => {
    await using queue = await openPushQueue();
    await using server = await startFcm();
    const sender = await open(server, { queue, batch: 3 });
    const devices = ["a", "b", "c", "d", "e", "f", "g"];
    const first = await sender.submit(devices, { msg: "x" }, { key: "news 1" });
    expect([first.ids.length, first.duplicates]).toEqual([3, 0]);
    expect(await sender.submit(devices, { msg: "x" }, { key: "news 1" })).toEqual({ ids: first.ids, duplicates: 3 });
    await sender.work(quick);
    await queue.idle();
    expect(tokens(server)).toEqual(devices);
  });

  it("are refused for devices that nobody here sends to", async () => {
    await using queue = await openPushQueue();
    await using server = await startFcm();
    const sender = await open(server, { queue });
    for (const device of ["no device", "fcm://x@other"])
      await expect(sender.submit(["a", device], { msg: "x" })).rejects.toMatchObject({ code: "invalid", detail: { field: "device_id" } });
    expect(await queue.stats()).toMatchObject({ waiting: 0 });
  });

  it("that are tried again send to those alone who have nothing yet", async () => {
    await using queue = await openPushQueue();
    let failures = 0;
    const verdict = ({ token }: { token: string }): FcmVerdict =>
      token === "b" && failures++ < 4 ? { status: 503, errorCode: "UNAVAILABLE" } : undefined;
    await using server = await startFcm({ verdict });
    const sender = await open(server, { queue });
    await sender.submit(["a", "b", "c"], { msg: "x" });
    await sender.work(quick);
    await queue.idle();
    expect(tokens(server)).toEqual(["a", "b", "c"]);
    expect((await queue.stats()).dead).toBe(0);
  });

  it("that are delivered twice send once, by workers that share a cache", async () => {
    await using queue = await openPushQueue();
    await using server = await startFcm();
    const cache = await openCache("local:");
    const jobs: Parameters<Pusher["job"]["run"]>[0][] = [];
    const sender = await open(server, { queue, cache });
    await sender.submit(["a", "b"], { msg: "x" });
    // Each delivery is handed to two workers, as after a worker that lost its connection behind its work.
    const workers = [await open(server, { cache }), await open(server, { cache })];
    const twice = defineJobs({
      [pushJob]: {
        async run(input, context) {
          jobs.push(input);
          for (const worker of workers) await worker.job.run(input, context);
        },
      },
    });
    await twice.work(queue, quick);
    await queue.idle();
    expect(jobs).toHaveLength(1);
    expect(tokens(server)).toEqual(["a", "b"]);
    await cache.close();
  });

  it("rest as long as the service asks for", async () => {
    await using queue = await openPushQueue();
    await using server = await startFcm({ verdict: (_message, count) => (count === 1 ? { status: 429, retryAfter: "3600" } : undefined) });
    const sender = await open(server, { queue });
    const rests: number[] = [];
    queue.on("failed", ({ retryInMs }) => void rests.push(retryInMs));
    await sender.submit(["a"], { msg: "x" });
    const listener = await sender.work({ ...quick, backoff: { delayMs: 5 } });
    await expect.poll(() => rests, { timeout: 10_000 }).toHaveLength(1);
    expect(rests[0]).toBeGreaterThan(3_500_000);
    await listener.close();
  });

  it("are dead, and say why, when a device is never sent to; devices that are gone are told of", async () => {
    await using queue = await openPushQueue();
    const verdicts: Record<string, FcmVerdict> = {
      bad: { status: 400, errorCode: "INVALID_ARGUMENT" },
      gone: { status: 404, errorCode: "UNREGISTERED" },
    };
    await using server = await startFcm({ verdict: ({ token }) => verdicts[token] });
    const gone: unknown[] = [];
    const sender = await open(server, { queue, onUninstall: (device, account) => void gone.push([device, account]) });
    await sender.submit(["a", "bad", { device: "gone", account: "u_1" }], { msg: "x" });
    await sender.work(quick);
    await queue.idle();
    expect((await queue.dead.list()).rows.map(({ error }) => error)).toEqual([
      "GiveUp: not sent to 1 of 3 devices: fcm: answered 400 INVALID_ARGUMENT",
    ]);
    expect(gone).toEqual([["gone", "u_1"]]);
    expect(tokens(server)).toEqual(["a"]);
  });

  it("that end before they are sent are not sent", async () => {
    await using queue = await openPushQueue();
    await using server = await startFcm();
    let time = Date.now();
    const sender = await open(server, { queue, clock: { ...clock, now: () => time } });
    await sender.submit(["a"], { msg: "x", ttlMs: 60_000 });
    time += 61_000;
    await sender.work(quick);
    await queue.idle();
    expect([tokens(server), (await queue.stats()).dead]).toEqual([[], 0]);
  });

  it("send no more in a second than they may", async () => {
    await using queue = await openPushQueue();
    let time = 1_700_000_000_000;
    await using server = await startFcm({ now: () => time });
    const rests: number[] = [];
    const paced = { ...clock, now: () => time, sleep: async (ms: number) => void (rests.push(ms), (time += ms)) };
    const cache = await openCache("local:", { clock: paced });
    const sender = await open(server, { queue, cache, ratePerSecond: 5, clock: paced });
    await sender.submit(
      Array.from({ length: 15 }, (_, i) => `t${i}`),
      { msg: "x" },
    );
    await sender.work(quick);
    await queue.idle();
    expect(server.taken).toHaveLength(15);
    // Five at once, and ten more in two seconds.
    expect(time - 1_700_000_000_000).toBeGreaterThanOrEqual(1900);
    expect(rests.length).toBeGreaterThan(0);
    await cache.close();
  });

  it("are given up when they are none", async () => {
    await using queue = await openPushQueue();
    await using server = await startFcm();
    const sender = await open(server, { queue });
    const jobs = defineJobs({ [pushJob]: sender.job });
    for (const input of [
      undefined,
      {},
      { id: "1", targets: [{}], message: { msg: "x" } },
      { id: "1", targets: [], message: { badge: true } },
    ])
      await jobs.submit(queue, pushJob, input);
    await jobs.work(queue, quick);
    await queue.idle();
    expect((await queue.dead.list()).rows.every(({ error }) => error?.startsWith("GiveUp: the message cannot be sent"))).toBe(true);
    expect((await queue.stats()).dead).toBe(4);
  });
});
