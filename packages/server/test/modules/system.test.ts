import { setImmediate } from "node:timers/promises";

import { BkError, type LogLevel, testClock } from "@bk/core";
import { openCache } from "@bk/cache";
import { system } from "@bk/modules";
import { afterEach, describe, expect, it } from "vitest";

import { Histogram, histogramNumbers, mergeHistograms } from "../../../modules/src/system/histogram.js";
import { Meter } from "../../../modules/src/system/meter.js";
import { shownParams } from "../../../modules/src/system/params.js";
import { startServer, type TestServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

const post = (json: object) => ({ json });

let server: TestServer | undefined;
afterEach(async () => {
  await server?.server.close();
  server = undefined;
});

describe("the module system", () => {
  onEngines(
    () => [system()],
    (engine) => {
      it("tells numbers of the database that it runs on", async () => {
        const boss = await engine.add("boss", "admin");
        const { body } = await engine.test.call(boss.login, "/system/stats/get");
        expect(body["pool_main_count"]).toBeGreaterThan(0);
      });
    },
  );

  it("is for admins alone, and changes by POST alone", async () => {
    server = await startServer({ modules: [system()] });
    const { paths } = JSON.parse(await (await server.server.app.fetch(new Request("http://bk.test/openapi.json"))).text()) as {
      paths: Record<string, object>;
    };
    const own = Object.entries(paths).filter(([path]) => path.startsWith("/system/"));
    expect(own.length).toBeGreaterThan(14);
    for (const [path, methods] of own) {
      for (const method of ["GET", "POST"]) {
        expect((await server.call("bob", path, { method })).status).toBe(403);
        expect((await server.call("bob", path, { method, signed: false })).status).toBe(401);
        expect((await server.call("bob", `${path}/x.js`, { method })).status).not.toBe(200);
      }
      if ("get" in methods) continue;
      expect(Object.keys(methods)).toEqual(["post"]);
      const refused = await server.call("root", `${path}?name=a&value=1&level=error&queue=q`);
      expect([path, refused.status, refused.headers.get("allow")]).toEqual([path, 405, "POST"]);
    }
  });

  it("tells numbers of the process, the databases and the cache", async () => {
    server = await startServer({ modules: [system({ app: "shop/1.2" })] });
    const { body } = await server.call("root", "/system/stats/get");
    expect(body).toMatchObject({ pid: process.pid, type: "web", app: "shop/1.2", cache_hits: 0 });
    for (const name of [
      "id",
      "ip",
      "host",
      "mtime",
      "ctime",
      "latency",
      "cpus",
      "mem",
      "worker",
      "rss_hmean",
      "heap_h95p",
      "avg_hcnt",
      "free_hmin",
      "util_hmax",
      "pool_main_count",
      "pool_main_req_0",
    ])
      expect(body).toHaveProperty(name);
    await server.call("root", "/data/select/city?country=x");
    const again = (await server.call("root", "/system/stats/get")).body;
    expect(again["pool_main_count"]).toBeGreaterThan(Number(body["pool_main_count"]));
    expect(again["pool_main_req_0"]).toBe(Number(again["pool_main_count"]) - Number(body["pool_main_count"]));
    expect(again["rss_hcnt"]).toBe(Number(body["rss_hcnt"]) + 1);
    const text = await server.call("root", "/system/stats/get?_format=prometheus");
    expect(text.headers.get("content-type")).toContain("text/plain");
    expect(text.text).toMatch(/^bk_pid \d+$/m);
    expect(text.text).not.toContain("shop");
  });

  it("looks after the cache, but for what the server keeps in it", async () => {
    const cache = await openCache("local:");
    server = await startServer({ modules: [system()], cache });
    const { call } = server;
    await cache.put("nonce:1:used", "1");
    await cache.put("db:note:secret", { secret_word: "hush" });
    expect((await call("root", "/system/cache/put", post({ name: "a:1", value: { deep: [1, null] } }))).body).toEqual({});
    expect((await call("root", "/system/cache/get?name=a:1")).body).toEqual({ value: { deep: [1, null] } });
    expect((await call("root", "/system/cache/set", post({ name: "a:1", value: 2 }))).body).toEqual({ value: { deep: [1, null] } });
    expect((await call("root", "/system/cache/set", post({ name: "a:2", value: 2, ttl: 60_000 }))).body).toEqual({ value: 2 });
    expect((await call("root", "/system/cache/incr", post({ name: "n", value: 5 }))).body).toEqual({ value: 5 });
    expect((await call("root", "/system/cache/incr", post({ name: "n" }))).body).toEqual({ value: 6 });
    expect((await call("root", "/system/cache/get?name=none")).body).toEqual({ value: null });
    expect(JSON.parse((await call("root", "/system/cache/keys?name=a:")).text)).toEqual(["a:1", "a:2"]);
    expect((await call("root", "/system/cache/keys")).text).not.toMatch(/nonce|db:/);
    expect(JSON.parse((await call("root", "/system/cache/keys?name=*")).text)).toEqual([]);
    await cache.put("long", "x".repeat(100_000));
    const long = (await call("root", "/system/cache/get?name=long")).body;
    expect(long).toMatchObject({ truncated: true });
    expect(String(long["value"])).toHaveLength(65_536);
    for (const name of ["nonce:1:used", "db:note:secret"]) {
      expect((await call("root", `/system/cache/get?name=${name}`)).status).toBe(403);
      for (const command of ["put", "set", "incr", "del"])
        expect((await call("root", `/system/cache/${command}`, post({ name, ...(command === "del" ? {} : { value: 1 }) }))).status).toBe(
          403,
        );
    }
    await call("root", "/system/cache/del", post({ name: "long" }));
    await call("root", "/system/cache/clear", post({ name: "a:" }));
    expect(JSON.parse((await call("root", "/system/cache/keys")).text)).toEqual(["n"]);
    await call("root", "/system/cache/clear", post({}));
    expect([await cache.get("n"), await cache.get("nonce:1:used"), await cache.has("db:note:secret")]).toEqual([undefined, "1", true]);
    expect((await call("root", "/system/cache/stats")).body).toHaveProperty("hits");
    expect(server.logged.join("\n")).not.toContain("a:1");
    expect(server.logged.filter((line) => line.startsWith("system: cache clear"))).toHaveLength(2);
    await server.server.close();
    await cache.close();
  });

  it("shows what it was configured with, and no secret of it", async () => {
    const params = {
      port: 8000,
      db: "postgres://bk:hunter2@host/name?password=hunter2&sslmode=require",
      pools: { main: "redis://:hunter2@host", list: ["mysql://u:hunter2@host"] },
      masterKey: "hunter2",
      tokenKey: "hunter2",
      "mail-password": "hunter2",
      apiSecrets: { a: "hunter2" },
      signUp: "open",
      client: new Map([["x", "hunter2"]]),
      cache: undefined,
    };
    server = await startServer({ modules: [system({ params: () => params })] });
    const reply = await server.call("root", "/system/params/get");
    expect(reply.body).toEqual({
      port: 8000,
      db: "postgres://bk:***@host/name?password=***&sslmode=require",
      pools: { main: "redis://:***@host", list: ["mysql://u:***@host"] },
      masterKey: "***",
      tokenKey: "***",
      "mail-password": "***",
      apiSecrets: "***",
      signUp: "open",
      client: "***",
    });
    expect((await server.call("root", "/system/params/get?_total=1")).body).toHaveProperty("cache", null);
    expect(
      JSON.stringify(shownParams({ a: { b: { c: { d: { e: { f: { g: { h: { i: { j: "hunter2" } } } } } } } } } }, false)),
    ).not.toContain("hunter2");
  });

  it("sets the level of the log, sends jobs and messages, and begins a restart behind its reply", async () => {
    const done: unknown[] = [];
    let level: LogLevel = "info";
    let [reloads, isAway] = [0, false];
    const stats = (): Promise<object> => (isAway ? Promise.reject(new BkError("unavailable", "away")) : Promise.resolve({ waiting: 1 }));
    let restarted!: () => void;
    const restart = new Promise<void>((resolve) => (restarted = resolve));
    server = await startServer({
      modules: [
        system({
          logLevel: { get: () => level, set: (wanted) => void (level = wanted) },
          queues: {
            mail: {
              submit: (message) => Promise.resolve({ id: `m${done.push(message)}` }),
              stats,
            },
          },
          submitJob: (name, input) => Promise.resolve({ id: `j${done.push([name, input])}` }),
          cancelJobs: (choice) => Promise.resolve(Object.keys(choice).length),
          restart: restarted,
          reload: () => Promise.resolve(++reloads),
        }),
      ],
    });
    const { call } = server;
    expect((await call("root", "/system/log", post({}))).body).toEqual({ level: "info" });
    expect((await call("root", "/system/log", post({ level: "debug" }))).body).toEqual({ level: "debug" });
    expect((await call("root", "/system/log", post({ level: "loud" }))).body).toMatchObject({ field: "level" });
    expect((await call("root", "/system/queue/publish", post({ queue: "mail", value: { to: "x" } }))).body).toEqual({ id: "m1" });
    expect((await call("root", "/system/queue/publish", post({ queue: "constructor", value: 1 }))).status).toBe(404);
    expect((await call("root", "/system/queue/publish", post({ queue: "mail" }))).body).toMatchObject({ field: "value" });
    expect((await call("root", "/system/queue/stats")).body).toEqual({ mail: { waiting: 1 } });
    for (const [command, json] of [
      ["cache/init", {}],
      ["queue/init", {}],
      ["queue/init", { queue: "mail" }],
      ["config/init", {}],
    ] as const)
      expect(await call("root", `/system/${command}`, post(json))).toMatchObject({ status: 200, body: {} });
    expect(reloads).toBe(1);
    expect((await call("root", "/system/queue/init", post({ queue: "none" }))).status).toBe(404);
    isAway = true;
    expect((await call("root", "/system/queue/init", post({}))).status).toBe(503);
    for (const [i, command] of ["send", "submit"].entries())
      expect((await call("root", `/system/jobs/${command}`, post({ name: "clean", input: { days: 1 } }))).body).toEqual({
        id: `j${i + 2}`,
      });
    expect(done).toEqual([{ to: "x" }, ["clean", { days: 1 }], ["clean", { days: 1 }]]);
    expect((await call("root", "/system/jobs/cancel", post({ name: "clean", tag: "t" }))).body).toEqual({ count: 2 });
    expect((await call("root", "/system/jobs/cancel", post({}))).body).toMatchObject({ status: 400, field: "id" });
    expect((await call("root", "/system/restart", post({}))).body).toEqual({});
    await restart;
  });

  it("says what it was not told how to do", async () => {
    server = await startServer({ modules: [system()] });
    const requests: [string, object][] = [
      ["log", {}],
      ["restart", {}],
      ["jobs/submit", { name: "x" }],
      ["jobs/cancel", { name: "x" }],
      ["queue/publish", { queue: "x", value: 1 }],
      ["queue/init", {}],
      ["config/init", {}],
    ];
    for (const [path, json] of requests)
      expect((await server.call("root", `/system/${path}`, { json })).body).toMatchObject({ status: 400, code: "unsupported" });
    expect((await server.call("root", "/system/other/get")).status).toBe(404);
  });
});

describe("histograms of statistics", () => {
  const numbersOf = (histogram: Histogram): Readonly<Record<string, number>> => histogramNumbers("x", histogram.state);

  it("have percentiles within 2%, and a variance of samples", () => {
    const histogram = new Histogram(testClock());
    expect(numbersOf(histogram)).toEqual({ x_hcnt: 0 });
    histogram.add(7);
    expect(numbersOf(histogram)).toEqual({
      x_hcnt: 1,
      x_hmin: 7,
      x_hmax: 7,
      x_hsum: 7,
      x_hmean: 7,
      x_hmed: 7,
      x_h75p: 7,
      x_h95p: 7,
      x_h99p: 7,
      x_h999p: 7,
    });
    for (let value = 1; value <= 1000; value++) if (value !== 7) histogram.add(value);
    const numbers = numbersOf(histogram);
    expect(numbers).toMatchObject({ x_hcnt: 1000, x_hsum: 500_500, x_hmin: 1, x_hmax: 1000 });
    expect(numbers["x_hvar"]).toBeCloseTo((1000 * 1001) / 12);
    for (const [name, value] of Object.entries({ hmed: 500, h75p: 750, h95p: 950, h99p: 990, h999p: 999 }))
      expect(Math.abs(numbers[`x_${name}`]! / value - 1)).toBeLessThan(0.022);
  });

  it("forget old values, and keep no more than buckets, of whatever is added", () => {
    const clock = testClock();
    const histogram = new Histogram(clock);
    for (let i = 0; i < 2000; i++) histogram.add(1);
    clock.advance(2 * 3_600_000);
    for (let i = 0; i < 1028; i++) histogram.add(100);
    const numbers = numbersOf(histogram);
    expect(numbers).toMatchObject({ x_hcnt: 3028, x_hmin: 1 });
    expect(numbers["x_hmed"]! / 100).toBeCloseTo(1, 1);
    for (let i = 0; i < 20_000; i++) histogram.add(1e-9 * 1.003 ** i);
    for (const value of [0, -1, Number.MAX_VALUE]) histogram.add(value);
    expect(histogram.state.weights.length).toBeLessThan(2300);
  });

  it("of several processes are one, as if all values had come to it", () => {
    const clock = testClock();
    const [whole, slow] = [new Histogram(clock), new Histogram(clock)];
    clock.advance(60_000);
    const quick = new Histogram(clock);
    const none = new Histogram(clock);
    // An average of their percentiles would say that half of the requests take 505 ms.
    for (let i = 0; i < 20; i++) for (const each of [whole, slow]) each.add(1000);
    for (let i = 0; i < 980; i++) for (const each of [whole, quick]) each.add(10);
    const merged = histogramNumbers(
      "x",
      [quick, none].reduce((state, each) => mergeHistograms(state, each.state), slow.state),
    );
    const expected = numbersOf(whole);
    expect(Object.keys(merged)).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) expect(merged[name]! / value).toBeCloseTo(1, 10);
    expect([merged["x_hmed"]! / 10, merged["x_h999p"]! / 1000].map(Math.round)).toEqual([1, 1]);
    expect(histogramNumbers("x", mergeHistograms(none.state, none.state))).toEqual({ x_hcnt: 0 });
  });
});

describe("rates", () => {
  it("are averages that forget, also over times in which nothing happened", () => {
    const clock = testClock({ now: 0 });
    const meter = new Meter(clock);
    expect(meter.numbers("m")).toEqual({ m_rcnt: 0, m_rate: 0, m_rmean: 0, m_r1m: 0, m_r5m: 0, m_r15m: 0 });
    for (let second = 0; second < 600; second++) {
      meter.add();
      meter.add();
      clock.advance(1000);
    }
    const steady = meter.numbers("m");
    expect(steady).toMatchObject({ m_rcnt: 1200, m_rate: 2, m_rmean: 2 });
    for (const name of ["m_r1m", "m_r5m", "m_r15m"]) expect(steady[name]).toBeCloseTo(2, 5);
    clock.advance(60_000);
    const after = meter.numbers("m");
    expect(after["m_rate"]).toBe(0);
    // A minute's average has lost all but 1/e by then, that of 15 minutes little.
    expect(after["m_r1m"]).toBeCloseTo(2 * Math.exp(-1), 5);
    expect(after["m_r15m"]).toBeCloseTo(2 * Math.exp(-1 / 15), 5);
  });
});

describe("requests", () => {
  it("are told by path and by status, of those paths that were served first", async () => {
    server = await startServer({ modules: [system({ maxPaths: 3 })] });
    const { call } = server;
    const read = async (): Promise<Readonly<Record<string, unknown>>> => {
      // Requests are counted behind their replies.
      await setImmediate();
      return (await call("root", "/system/stats/get")).body;
    };
    await read();
    for (let i = 0; i < 3; i++) await call("bob", "/data/select/city?country=x");
    await call("bob", "/data/select/nothing");
    await call("bob", "/data/select/city?unknown=x");
    for (let i = 0; i < 30; i++) await call("bob", `/made-up/${i}`);
    await call("bob", "/system/stats/get");
    await call("bob", "/auth", { signed: false });
    const found = await read();
    expect(found).toMatchObject({
      api_nreq: 1,
      api_req_0: 38,
      api_bad_0: 34,
      api_err_0: 0,
      api_200_0: 4,
      api_401_0: 1,
      url_data_select_0: 3,
      url_data_select_bad_0: 1,
      url_system_stats_bad_0: 1,
    });
    expect(found["api_que_hmin"]).toBe(1);
    expect(found["api_req_hcnt"]).toBe(38);
    expect(found["url_data_select_hcnt"]).toBe(3);
    expect(Object.keys(found).filter((name) => /made|up/.test(name))).toEqual([]);
    expect(await read()).toMatchObject({ api_req_0: 1, api_bad_0: 0, url_data_select_0: 0 });
    const paths = ["/auth", "/openapi.json", "/data/get/city", "/data/count/city"];
    for (const path of paths) await call("root", path);
    expect(Object.keys(await read()).filter((name) => /^url_.*_rcnt$/.test(name)).length).toBe(3);
  });
});
