import type * as fsModule from "node:fs";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";

import { expect, it, vi } from "vitest";

import { temporaryFolder } from "../../test/run-cli.js";
import { watchFolders } from "./watch-folders.js";

/** As for a user who may not read it: tests may run as root, who may read everything. */
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof fsModule>();
  const readdirSync = (path: string, options: never): unknown => {
    if (path.endsWith("/closed")) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
    return fs.readdirSync(path, options);
  };
  return { ...fs, readdirSync };
});

const soon = { timeout: 20_000 };

it("tells of sources in folders that are there, and in those that come, go and come again", async () => {
  using folder = temporaryFolder();
  for (const name of ["src/deep", "node_modules/a", ".git", "web"]) mkdirSync(folder.file(name), { recursive: true });
  const seen: string[] = [];
  const watching = watchFolders([folder.path], (file) => seen.push(relative(folder.path, file)), { except: [folder.file("web")] });
  const tellsOf = async (file: string): Promise<void> => {
    seen.length = 0;
    // Of files that nobody is to hear of, the first would be among them.
    for (const other of ["node_modules/a/index.js", ".git/a.js", "web/a.js", "notes.txt"]) writeFileSync(folder.file(other), "");
    writeFileSync(folder.file(file), String(Math.random()));
    await vi.waitFor(() => expect(seen).toEqual([file]), soon);
  };
  try {
    await tellsOf("a.ts");
    await tellsOf("src/deep/a.mjs");
    mkdirSync(folder.file("src/new/below"), { recursive: true });
    await tellsOf("src/new/below/a.json");
    rmSync(folder.file("src/new"), { recursive: true });
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(1), soon);
    mkdirSync(folder.file("src/new"));
    await tellsOf("src/new/a.cjs");
  } finally {
    watching.close();
  }
}, 90_000);

it("leaves folders alone that it may not read, and watches those beside them", async () => {
  using folder = temporaryFolder();
  for (const name of ["closed", "open"]) mkdirSync(folder.file(name));
  const seen: string[] = [];
  const watching = watchFolders([folder.path], (file) => seen.push(relative(folder.path, file)));
  mkdirSync(folder.file("open/closed"));
  writeFileSync(folder.file("open/a.ts"), "");
  await vi.waitFor(() => expect(seen).toEqual(["open/a.ts"]), soon);
  watching.close();
  expect(() => watchFolders([folder.file("closed")], () => undefined)).toThrow("(EACCES)");
});

it("names a folder that is not there", () => {
  expect(() => watchFolders(["/nowhere/at/all"], () => undefined)).toThrow("watch: cannot watch /nowhere/at/all (ENOENT)");
});
