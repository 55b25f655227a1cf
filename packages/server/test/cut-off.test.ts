// Two servers in network namespaces of their own, on one database and one bus; one is cut off from all of it, without a word, and comes back.

import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { addAccount, authTables } from "@bk/auth";
import { openDb, type TableDefinitions } from "@bk/db";
import { modulesNamed } from "@bk/modules";
import { describe, expect, it, onTestFailed, vi } from "vitest";

import { fixture } from "../../db/src/drivers/postgres/fixture.js";
import { type RunningServer, startServerProcess, temporaryFolder } from "./run-cli.js";
import { send } from "./two-servers/servers.js";
import { Listener } from "./under-load/listener.js";

const redis = process.env["BK_TEST_REDIS"];
const masterKey = "a master key for a server that is cut off, long enough";
const port = 8000;
const soon = { timeout: 60_000, interval: 200 };
const ip = (...args: string[]): string => execFileSync("ip", args, { encoding: "utf8", stdio: "pipe" });

/** Only who may make network interfaces can cut them. */
function canCut(): boolean {
  try {
    const name = `bk-try-${process.pid}`;
    ip("netns", "add", name);
    ip("netns", "del", name);
    return true;
  } catch {
    return false;
  }
}

/** A network of its own, which is joined to that of the test by one cable. */
class Island implements AsyncDisposable {
  readonly name: string;
  /** Of the island, and of the test's end of the cable. */
  readonly address: string;
  readonly shore: string;
  readonly #cable: string;
  readonly #forwards: Server[] = [];

  constructor(n: number) {
    this.name = `bk-${process.pid}-${n}`;
    this.#cable = `bk${process.pid}v${n}`;
    const net = `10.213.${(2 * process.pid + n) % 256}`;
    [this.shore, this.address] = [`${net}.1`, `${net}.2`];
    ip("netns", "add", this.name);
    ip("link", "add", this.#cable, "type", "veth", "peer", "name", "eth0", "netns", this.name);
    ip("addr", "add", `${this.shore}/24`, "dev", this.#cable);
    ip("link", "set", this.#cable, "up");
    for (const args of [
      ["addr", "add", `${this.address}/24`, "dev", "eth0"],
      ["link", "set", "eth0", "up"],
      ["link", "set", "lo", "up"],
    ])
      ip("-n", this.name, ...args);
  }

  /** The same URL, as the island sees it. */
  async reach(url: string): Promise<string> {
    const { hostname, port: target } = new URL(url);
    const server = createServer((from) => {
      const to = connect(Number(target), hostname);
      from.pipe(to).pipe(from);
      // What ends one end ends the other.
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const)
        one.on("error", () => other.destroy()).on("close", () => other.destroy());
    });
    this.#forwards.push(server);
    await once(server.listen(0, this.shore), "listening");
    const own = new URL(url);
    own.hostname = this.shore;
    own.port = String((server.address() as { port: number }).port);
    return own.href;
  }

  /** What a request from within is answered: a status. */
  async ask(path: string): Promise<number> {
    const program = `fetch("http://127.0.0.1:${port}${path}").then((reply) => console.log(reply.status))`;
    // What it asks may come back to this process.
    const { stdout } = await promisify(execFile)("ip", ["netns", "exec", this.name, process.execPath, "-e", program]);
    return Number(stdout);
  }

  cut(): void {
    ip("link", "set", this.#cable, "down");
  }

  join(): void {
    ip("link", "set", this.#cable, "up");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    ip("netns", "del", this.name);
    for (const server of this.#forwards) server.close();
  }
}

const tables = Object.assign({}, authTables, ...modulesNamed(["accounts", "messages"]).map((module) => module.tables)) as TableDefinitions;

const has = fixture.env !== undefined && process.env[fixture.env] !== undefined && redis !== undefined;
describe.skipIf(!has || !canCut())("driver: pg", () => {
  it("a server that is cut off says so, the other one serves, and nothing is missed once it is back", { timeout: 240_000 }, async () => {
    using folder = temporaryFolder();
    const { url, options, clean } = (await fixture.open())!;
    const db = await openDb({ url, ...(options === undefined ? {} : { options }), tables });
    await using one = new Island(0);
    await using two = new Island(1);
    const logs = { one: "", two: "" };
    onTestFailed(() => void process.stdout.write(`${logs.one}\n${logs.two}\n`));
    async function start(island: Island, name: keyof typeof logs): Promise<RunningServer> {
      const [own, bus] = [await island.reach(url), await island.reach(redis!)];
      const given = {
        "--db": `${own}?schema=${String(options!["schema"])}`,
        "--cache": bus,
        "--bus": bus,
        "--host": "0.0.0.0",
        "--port": port,
        "--home": folder.file(name),
        "--modules": "accounts,messages",
        "--log-level": "warn",
      };
      const server = await startServerProcess(
        Object.entries(given).flatMap(([option, value]) => [option, String(value)]),
        { env: { BK_MASTER_KEY: masterKey }, within: ["ip", "netns", "exec", island.name] },
      );
      server.child.stderr!.on("data", (chunk: Buffer) => (logs[name] += chunk.toString()));
      return server;
    }
    try {
      await db.sync();
      const [sender, reader] = ["sender", "reader"].map((login) => ({ login, secret: `secret of ${login}` }));
      await addAccount(db as never, { ...sender!, name: "sender" }, { masterKey });
      const { id } = await addAccount(db as never, { ...reader!, name: "reader" }, { masterKey });
      await using first = await start(one, "one");
      await using second = await start(two, "two");
      const [urlOne, urlTwo] = [`http://${one.address}:${port}`, `http://${two.address}:${port}`];
      const listeners = [urlOne, urlTwo].flatMap((at) => [new Listener(at, reader!, "sse"), new Listener(at, reader!, "socket")]);
      const sent: string[] = [];
      const tell = async (at: string, msg: string): Promise<void> => {
        expect((await send(at, "/message/add", { json: { id, msg }, by: sender! })).status).toBe(200);
        sent.push(msg);
      };
      const allTold = async (): Promise<void> =>
        vi.waitFor(() => expect(listeners.map(({ told }) => sent.filter((msg) => !told.has(msg)))).toEqual([[], [], [], []]), soon);
      await vi.waitFor(() => expect(listeners.every(({ connections }) => connections > 0)).toBe(true), soon);
      await tell(urlOne, "begin");
      await tell(urlTwo, "begin at the other one");
      await allTold();
      expect(await Promise.all([one, two].map((island) => island.ask("/health/ready")))).toEqual([200, 200]);

      two.cut();
      for (let n = 0; n < 10; n++) await tell(urlOne, `while the other is away ${n}`);
      expect(await two.ask("/health/live")).toBe(200);
      await vi.waitFor(async () => expect(await two.ask("/health/ready")).toBe(503), soon);
      expect([await one.ask("/health/ready"), await one.ask("/ping"), await two.ask("/ping")]).toEqual([200, 200, 200]);

      // So long that connections are given up.
      if (process.env["BK_FULL_E2E"] === "1") await sleep(60_000);
      two.join();
      await vi.waitFor(async () => expect(await two.ask("/health/ready")).toBe(200), soon);
      await tell(urlTwo, "back");
      await tell(urlOne, "and heard");
      await allTold();
      for (const listener of listeners) await listener.stop();
      expect([(await first.stop()).code, (await second.stop()).code]).toEqual([0, 0]);
    } finally {
      await db.close();
      await clean();
    }
  });
});
