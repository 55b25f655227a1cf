// `npm run bench -- server`: bk-server in one and in several processes beside Node's own cluster; what processes hold in memory;
// and how long a rolling restart takes, beside that of pm2.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "./http-load.js";
import { median } from "./measure.js";
import { measureReloads } from "./reloads.js";
import { markdown } from "./report.js";

export interface ServerSettings {
  readonly root: string;
  readonly rounds: number;
  readonly turnMs: number;
  readonly built: URL;
  readonly say: (text: string) => void;
}

const connections = 50;
const numbers = [1, 2, 4] as const;
const request = "GET /ping HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

interface Server {
  readonly name: string;
  readonly port: number;
  readonly home: string | undefined;
  readonly child: ChildProcess;
}

export async function measureServer({ root, rounds, turnMs, built, say }: ServerSettings): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bk-bench-server-"));
  const servers: Server[] = [];
  const cli = join(root, "packages/server/dist/cli.js");
  const bk = async (name: string, ...args: readonly string[]): Promise<void> => {
    const home = join(folder, name.replaceAll(" ", "-"));
    const quiet = ["--port", "0", "--home", home, "--log-level", "error"];
    servers.push({ name, home, ...(await start([cli, ...quiet, ...args])) });
  };
  try {
    await bk("bk, alone");
    for (const n of numbers) {
      await bk(`bk, ${n}`, "--workers", String(n));
      servers.push({
        name: `node, ${n}`,
        home: undefined,
        ...(await start([fileURLToPath(new URL("node-cluster.js", built)), String(n)])),
      });
    }
    const turns = new Map<string, number[]>();
    for (const [kind, ask] of [
      ["kept", (port: number) => load({ port, requests: [request], connections, ms: turnMs })],
      ["fresh", (port: number) => askAnew(port, turnMs)],
    ] as const) {
      say(`server: ${kind} connections`);
      // The first round brings the code to its speed and does not count.
      for (let round = 0; round <= rounds; round++)
        for (let i = 0; i < servers.length; i++) {
          const { name, port } = servers[(i + round) % servers.length]!;
          const startMs = performance.now();
          const perSecond = ((await ask(port)) * 1000) / (performance.now() - startMs);
          if (round > 0) turns.set(`${name} ${kind}`, [...(turns.get(`${name} ${kind}`) ?? []), perSecond]);
        }
    }
    const of = (name: string, kind: string): string => Math.round(median(turns.get(`${name} ${kind}`)!)).toLocaleString("en");
    const rows = servers.map(({ name }) => [name, of(name, "kept"), of(name, "fresh")]);
    const two = servers.find(({ name }) => name === "bk, 2")!;
    const states = await Promise.all(
      servers
        .filter(({ home }) => home !== undefined)
        .map(async ({ name, home, child }) => {
          const { processes } = JSON.parse(await run([cli, "status", "--json", "--home", home!])) as { processes: { rss: number }[] };
          return [name, megabytes(await rssOf(child.pid!)), processes.map(({ rss }) => megabytes(rss)).join(", ") || "-"];
        }),
    );
    say("server: reloads");
    const reload = (): Promise<string> => run([cli, "restart", "--home", two.home!]);
    const bkServer = { name: "bk-server, two web processes", url: `http://127.0.0.1:${two.port}/ping`, reload };
    const reloads = await measureReloads(bkServer, folder, rounds);
    return `## bk-server in several processes

${markdown([["/ping, requests a second", "kept connections", "a connection each"], ...rows])}

${markdown([["memory, MB of RSS", "the process that is started", "its web processes"], ...states])}

${reloads}
`;
  } finally {
    for (const { child } of servers) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

const megabytes = (bytes: number): string => String(Math.round(bytes / 2 ** 20));

async function rssOf(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** One request on each connection, so many at a time. */
async function askAnew(port: number, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let answers = 0;
  const one = async (): Promise<void> => {
    while (performance.now() < end) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(request));
        socket.on("error", reject);
        socket.once("data", () => {
          answers++;
          socket.destroy();
          resolve();
        });
      });
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
  return answers;
}

async function start(args: readonly string[]): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_ENV: "production" } });
  const port = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const [, found] = /listening on http:\/\/[^:]+:(\d+)\n/.exec(text) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    child.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code}`)));
  });
  return { port, child };
}

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  return text;
}
