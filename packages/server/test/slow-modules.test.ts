// Modules of an app that take for ever to load or to start.
import { mkdirSync, writeFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { finished, runHere, startCli, temporaryFolder } from "./run-cli.js";

function appWith(module: string): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder();
  mkdirSync(folder.file("modules"));
  writeFileSync(folder.file("modules/late.js"), module);
  return folder;
}

const started = (start: string): string => `export default { name: "late", tables: {}, start: () => ${start} };`;

describe("a module that never ends", () => {
  it.each([
    ["to load", "await new Promise(() => undefined); export default {};", "modules/late.js was not loaded: it took longer than 300 ms"],
    ["to start", started("new Promise(() => undefined)"), "module late (modules/late.js) did not start: it took longer than 300 ms"],
  ])("%s fails the start, and is named", async (_what, module, message) => {
    using folder = appWith(module);
    const { code, stderr } = await runHere(["--port", "0", "--ready-timeout", "300ms"], { cwd: folder.path });
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });

  it("to start keeps no server from being ended", async () => {
    using folder = appWith(started("new Promise(() => console.log('begun'))"));
    const child = startCli(["--port", "0"], { cwd: folder.path });
    const ended = finished(child);
    child.stdout!.once("data", () => child.kill("SIGTERM"));
    expect(await ended).toMatchObject({ code: 0, stdout: "begun\n" });
  });
});
