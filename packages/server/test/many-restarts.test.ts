// A primary lives for months, and its processes are replaced again and again: what it holds does not grow. `BK_FULL_E2E=1` does it 200 times.

import { readdirSync, readFileSync } from "node:fs";

import { expect, it, onTestFailed, vi } from "vitest";

import { childrenNamed } from "./processes-of.js";
import { startServerProcess, temporaryFolder } from "./run-cli.js";

const times = process.env["BK_FULL_E2E"] === "1" ? 200 : 6;
const soon = { timeout: 60_000, interval: 20 };

/** Open files and megabytes of memory of a process. */
function holdings(pid: number): { readonly files: number; readonly rssMb: number } {
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
  return { files: readdirSync(`/proc/${pid}/fd`).length, rssMb: Number(rss) / 1024 };
}

it(`a primary that replaces its processes ${times} times holds no more than before`, { timeout: 60_000 + 10_000 * times }, async () => {
  using folder = temporaryFolder();
  await using server = await startServerProcess(["--workers", "1", "--port", "0", "--home", folder.path, "--log-level", "warn"]);
  const pid = server.child.pid!;
  onTestFailed(async () => void process.stdout.write((await server.ended).stderr));
  const web = (): number[] => childrenNamed(server, "bk: web");
  let settled: ReturnType<typeof holdings> | undefined;
  for (let n = 1; n <= times; n++) {
    const before = web();
    server.child.kill("SIGUSR2");
    await vi.waitFor(() => {
      expect(web()).toHaveLength(1);
      expect(before).not.toContain(web()[0]);
    }, soon);
    expect((await fetch(`${server.url}/ping`)).status).toBe(200);
    // By then its code is loaded and compiled.
    if (n === Math.ceil(times / 4)) settled = holdings(pid);
  }
  const now = holdings(pid);
  process.stdout.write(
    `${times} restarts: ${settled!.rssMb.toFixed(1)} MB after a quarter of them, ${now.rssMb.toFixed(1)} MB after all\n`,
  );
  await vi.waitFor(() => expect(holdings(pid).files).toBeLessThanOrEqual(settled!.files), soon);
  if (times > 100) expect(now.rssMb - settled!.rssMb).toBeLessThan(20);
  expect((await server.stop()).code).toBe(0);
});
