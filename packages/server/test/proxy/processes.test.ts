// Proxies as processes: in front of a server's own web processes and of other servers, killed and replaced under load.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { askControl, controlPath, type ServerState } from "../../src/processes/control.js";
import type { ProcessState } from "../../src/processes/pool.js";
import { runHere, startServerProcess, temporaryFolder } from "../run-cli.js";
import { askOn } from "../under-load/ask-on.js";
import { ask, upstream } from "./upstreams.js";

const soon = { timeout: 60_000, interval: 100 };

describe("bk-server --proxy-workers", () => {
  it("hands its own requests to web processes and others on, and survives restarts and crashes", async () => {
    using folder = temporaryFolder();
    await using behind = await upstream((asked, reply) => {
      asked.resume();
      reply.end(JSON.stringify(asked.headers));
    });
    const sockets = new WebSocketServer({ noServer: true });
    behind.server.on("upgrade", (asked, socket, head) =>
      sockets.handleUpgrade(asked, socket, head, (opened) => opened.on("message", (data) => opened.send(String(data)))),
    );
    const options = [
      "--workers",
      "2",
      "--proxy-workers",
      "2",
      "--port",
      "0",
      "--home",
      folder.path,
      "--restart-delay",
      "200ms",
      "--modules",
      "none",
      "--proxy-shop-to",
      behind.url,
      "--proxy-shop-path",
      "^/shop/",
      "--max-delay-ms",
      "0",
      "--log-format",
      "json",
      "--trusted-proxies",
      "127.0.0.1",
      "--deny-ip",
      "/openapi.json 10.1.1.1",
      "--log-file",
      folder.file("log"),
    ];
    await using server = await startServerProcess(options);
    const control = controlPath(folder.file("var"));
    const status = async (): Promise<readonly ProcessState[]> => ((await askControl(control, { do: "status" })) as ServerState).processes;
    const pidsOf = async (role: string): Promise<number[]> =>
      (await status()).filter((each) => each.role === role && each.state === "ready").map(({ pid }) => pid!);
    await vi.waitFor(async () => expect([await pidsOf("web"), await pidsOf("proxy")].map(({ length }) => length)).toEqual([2, 2]), soon);

    const own = `${server.url}/data/none`;
    const document = `${server.url}/openapi.json`;
    const shop = `${server.url}/shop/x`;
    expect((await ask(own)).status).toBe(401);
    expect((await ask(`${server.url}/health/ready`)).status).toBe(200);
    expect(JSON.parse((await ask(shop)).text)).toMatchObject({ "x-forwarded-for": "127.0.0.1" });
    // The address of the client reaches the web processes, by trusted proxies alone, and the id of a request is one.
    expect((await ask(document, { headers: { "x-forwarded-for": "10.1.1.1" } })).status).toBe(403);
    expect((await ask(document, { headers: { "x-forwarded-for": "10.1.1.1, 10.2.2.2" } })).status).toBe(200);
    const { headers } = await ask(`${server.url}/data/none`);
    const lines = async (): Promise<Record<string, unknown>[]> => {
      await sleep(100);
      return readFileSync(folder.file("log"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    await vi.waitFor(async () =>
      expect((await lines()).filter(({ id }) => id === headers["x-request-id"]).map(({ message, msg }) => message ?? msg)).toEqual([
        "GET /data/none 401",
      ]),
    );

    // A rolling restart of all fails nobody.
    const before = [...(await pidsOf("web")), ...(await pidsOf("proxy"))];
    const calm = askOn([own, shop], 8);
    await askControl(control, { do: "restart" });
    const { served, failed } = await calm.end();
    expect(failed).toEqual([]);
    expect(served).toBeGreaterThan(0);
    expect([...(await pidsOf("web")), ...(await pidsOf("proxy"))].filter((pid) => before.includes(pid))).toEqual([]);

    // A web process that crashes costs what it was doing, a proxy that crashes what went through it; both are back, and all is served.
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/shop/ws`);
    const echoed = new Promise<string>((resolve) => void socket.once("message", (data: Buffer) => resolve(data.toString())));
    socket.once("open", () => socket.send("through"));
    expect(await echoed).toBe("through");
    const cut = new Promise<number>((resolve) => void socket.once("close", resolve));
    socket.on("error", () => undefined);
    const busy = askOn([own, shop], 8);
    for (const pid of [...(await pidsOf("proxy")), (await pidsOf("web"))[0]!]) process.kill(pid, "SIGKILL");
    expect(await cut).toBe(1006);
    await vi.waitFor(async () => {
      const states = await status();
      expect(states.filter(({ state }) => state === "ready")).toHaveLength(4);
      expect(states.filter(({ role, restarts }) => role === "proxy" && restarts > 0)).toHaveLength(2);
    }, soon);
    const after = await busy.end();
    // Of each connection one request at most was under way; twice, as those that waited went to the next process that was killed.
    expect(after.failed.length).toBeLessThanOrEqual(24);
    expect(after.served).toBeGreaterThan(0);
    const again = askOn([own, shop], 8);
    await sleep(300);
    expect((await again.end()).failed).toEqual([]);

    // At its end all that runs is finished.
    const last = askOn([own, shop], 4);
    await sleep(200);
    const ended = server.stop("SIGTERM");
    const gone = await last.end().then(({ failed: each }) => each.filter((text) => !/^(ECONNREFUSED|ECONNRESET|ECONNABORTED)$/.test(text)));
    expect(gone).toEqual([]);
    expect((await ended).code).toBe(0);
  }, 180_000);

  it("needs nothing but servers to pass requests on to", async () => {
    using folder = temporaryFolder();
    await using behind = await upstream((_asked, reply) => void reply.end("behind"));
    writeFileSync(
      folder.file("config"),
      `proxy-workers=1\napi-proxy-url-^/old/=${behind.url}\napi-proxy-host-${behind.url}=^old\\.test$\n`,
    );
    const options = ["--config", folder.file("config"), "--port", "0", "--home", folder.path];
    await using server = await startServerProcess(options);
    expect((await ask(`${server.url}/old/x`)).text).toBe("behind");
    expect((await ask(server.url, { headers: { host: "old.test" } })).text).toBe("behind");
    expect(await ask(`${server.url}/new`)).toMatchObject({ status: 404 });
    expect((await ask(`${server.url}/health/ready`)).status).toBe(200);
    const { code, stderr } = await server.stop();
    expect([code, stderr.includes("sample")]).toEqual([0, false]);
    // It has opened no database.
    expect(existsSync(folder.file("var/bk.db"))).toBe(false);
  }, 60_000);

  it("says what is wrong with its settings", async () => {
    using folder = temporaryFolder();
    for (const [args, message] of [
      [["--proxy-workers", "1"], "proxy-workers needs servers"],
      [["--proxy-a-host", "^a"], "proxy-a-to is missing"],
      [["--proxy-reverse", "http://x/path"], "proxy-reverse must be servers between commas"],
      [["--proxy-reverse", "http://user:secret@x"], "proxy-reverse must be servers between commas"],
      [["--proxy-a-to", "http://x", "--proxy-a-path", ".*"], "proxy-a-path must be a regular expression"],
      [["--proxy-reverse", "https://x", "--proxy-ca", "none.pem"], "proxy-ca: cannot read none.pem (ENOENT)"],
    ] as const) {
      const { code, stderr } = await runHere([...args, "--home", folder.path, "--port", "0"]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
      expect(stderr).not.toContain("secret");
    }
  }, 60_000);
});
