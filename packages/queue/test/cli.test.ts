import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defineJobs, openQueue } from "@bk/queue";
import { afterAll, describe, expect, it } from "vitest";
import { runQueueCommand } from "../src/cli/queue-command.js";
import { until } from "../src/testing/queue/suite.js";

const folder = mkdtempSync(join(tmpdir(), "bk-queue-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const url = `db:sqlite:${join(folder, "queue.db")}`;

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runQueueCommand(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

describe("bk-queue", () => {
  it("submits, counts, lists, retries, purges and waits", async () => {
    const name = "--name=cli";
    const submitted = await run("submit", url, '{"a":1}', "2", name, "--max-attempts=1");
    expect(submitted).toMatchObject({ code: 0, err: "" });
    expect(submitted.out.trim().split("\n").length).toBe(2);
    expect((await run("submit", url, "3", name, "--dedupe=k")).code).toBe(0);
    expect((await run("submit", url, "3", name, "--dedupe=k")).out).toMatch(/ duplicate\n$/);
    expect(JSON.parse((await run("stats", url, name)).out)).toEqual({ waiting: 3, delayed: 0, running: 0, dead: 0 });
    const queue = await openQueue(url, { name: "cli", maxAttempts: 1 });
    await queue.listen(() => {
      throw new Error("no");
    });
    expect((await run("wait", url, name)).code).toBe(0);
    await queue.close();
    const listed = await run("list", url, name, "--count=2");
    const rows = listed.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; error: string });
    expect(rows.map(({ error }) => error)).toEqual(["Error: no", "Error: no"]);
    expect(listed.err).toMatch(/^more: --start=/);
    expect((await run("retry", url, rows[0]!.id, name)).out).toBe("1\n");
    expect((await run("purge", url, "--waiting", name)).out).toBe("1\n");
    expect((await run("purge", url, "--all", name)).out).toBe("2\n");
    expect(JSON.parse((await run("stats", url, name)).out)).toEqual({ waiting: 0, delayed: 0, running: 0, dead: 0 });
  });

  it("says how it is used, and what is wrong", async () => {
    expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("usage: bk-queue") });
    for (const args of [
      [],
      ["what", url],
      ["stats"],
      ["stats", url, "--what"],
      ["submit", url, "{"],
      ["submit", url],
      ["retry", url],
      ["stats", "odd:x"],
    ])
      expect((await run(...args)).code).toBe(2);
    const refused = await run("stats", "redis://user:secret@127.0.0.1:1", "--option=connectTimeoutMs=200");
    expect(refused.code).toBe(1);
    expect(refused.err).not.toContain("secret");
  });
});

describe("bk-worker", () => {
  it("runs the jobs of a module, in the place of a process that was killed too, until SIGTERM", { timeout: 60_000 }, async () => {
    const file = join(folder, "seen");
    writeFileSync(file, "");
    const module = join(folder, "jobs.mts");
    const index = pathToFileURL(fileURLToPath(new URL("../src/index.ts", import.meta.url))).href;
    writeFileSync(
      module,
      `import { appendFileSync } from "node:fs";
import { defineJobs } from ${JSON.stringify(index)};
export const jobs = defineJobs({ note: { run: (input) => {
  appendFileSync(${JSON.stringify(file)}, input + " " + process.pid + "\\n");
  if (input === "crash") process.kill(process.pid, "SIGKILL");
} } });
`,
    );
    const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
    const program = fileURLToPath(new URL("../src/cli/bk-worker.ts", import.meta.url));
    const args = [module, url, "--name=worker", "--visibility-timeout=500", "--workers=1"];
    const child = spawn(process.execPath, ["--conditions=bk-source", `--import=${loader}`, program, ...args], {
      stdio: ["ignore", "inherit", "ignore"],
    });
    const queue = await openQueue(url, { name: "worker" });
    const jobs = defineJobs({ note: { run: () => undefined } });
    const seen = (): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);
    try {
      await jobs.submit(queue, "note", "first");
      await until(() => seen().length === 1, "the first has run");
      await jobs.submit(queue, "note", "crash", { maxAttempts: 1 });
      await until(() => seen().length === 2, "the crash has run");
      await jobs.submit(queue, "note", "after");
      await until(() => seen().length === 3, "another process has run the next one");
      const pids = seen().map((line) => line.split(" ")[1]);
      expect(pids[2]).not.toBe(pids[0]);
    } finally {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
      await queue.close();
    }
  });
});
