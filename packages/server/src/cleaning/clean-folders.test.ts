import {
  closeSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLog } from "@bk/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { cleanFolders } from "./clean-folders.js";

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "bk-clean-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const hourMs = 3_600_000;
const old = new Date(Date.now() - 48 * hourMs);
const at = (...names: string[]): string => join(root, ...names);

function file(path: string, isOld = true): string {
  writeFileSync(path, "x");
  if (isOld) utimesSync(path, old, old);
  return path;
}

function folder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

function link(target: string, path: string): void {
  symlinkSync(target, path);
  lutimesSync(path, old, old);
}

const clean = (more: Partial<Parameters<typeof cleanFolders>[0]> = {}): Promise<number> =>
  cleanFolders({
    folders: ["tmp", "log"].map((name) => ({ path: at(name), ageMs: 24 * hourMs })),
    kept: [],
    systemFolder: folder(at("system")),
    log: silentLog,
    ...more,
  });

describe("cleaning folders", () => {
  it("removes what is old in each of them, also in folders within, and nothing else", async () => {
    for (const name of ["tmp", "log"]) {
      folder(at(name, "deep", "deeper"));
      folder(at(name, "mixed"));
      file(at(name, "old"));
      file(at(name, "new"), false);
      file(at(name, "deep", "deeper", "old"));
      file(at(name, "mixed", "new"), false);
      for (const each of ["deep/deeper", "deep", "mixed"]) utimesSync(at(name, each), old, old);
    }
    expect(await clean()).toBe(4);
    for (const name of ["tmp", "log"]) expect(readdirSync(at(name)).sort()).toEqual(["mixed", "new"]);
    expect(
      await clean({
        folders: [
          { path: at("none"), ageMs: 1 },
          { path: at("tmp"), ageMs: 0 },
        ],
      }),
    ).toBe(0);
  });

  it("follows no link: links that are old go, what they lead to stays", async () => {
    folder(at("tmp"));
    folder(at("elsewhere"));
    const precious = file(at("elsewhere", "precious"));
    link(at("elsewhere"), at("tmp", "to-folder"));
    link(precious, at("tmp", "to-file"));
    link(at("nowhere"), at("tmp", "to-nothing"));
    symlinkSync(at("elsewhere"), at("log"));
    expect(await clean()).toBe(3);
    expect(readdirSync(at("tmp"))).toEqual([]);
    expect(existsSync(precious)).toBe(true);
  });

  it("spares logs that are written, and files that are open", async () => {
    folder(at("log"));
    for (const name of ["message.log", "error.log", "access.log", "rotated.1"]) file(at("log", name));
    const open = file(at("log", "open"));
    const descriptor = openSync(open, "a");
    try {
      await clean({ kept: [at("log", "access.log")] });
      const left = ["access.log", "error.log", "message.log"];
      expect(readdirSync(at("log")).sort()).toEqual(existsSync("/proc/self/fd") ? [...left, "open"] : left);
    } finally {
      closeSync(descriptor);
    }
  });

  it("removes what a killed process has left of forms", async () => {
    const left = folder(at("system", "bk-pico-aB3xyZ"));
    file(join(left, "0"));
    utimesSync(left, old, old);
    const running = folder(at("system", "bk-pico-aB3xyQ"));
    file(join(running, "0"), false);
    const other = folder(at("system", "bk-pico-something-else"));
    utimesSync(other, old, old);
    link(at("system"), at("system", "bk-pico-aB3xyL"));
    expect(await clean()).toBe(1);
    expect(readdirSync(at("system")).sort()).toEqual(["bk-pico-aB3xyL", "bk-pico-aB3xyQ", "bk-pico-something-else"]);
  });
});
