// `bk-server init`: the beginning of an app in TypeScript, with a table, a module, tests and a file for CI.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { BkError } from "@bk/core";

import type { Configuration } from "../settings/configuration.js";
import { initFiles } from "./init-files.js";
import { type JsonOption, tell } from "./output.js";

/** Writes the files of a new app, none over one that is there. */
export function initCommand(_configuration: Configuration, { json }: JsonOption, folder: string): void {
  if (folder === "") throw new BkError("invalid", "folder is empty; . is this one", { detail: { field: "folder" } });
  const path = resolve(folder);
  const name = basename(path).toLowerCase();
  if (!/^[a-z0-9][\w.-]{0,200}$/.test(name))
    throw new BkError(
      "invalid",
      `${JSON.stringify(name)} is no name for a package: letters from a to z, digits, - . and _, with a letter or digit first`,
      {
        detail: { field: "folder" },
      },
    );
  const files = Object.entries(initFiles(name));
  const there = files.find(([file]) => existsSync(join(path, file)));
  if (there !== undefined)
    throw new BkError("already-exists", `${join(folder, there[0])} is there already; nothing was written`, { detail: { field: "folder" } });
  for (const [file, text] of files) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text, { flag: "wx" });
  }
  const written = files.map(([file]) => join(folder, file));
  tell({ json }, { written }, ...written.map((file) => `  ${file}`), `Next: cd ${folder}, npm install, npm test, npm start`);
}
