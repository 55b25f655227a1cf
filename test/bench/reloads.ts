// How long it takes to replace two processes while clients ask, and what fails meanwhile: bk-server's restart, and the reload of pm2, which is
// installed for the measurement, with an empty server of Node.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { median } from "./measure.js";
import { markdown } from "./report.js";

const run = promisify(execFile);
const connections = 16;
/** An answer that takes longer counts as none. */
const patienceMs = 10_000;

/** A server of which pm2 runs two: it says when it listens, and answers what it has before it ends. */
const app = `const server = require("node:http").createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "2" });
  response.end("{}");
});
server.listen(Number(process.env.APP_PORT), "127.0.0.1", () => process.send("ready"));
process.on("SIGINT", () => server.close(() => process.exit(0)));
`;

interface Reloaded {
  readonly name: string;
  readonly url: string;
  reload(): Promise<unknown>;
}

/**
 * @param bk      bk-server with two web processes
 * @param folder  where pm2 is installed and keeps its state
 * @returns a table
 */
export async function measureReloads(bk: Reloaded, folder: string, rounds: number): Promise<string> {
  await run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", "pm2@7"]);
  await writeFile(join(folder, "app.cjs"), app);
  const port = await freePort();
  const env = { ...process.env, PM2_HOME: join(folder, "pm2-home"), APP_PORT: String(port) };
  const pm2 = (...args: readonly string[]): Promise<unknown> => run(join(folder, "node_modules/.bin/pm2"), [...args], { env });
  try {
    await pm2("start", join(folder, "app.cjs"), "-i", "2", "--name", "app", "--wait-ready", "--listen-timeout", "10000");
    const all = [bk, { name: "pm2 7, an empty server", url: `http://127.0.0.1:${port}/`, reload: () => pm2("reload", "app") }];
    const turns = all.map(({ name }) => ({ name, ms: [] as number[], asked: 0, failed: 0 }));
    for (let round = 0; round < rounds; round++)
      for (const [i, { url, reload }] of all.entries()) {
        const end = ask(url);
        await sleep(500);
        const startMs = performance.now();
        await reload();
        const turn = turns[i]!;
        turn.ms.push(performance.now() - startMs);
        await sleep(500);
        const { asked, failed } = await end();
        turn.asked += asked;
        turn.failed += failed;
      }
    const daemon = Number(await readFile(join(env.PM2_HOME, "pm2.pid"), "utf8"));
    const rss = Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${daemon}/status`, "utf8"))![1]) / 1024;
    const rows = turns.map(({ name, ms, asked, failed }) => [
      name,
      (median(ms) / 1000).toFixed(1),
      asked.toLocaleString("en"),
      String(failed),
    ]);
    return `${markdown([["two processes are replaced under load", "seconds", "requests", "failed"], ...rows])}

pm2's own process holds ${Math.round(rss)} MB.`;
  } finally {
    await pm2("kill");
  }
}

/** Asks over kept connections, about 50 times a second on each, until it is told to end. */
function ask(url: string): () => Promise<{ readonly asked: number; readonly failed: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo" });
  let isOver = false;
  let asked = 0;
  let failed = 0;
  const one = async (): Promise<void> => {
    asked++;
    try {
      const [response] = await once(get(url, { agent, signal: AbortSignal.timeout(patienceMs) }), "response");
      await once(response.resume(), "end");
      if (response.statusCode !== 200) failed++;
    } catch {
      failed++;
    }
  };
  const loops = Array.from({ length: connections }, async () => {
    for (; !isOver; await sleep(20)) await one();
  });
  return async () => {
    isOver = true;
    await Promise.all(loops);
    agent.destroy();
    return { asked, failed };
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
