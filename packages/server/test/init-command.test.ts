// The app that bk-server init begins compiles and passes its own tests, with the packages as they are built.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { runHere, temporaryFolder } from "./run-cli.js";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

describe("bk-server init", () => {
  it("begins an app that compiles, passes its tests and serves", async () => {
    using folder = temporaryFolder();
    const app = folder.file("shop");
    const { code, stdout } = await runHere(["init", app]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("npm test")]);
    expect(JSON.parse(readFileSync(`${app}/package.json`, "utf8"))).toMatchObject({ name: "shop", private: true });
    symlinkSync(modules, `${app}/node_modules`);
    execFileSync("npm", ["run", "build"], { cwd: app, stdio: "pipe" });
    const tests = spawnSync(process.execPath, ["--test", "--test-reporter=tap", "dist/test/"], { cwd: app, encoding: "utf8" });
    expect([tests.status, tests.stdout]).toEqual([0, expect.stringMatching(/^# pass 3$/m)]);
    const main = spawnSync("timeout", ["-s", "TERM", "5", process.execPath, "dist/src/main.js"], {
      cwd: app,
      encoding: "utf8",
      env: { ...process.env, PORT: "0" },
    });
    expect([main.stderr, main.stdout]).toEqual(["", expect.stringMatching(/^listening on http:/)]);
    expect(existsSync(`${app}/var/bk.db`)).toBe(true);
  }, 90_000);

  it("writes over nothing", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("README.md"), "mine");
    const { code, stderr } = await runHere(["init", ".", "--"], { cwd: folder.path });
    expect([code, stderr]).toEqual([1, expect.stringContaining("README.md is there already; nothing was written")]);
    expect(existsSync(folder.file("package.json"))).toBe(false);
    expect((await runHere(["init", folder.file("-x y")])).stderr).toContain("is no name for a package");
  });
});
