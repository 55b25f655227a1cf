// The app that bk-server init begins compiles and passes its own tests, with the packages as they are built.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { runHere, startServerProcess, temporaryFolder } from "./run-cli.js";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BK_")));
/** As npm runs it. */
const create = fileURLToPath(new URL("../../create-bk-server/src/cli.js", import.meta.url));

describe("bk-server init", () => {
  it("is npm create bk-server, too", async () => {
    using folder = temporaryFolder();
    const created = spawnSync(process.execPath, [create, "shop"], { cwd: folder.path, encoding: "utf8", env });
    expect([created.stderr, created.status]).toEqual(["", 0]);
    mkdirSync(folder.file("ours"));
    await runHere(["init", folder.file("ours/shop")]);
    const filesOf = (name: string): Record<string, string> =>
      Object.fromEntries(
        readdirSync(folder.file(name), { recursive: true, encoding: "utf8", withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .map((path) => [relative(folder.file(name), path), readFileSync(path, "utf8")]),
      );
    expect(filesOf("shop")).toEqual(filesOf("ours/shop"));
    expect(Object.keys(filesOf("shop"))).toContain(join("src", "modules", "thanks.ts"));
    const without = spawnSync(process.execPath, [create], { cwd: folder.path, encoding: "utf8" });
    expect([without.status, without.stderr]).toEqual([2, expect.stringContaining("missing required argument 'folder'")]);
  });

  it.each([
    ["", "folder is empty"],
    ["My App", "no name for a package: letters from a to z"],
  ])("begins none that is called %j", async (name, message) => {
    using folder = temporaryFolder();
    const { code, stderr } = await runHere(["init", name], { cwd: folder.path });
    expect([code, stderr, readdirSync(folder.path)]).toEqual([1, expect.stringContaining(message), []]);
  });

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
    // What npm start and npm run dev run.
    for (const args of [[], ["dev", "--tables", "src/tables.ts", "--modules-path", "src/modules"]]) {
      await using server = await startServerProcess([...args, "--port", "0"], { cwd: app });
      expect((await fetch(`${server.url}/thanks/add`, { method: "POST" })).status).toBe(401);
      expect((await fetch(`${server.url}/data/list/note`, { method: "POST" })).status).toBe(401);
      expect((await server.stop()).code).toBe(0);
    }
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
