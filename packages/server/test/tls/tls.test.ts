// bk-server that ends TLS itself, with real clients: what it serves, whom it cuts, certificates that change, restarts under load.
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

import { signRequest } from "@bk/auth";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";

import { open } from "../modules/socket-client.js";
import { childrenNamed } from "../processes-of.js";
import { ask, askRaw, freePort, upstream } from "../proxy/upstreams.js";
import { type RunningServer, runHere, startServerProcess, temporaryFolder } from "../run-cli.js";
import { askOn } from "../under-load/ask-on.js";
import { Authority, hasOpenssl, type Pair } from "./authority.js";

const isFull = process.env["BK_FULL_E2E"] === "1";
const soon = { timeout: 60_000, interval: 50 };
const me = { login: "me", secret: "the secret of me" };

interface Started extends AsyncDisposable {
  readonly server: RunningServer;
  readonly url: string;
  readonly port: number;
  readonly home: string;
  /** Where the server reads its certificate. */
  readonly files: Pair;
  readonly logged: () => string;
}

function put({ cert, key }: Pair, files: Pair): void {
  copyFileSync(key, files.key);
  copyFileSync(cert, files.cert);
}

describe.runIf(hasOpenssl)("bk-server with TLS", { timeout: 90_000 }, () => {
  const folder = temporaryFolder();
  let authority: Authority;
  let ca: string;
  let [first, second]: [Pair, Pair] = [] as never;
  beforeAll(() => {
    // Also for whom a server becomes.
    chmodSync(folder.path, 0o755);
    authority = new Authority(folder.path);
    ca = authority.pem;
    [first, second] = [authority.sign("first"), authority.sign("second")];
  });
  afterAll(() => folder[Symbol.dispose]());

  let homes = 0;
  /** Where there is a plain port, too, there is an account. */
  async function start(...args: readonly string[]): Promise<Started> {
    const home = folder.file(`home${++homes}`);
    const files = { cert: `${home}/tls/cert.pem`, key: `${home}/tls/key.pem` };
    mkdirSync(`${home}/tls`, { recursive: true });
    put(first, files);
    if (args.includes("--port")) {
      const added = await runHere(["account", "add", "--home", home, "--login", me.login, "--secret", me.secret]);
      expect(added.code, added.stderr).toBe(0);
    }
    const port = args.includes("--tls-port") ? [] : ["--tls-port", "0"];
    const server = await startServerProcess(["--home", home, "--tls-cert", files.cert, "--tls-key", files.key, ...port, ...args]);
    let text = "";
    server.child.stderr!.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const { url } = server;
    return {
      server,
      url,
      port: Number(new URL(url).port),
      home,
      files,
      logged: () => text,
      [Symbol.asyncDispose]: async () => void (await server.stop("SIGKILL")),
    };
  }

  /** A connection whose handshake is over. */
  async function secured(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca, ...options });
    await once(socket, "secureConnect");
    return socket;
  }
  /** Whose certificate new connections get. */
  async function subject(port: number): Promise<string> {
    const socket = await secured(port);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN as string;
  }

  it("serves requests, events and WebSockets; sends whoever comes without to it, health and ACME apart", async () => {
    const [port, plain] = [await freePort(), await freePort()];
    await using on = await start("--tls-port", String(port), "--port", String(plain), "--tls-redirect", "on", "--tls-hsts", "180d");
    expect(on.url).toBe(`https://127.0.0.1:${port}`);
    const { status, headers } = await ask(`${on.url}/openapi.json`, { ca });
    expect([status, headers["strict-transport-security"]]).toEqual([200, "max-age=15552000"]);
    const asIs = await secured(port, { ALPNProtocols: ["h2", "http/1.1"] });
    expect(asIs.alpnProtocol).toBe("http/1.1");
    asIs.destroy();

    // A signature has no scheme; events and messages come.
    const url = `${on.url}/account/subscribe`;
    const signed = await signRequest({ url, ...me });
    const client = await open(url, { ca, headers: signed });
    expect(client.status).toBe(101);
    const asked = { path: "/account/get", signature: (await signRequest({ url: `${on.url}/account/get`, ...me }))["bk-signature"] };
    expect(await client.ask(asked)).toMatchObject({ status: 200, body: { login: "me" } });
    client.socket.terminate();
    const events = await secured(port);
    const lines = Object.entries({ ...(await signRequest({ url, ...me })), accept: "text/event-stream" });
    events.write(
      `GET /account/subscribe HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
    );
    expect(String((await once(events, "data"))[0])).toMatch(/^HTTP\/1\.1 200 [^]*text\/event-stream/);
    events.destroy();
    // What asks for another protocol is served as if it had not.
    const h2c = await ask(`${on.url}/ping`, { ca, headers: { connection: "upgrade", upgrade: "h2c" } });
    expect([h2c.status, h2c.text]).toEqual([200, "{}"]);

    const away = await ask(`http://127.0.0.1:${plain}/data/put/sample?x=%2F`, { method: "POST", headers: { host: "app.test:81" } }, "{}");
    expect([away.status, away.headers.location, away.headers["strict-transport-security"]]).toEqual([
      308,
      `https://app.test:${port}/data/put/sample?x=%2F`,
      undefined,
    ]);
    for (const path of ["/ping", "/health/live", "/health/ready"]) expect((await ask(`http://127.0.0.1:${plain}${path}`)).status).toBe(200);
    expect((await ask(`http://127.0.0.1:${plain}/.well-known/acme-challenge/x-1`)).status).toBe(401);
    expect((await ask(`http://127.0.0.1:${plain}/.well-known/acme-challenge/`)).status).toBe(308);
    expect((await ask(`http://127.0.0.1:${plain}/`, { headers: { host: "a/b" } })).status).toBe(400);
    const refused = await open(`http://127.0.0.1:${plain}/account/subscribe`, { headers: await signRequest({ url, ...me }) });
    expect(refused.status).toBe(308);

    // One protocol at the port of the other one.
    expect(await askRaw(port, "GET /ping HTTP/1.1\r\nhost: a\r\n\r\n")).not.toContain("HTTP/1.1 200");
    const wrong = connect({ port: plain, host: "127.0.0.1", ca });
    await expect(once(wrong, "secureConnect")).rejects.toThrow();
    expect(await ask(`${on.url}/ping`, { ca })).toMatchObject({ status: 200 });

    const status2 = await runHere(["status", "--home", on.home]);
    expect(status2.stdout).toContain(`${on.url} and http://127.0.0.1:${plain}`);
    const { code, stderr } = await on.server.stop();
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/ (?:error|warn) /)]);
  });

  it("cuts whoever does not come to speak TLS, and counts them as connections", async () => {
    await using on = await start("--headers-timeout-ms", "1000", "--max-connections", "3");
    const silent = connectPlain(on.port, "127.0.0.1");
    const slow = connectPlain(on.port, "127.0.0.1");
    // The head of a record of a handshake, and then byte after byte of one that never ends.
    slow.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]));
    const drip = setInterval(() => slow.write(Buffer.from([1])), 100);
    const kept = await secured(on.port);
    const fourth = connectPlain(on.port, "127.0.0.1");
    // However it is cut: what was sent and not read makes it a reset.
    const cut = (socket: Socket): Promise<void> =>
      new Promise((resolve) => {
        socket.on("error", () => undefined).resume();
        if (socket.closed) resolve();
        else socket.once("close", () => resolve());
      });
    await cut(fourth);
    expect(silent.closed || slow.closed).toBe(false);
    await Promise.all([silent, slow].map(cut));
    clearInterval(drip);
    // One that has come has its time for a request.
    kept.write("GET /ping HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(String((await once(kept, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    kept.destroy();
    expect((await on.server.stop()).code).toBe(0);
  });

  it("says goodbye to connections that are idle, and ends with handshakes under way", async () => {
    await using on = await start();
    // What comes from the server passes by here.
    let last = 0;
    const relay = createServer((client) => {
      const server = connectPlain(on.port, "127.0.0.1");
      client.pipe(server).on("data", (bytes: Buffer) => (last = bytes[0]!));
      server.pipe(client);
    });
    await new Promise<void>((resolve) => void relay.listen(0, "127.0.0.1", resolve));
    const idle = await secured((relay.address() as AddressInfo).port, { maxVersion: "TLSv1.2" });
    const shaking = connectPlain(on.port, "127.0.0.1");
    await once(shaking, "connect");
    shaking.on("error", () => undefined);
    idle.write("GET /ping HTTP/1.1\r\nhost: a\r\n\r\n");
    await once(idle, "data");
    const ended = once(idle.resume(), "close");
    expect((await on.server.stop()).code).toBe(0);
    await ended;
    // An alert, which is close_notify: without it a client cannot know that this is the end.
    expect(last).toBe(21);
    await new Promise<void>((resolve) => void (shaking.closed ? resolve() : shaking.once("close", () => resolve())));
    relay.close();
  });

  it.each<[string, readonly string[]]>([
    ["one process", []],
    ["a proxy of its own", ["--workers", "1", "--proxy-workers", "1"]],
    ...(isFull ? [["several", ["--workers", "2"]] as [string, readonly string[]]] : []),
  ])("%s: new certificates are used at once, broken ones not at all", async (_name, args) => {
    await using on = await start(...args);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
    const kept = (): Promise<number> => ask(`${on.url}/health/live`, { agent }).then(({ status }) => status);
    expect([await kept(), await subject(on.port)]).toEqual([200, "first"]);
    const all = (name: string): Promise<void> =>
      vi.waitFor(async () => expect(await Promise.all([1, 2, 3, 4].map(() => subject(on.port)))).toEqual(Array(4).fill(name)), soon);
    // Found by itself.
    put(second, on.files);
    await all("second");
    writeFileSync(on.files.cert, "broken");
    await vi.waitFor(() => expect(on.logged()).toContain("TLS goes on as it was: tls-cert is no certificate as PEM"), soon);
    expect((await runHere(["reload", "--home", on.home])).stdout).toBe("nothing changed\n");
    await all("second");
    // As commands and signals have it, who may come before the files are looked at.
    put(first, on.files);
    await runHere(["reload", "--home", on.home]);
    await all("first");
    put(second, on.files);
    on.server.child.kill("SIGHUP");
    await all("second");
    // Those that were open go on.
    const sockets = Object.values(agent.sockets).flat().length + Object.values(agent.freeSockets).flat().length;
    expect([await kept(), sockets]).toEqual([200, 1]);
    agent.destroy();
    expect(on.logged()).not.toContain("PRIVATE");
    expect((await on.server.stop()).code).toBe(0);
  });

  it("is restarted and gets certificates under load without a failed request; processes take up each other's sessions", async () => {
    await using on = await start("--workers", "2", "--max-delay-ms", "0");
    const web = (): number[] => childrenNamed(on.server, "bk: web");
    await vi.waitFor(() => expect(web()).toHaveLength(2), soon);
    const load = askOn([`${on.url}/openapi.json`, `${on.url}/ping`], 8, ca);
    const before = web();
    on.server.child.kill("SIGUSR2");
    put(second, on.files);
    on.server.child.kill("SIGHUP");
    await vi.waitFor(() => expect(web().filter((pid) => before.includes(pid))).toEqual([]), soon);
    await vi.waitFor(() => expect(web()).toHaveLength(2), soon);
    await vi.waitFor(async () => expect([await subject(on.port), await subject(on.port)]).toEqual(["second", "second"]), soon);
    const { served, failed } = await load.end();
    expect(failed).toEqual([]);
    expect(served).toBeGreaterThan(50);

    const begun = connect({ port: on.port, host: "127.0.0.1", servername: "localhost", ca });
    const [session] = (await once(begun, "session")) as [Buffer];
    begun.destroy();
    for (let i = 0; i < 4; i++) {
      const again = await secured(on.port, { session });
      expect(again.isSessionReused()).toBe(true);
      again.destroy();
    }
    expect((await on.server.stop()).code).toBe(0);
  });

  it("tells servers behind it, and its own web processes, that requests came over TLS", async () => {
    await using behind = await upstream((asked, reply) => void reply.end(JSON.stringify(asked.headers)));
    const sockets = new WebSocketServer({ noServer: true });
    behind.server.on("upgrade", (asked, socket, head) =>
      sockets.handleUpgrade(asked, socket, head, (opened) => opened.send(JSON.stringify(asked.headers))),
    );
    const [port, plain] = [await freePort(), await freePort()];
    const target = ["--proxy-shop-to", behind.url, "--proxy-shop-path", "^/shop/", "--proxy-sticky", "cookie"];
    for (const more of [[], ["--workers", "1", "--proxy-workers", "1", "--tls-hsts", "1d"]]) {
      const ports = ["--tls-port", String(port), "--port", String(plain), "--tls-redirect", "443"];
      await using on = await start(...ports, ...target, ...more);
      const told = { "x-forwarded-proto": "https", forwarded: expect.stringMatching(/;proto=https$/) as unknown };
      // What clients claim does not count.
      const { text } = await ask(`${on.url}/shop/cart`, { ca, headers: { "x-forwarded-proto": "http" } });
      expect(JSON.parse(text)).toMatchObject(told);
      const client = await open(`${on.url}/shop/live`, { ca });
      expect(await client.find(() => true)).toMatchObject(told);
      client.socket.terminate();
      for (const path of ["/shop/cart", "/data/select/sample"]) {
        const { status, headers } = await ask(`http://localhost:${plain}${path}`, { headers: { "x-forwarded-proto": "https" } });
        expect([status, headers.location]).toEqual([308, `https://localhost${path}`]);
      }
      const signed = await signRequest({ url: `${on.url}/account/get`, ...me });
      const own = await ask(`${on.url}/account/get`, { ca, headers: signed });
      expect([own.status, own.headers["strict-transport-security"]]).toEqual([200, more.length === 0 ? undefined : "max-age=86400"]);
      expect((await on.server.stop()).code).toBe(0);
    }
  });

  it("lets in whom certificates let in", async () => {
    const [client, gone] = [authority.sign("client"), authority.sign("gone")];
    const crl = authority.revoke(gone);
    const strange = temporaryFolder();
    const foreign = new Authority(strange.path).sign("foreign");
    const pem = ({ cert, key }: Pair): ConnectionOptions => ({ cert: readFileSync(cert), key: readFileSync(key) });
    const status = (url: string, options: ConnectionOptions): Promise<number | string> =>
      ask(`${url}/ping`, { ca, ...options } as never).then(
        (reply) => reply.status,
        () => "refused",
      );
    for (const [who, without] of [
      ["require", "refused"],
      ["request", 200],
    ] as const) {
      await using on = await start("--tls-client-cert", who, "--tls-ca", authority.ca, "--tls-crl", crl);
      const found = [{}, pem(client), pem(gone), pem(foreign)].map((options) => status(on.url, options));
      expect([who, ...(await Promise.all(found))]).toEqual([who, without, 200, "refused", "refused"]);
    }
    strange[Symbol.dispose]();
  });

  it.runIf(process.getuid?.() === 0)("keys that root alone may read serve whom it becomes", async () => {
    for (const more of [["--workers", "1"], []]) {
      await using on = await start(...more, "--uid", "nobody");
      chmodSync(on.files.key, 0o600);
      chmodSync(`${on.home}/tls`, 0o700);
      expect(await subject(on.port)).toBe("first");
      put(second, on.files);
      await runHere(["reload", "--home", on.home]);
      if (more.length > 0) await vi.waitFor(async () => expect(await subject(on.port)).toBe("second"), soon);
      else {
        await vi.waitFor(() => expect(on.logged()).toMatch(/TLS goes on as it was: tls-\w+: cannot read .*the user of uid/), soon);
        expect(await subject(on.port)).toBe("first");
      }
    }
  });
});
