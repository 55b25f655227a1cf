import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { expect, it, vi } from "vitest";

import { isAlive } from "./is-alive.js";

const module = fileURLToPath(new URL("./watch-stuck.ts", import.meta.url));
const loader = new URL("../../../../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
/** Runs code, which comes behind. */
const args = [`--import=${loader}`, "--input-type=module", "--eval"];

it("writes where the main thread is stuck, once, and lets it go on", () => {
  const code = `
    import { watchStuck } from ${JSON.stringify(module)};
    const stop = watchStuck(300);
    function spin() { const end = Date.now() + 3000; while (Date.now() < end); }
    setTimeout(() => { spin(); process.stdout.write("went on"); stop(); }, 1000);`;
  const { stdout, stderr } = spawnSync(process.execPath, [...args, code], { encoding: "utf8" });
  expect(stdout).toBe("went on");
  expect(stderr.match(/is stuck in\n/g)).toHaveLength(1);
  expect(stderr).toMatch(/is stuck in\n\s+at spin \(/);
});

it("ends a process that is stuck when its parent is gone", async () => {
  const code = `
    import { watchStuck } from ${JSON.stringify(module)};
    watchStuck(60_000, 100);
    setTimeout(() => { process.stdout.write(process.pid + "\\n", () => { while (true); }); }, 500);`;
  const parent = spawn("sh", ["-c", '"$0" "$@" & wait', process.execPath, ...args, code], { stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = (await once(parent.stdout, "data")) as [Buffer];
  parent.kill("SIGKILL");
  await vi.waitFor(() => expect(isAlive(Number(pid))).toBe(false), { timeout: 10_000 });
});
