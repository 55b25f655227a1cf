// An error that nobody handled ends its process, and loses no request but its own.
import { mkdirSync, writeFileSync } from "node:fs";

import { describe, expect, it, vi } from "vitest";

import { startServerProcess, temporaryFolder } from "./run-cli.js";

const soon = { timeout: 30_000, interval: 50 };
const modules = `import { setTimeout as sleep } from "node:timers/promises";
const endpoint = (path, answer) => ({ path, summary: "Answers", who: "anybody", reply: {}, answer });
export default {
  name: "faulty",
  tables: {},
  start: () => ({
    name: "faulty",
    endpoints: [
      endpoint("/pid", async () => ({ pid: process.pid })),
      endpoint("/slow", async () => (await sleep(1500), { slow: true })),
      endpoint("/fault", async () => {
        setTimeout(() => { throw new TypeError("what nobody handles"); });
        return new Promise(() => {});
      }),
    ],
  }),
};`;

describe("an error that nobody handles", () => {
  it.each([{ workers: 0 }, { workers: 1 }])(
    "ends the process once it has finished what runs (workers: $workers)",
    async ({ workers }) => {
      using folder = temporaryFolder();
      mkdirSync(folder.file("modules"));
      writeFileSync(folder.file("modules/faulty.mjs"), modules);
      const options = ["--port", "0", "--home", folder.path, "--workers", String(workers), "--shutdown-ms", "3000"];
      await using server = await startServerProcess(options);
      let told = "";
      server.child.stderr!.on("data", (bytes) => (told += bytes));
      const pid = async (): Promise<unknown> => ((await (await fetch(`${server.url}/pid`)).json()) as { pid: unknown }).pid;
      const before = await pid();
      const slow = fetch(`${server.url}/slow`);
      const faulty = fetch(`${server.url}/fault`).catch((error: Error) => error);
      await vi.waitFor(() => expect(told).toContain("an error that nobody handled"), soon);
      expect(await (await slow).json()).toEqual({ slow: true });
      expect(told).toContain("what nobody handles");
      if (workers === 0) expect((await server.ended).code).toBe(1);
      else {
        await vi.waitFor(async () => expect(await pid()).not.toBe(before), soon);
        expect(told).toContain("another takes its place");
        expect((await server.stop()).code).toBe(0);
      }
      expect(await faulty).toBeInstanceOf(Error);
    },
    60_000,
  );
});
