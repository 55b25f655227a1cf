import { request as httpRequest } from "node:http";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

import { openCache } from "@bk/cache";
import { describe, expect, it, vi } from "vitest";

import { Metrics } from "../src/index.js";
import { readExposition, valueOf } from "./read-exposition.js";
import { runCli, signedFetch, startServerProcess, temporaryFolder } from "./run-cli.js";
import { startServer } from "./start-server.js";

const get = async (url: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> => {
  const reply = await fetch(url, { headers });
  return { status: reply.status, text: await reply.text() };
};

describe("/metrics", () => {
  it("is for admins, and counts by routes and tables, never by what callers make up", async () => {
    const cache = await openCache("local:");
    const registry = new Metrics();
    registry.counter({ name: "shop_orders_total", help: "Orders" }).add([]);
    await using on = await startServer({ metrics: { registry }, cache });
    for (let i = 0; i < 3; i++) await on.call("bob", "/data/select/city?country=x");
    for (let i = 0; i < 50; i++) await on.call("bob", `/made-up/${i}`);
    for (let i = 0; i < 10; i++) await on.call("bob", `/data/made${i}/city`);
    await on.call("bob", "/data/get/nothing?id=1");
    await on.call("bob", "/auth");
    expect((await on.call("bob", "/metrics")).status).toBe(403);
    expect((await on.call("bob", "/metrics", { signed: false })).status).toBe(401);
    expect((await on.call("root", "/metrics", { method: "POST" })).status).toBe(405);
    const { text, headers } = await on.call("root", "/metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const read = readExposition(text);
    expect(valueOf(read, "bk_api_status_total", { route: "/data/select", status: "200" })).toBe(3);
    expect(valueOf(read, "bk_api_req_seconds_count", { route: "other" })).toBe(60);
    expect(valueOf(read, "bk_api_status_total", { route: "/data/get", status: "404" })).toBe(1);
    expect(valueOf(read, "bk_api_status_total", { route: "/metrics", status: "401" })).toBe(1);
    expect(valueOf(read, "bk_api_nreq")).toBe(1);
    expect(valueOf(read, "bk_table_seconds_count", { table: "city", verb: "select", pool: "main" })).toBe(3);
    expect(valueOf(read, "bk_pool_req_total")).toBeGreaterThan(3);
    expect(valueOf(read, "shop_orders_total")).toBe(1);
    for (const name of [
      "bk_rss_bytes",
      "bk_heap_bytes",
      "bk_files_open",
      "bk_cpu_seconds_total",
      "bk_event_loop_seconds_total",
      "bk_start_time_seconds",
    ])
      expect([name, valueOf(read, name) > 0]).toEqual([name, true]);
    for (const name of ["bk_event_loop_delay_seconds", "bk_event_loop_utilization", "bk_cache_hits_total", "bk_connections_open"])
      expect([name, read.has(name)]).toEqual([name, true]);
    expect(text).not.toMatch(/made|up\/|nothing/);
    await cache.close();
  });

  it("is open to addresses that are allowed, and to no others; what is closed to all is closed to them", async () => {
    const requests = async (options: Parameters<typeof startServer>[0], forwarded?: string): Promise<number> => {
      await using on = await startServer(options);
      const { url } = await on.server.listen({ port: 0 });
      return (await get(`${url}/metrics`, forwarded === undefined ? {} : { "x-forwarded-for": forwarded })).status;
    };
    const here = ["127.0.0.0/8"];
    expect(await requests({ metrics: {} })).toBe(401);
    expect(await requests({ metrics: { allow: here } })).toBe(200);
    expect(await requests({ metrics: { allow: ["10.0.0.0/8"] } }, "10.1.1.1")).toBe(401);
    expect(await requests({ metrics: { allow: ["10.0.0.0/8"] }, trustedProxies: here }, "10.1.1.1")).toBe(200);
    expect(await requests({ metrics: { allow: here }, trustedProxies: here }, "10.1.1.1")).toBe(401);
    expect(await requests({ metrics: { allow: here }, auth: { rules: { networks: [{ deny: here }] } } })).toBe(403);
    await expect(startServer({ metrics: { allow: ["nowhere"] } })).rejects.toMatchObject({ detail: { field: "metrics.allow" } });
    await using on = await startServer();
    expect((await on.call("root", "/metrics")).status).toBe(404);
  });
});

describe("bk-server --workers", () => {
  it("tells of all processes at once: what they counted stays when they are replaced or killed", async () => {
    using folder = temporaryFolder();
    writeFileSync(
      folder.file("jobs.mjs"),
      `import { defineJobs } from "@bk/queue";
       export const jobs = defineJobs({ greet: { run: async () => undefined }, fail: { maxAttempts: 1, run: async () => { throw new Error("no"); } } });`,
    );
    execFileSync("ln", ["-s", `${process.cwd()}/node_modules`, folder.file("node_modules")]);
    const socket = folder.file("metrics.sock");
    const precious = folder.file("precious");
    writeFileSync(precious, "x");
    const wrong = await runCli(["--metrics-listen", precious, "--port", "0", "--home", folder.path]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("is there, and is no socket") });
    expect(existsSync(precious)).toBe(true);
    const queue = `db:sqlite:${folder.file("jobs.db")}`;
    const home = ["--home", folder.path];
    const added = await runCli(["account", "add", "--login", "root", "--secret", "s3cret", "--type", "admin", ...home]);
    expect(added.code).toBe(0);
    await using server = await startServerProcess(
      // prettier-ignore
      ["--workers", "2", "--job-workers", "1", "--jobs", folder.file("jobs.mjs"), "--queue", queue, "--modules", "system", "--port", "0",
        "--metrics-allow-ip", "127.0.0.1", "--metrics-listen", socket, "--restart-delay", "50ms", "--log-level", "warn", ...home],
    );
    const readOf = async (place: "port" | "socket"): Promise<ReturnType<typeof readExposition>> =>
      readExposition(place === "port" ? (await get(`${server.url}/metrics`)).text : await overSocket(socket));
    const answered = (read: ReturnType<typeof readExposition>): string[] =>
      (read.get("bk_process_answered")?.samples ?? [])
        .filter(({ value }) => value === 1)
        .map(({ labels }) => labels["worker"]!)
        .sort();
    await vi.waitFor(async () => expect(answered(await readOf("port"))).toEqual(["web-0", "web-1", "worker-0"]), { timeout: 30_000 });
    const openApi = { route: "/openapi.json", status: "200" };
    // Connections go to the processes in turn.
    for (let i = 0; i < 10; i++) await get(`${server.url}/openapi.json`, { connection: "close" });
    // What the processes share is there: a signature that changes something counts once.
    const put = {
      url: `${server.url}/data/put/sample`,
      method: "POST",
      login: "root",
      secret: "s3cret",
      body: '{"id":"n1","text":"hello"}',
    };
    expect((await signedFetch({ ...put, contentType: "application/json" })).status).toBe(200);
    const before = await readOf("port");
    expect(valueOf(before, "bk_api_status_total", openApi)).toBe(10);
    expect(valueOf(before, "bk_api_req_seconds_count", { route: "/openapi.json" })).toBe(10);
    expect(
      before
        .get("bk_rss_bytes")!
        .samples.map(({ labels }) => labels["worker"])
        .sort(),
    ).toEqual(["primary", "web-0", "web-1", "worker-0"]);
    expect(before.get("bk_queue_messages")!.samples.every(({ labels }) => labels["worker"] === undefined)).toBe(true);

    const url = `${server.url}/system/stats/get`;
    const stats = (await (await signedFetch({ url, login: "root", secret: "s3cret" })).json()) as Record<string, number> & {
      workers: Record<string, Record<string, number>>;
    };
    expect(Object.keys(stats["workers"]).sort()).toEqual(["web-0", "web-1"]);
    const each = Object.values(stats.workers).map((own) => own["api_req_rcnt"]!);
    expect(Math.min(...each)).toBeGreaterThan(0);
    expect(stats["api_req_rcnt"]).toBe(each[0]! + each[1]!);
    expect(stats["api_req_hcnt"]).toBe(stats["api_req_rcnt"]);
    expect(stats["api_req_h99p"]).toBeLessThanOrEqual(stats["api_req_hmax"]!);

    // One is killed, then all are replaced: nothing that was counted is lost.
    const pid = Number(stats.workers["web-0"]!["pid"]);
    process.kill(pid, "SIGKILL");
    await vi.waitFor(
      async () => {
        const read = await readOf("socket");
        expect(valueOf(read, "bk_process_restarts_total", { role: "web" })).toBe(1);
        expect(answered(read)).toEqual(["web-0", "web-1", "worker-0"]);
        expect(valueOf(read, "bk_api_status_total", openApi)).toBe(10);
      },
      { timeout: 30_000 },
    );
    for (let i = 0; i < 5; i++) await get(`${server.url}/openapi.json`, { connection: "close" });
    expect((await runCli(["restart", "web", ...home])).code).toBe(0);
    const after = await readOf("socket");
    expect(valueOf(after, "bk_api_status_total", openApi)).toBe(15);
    expect(valueOf(after, "bk_api_req_seconds_count", { route: "/openapi.json" })).toBe(15);
    const { stderr } = await server.stop();
    expect(stderr).not.toContain("error");
  }, 120_000);

  function overSocket(socketPath: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = httpRequest({ socketPath, path: "/metrics" }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve(text));
      });
      asked.on("error", reject).end();
    });
  }
});
