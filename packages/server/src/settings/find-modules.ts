// The modules of an app, as far as the names of files tell. Nothing of them is run.

import { type Dirent, existsSync, readdirSync } from "node:fs";
import { join, parse, relative, resolve } from "node:path";

import { isModuleName, nameRule } from "@bk/modules";

import type { Config } from "../config/config.js";
import { invalidSetting } from "../config/errors.js";
import { codeEndings } from "./import-file.js";
import { packageFolders } from "./package-folders.js";

/** A file that should be a module. */
export interface FoundModule {
  readonly name: string;
  readonly path: string;
  /** The file for people. */
  readonly shown: string;
  /** Why it cannot be one, behind the name of the file. */
  readonly problem?: string;
}

/** The names of modules, as far as their folders are there: commands that need none may run before the app is built. */
export function namesOfModules(config: Config): string[] {
  const there = foldersOf(config).filter((folder) => existsSync(folder));
  return there.flatMap((folder) => modulesIn(folder)).map(({ name }) => name);
}

/**
 * Looks for the modules of `modules-path` and those of `packages`: files, and folders with an `index`. What begins with `_` or `.` is none, nor are tests and declarations.
 *
 * @returns  by name; of two with one name both
 * @throws SettingsError for a folder that is given and cannot be read
 */
export function findModules(config: Config): FoundModule[] {
  return foldersOf(config)
    .flatMap((folder) => modulesIn(folder))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function foldersOf(config: Config): string[] {
  const home = resolve((config.get("home") as string | undefined) ?? ".");
  const given = config.get("modules-path" as "home") as unknown as readonly string[] | undefined;
  const folders = given?.map((folder) => resolve(folder)) ?? [join(home, "modules")].filter((folder) => existsSync(folder));
  return [...folders, ...packageFolders(config, "modules")];
}

function modulesIn(folder: string): FoundModule[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const next = code === "ENOENT" ? "; if it is made by a build, build first" : "";
    throw invalidSetting("modules-path", `modules-path: cannot read ${folder} (${code})${next}`, cause);
  }
  return entries.flatMap((entry) => {
    const path = fileOf(folder, entry);
    if (path === undefined) return [];
    const name = entry.isDirectory() ? entry.name : parse(entry.name).name;
    const problem = isModuleName(name) ? {} : { problem: `is named like no module: ${nameRule}. Begin the name with _ where it is none` };
    return [{ name, path, shown: shownPath(path), ...problem }];
  });
}

/** The file to load; undefined where it is no module. */
function fileOf(folder: string, entry: Dirent): string | undefined {
  const { name } = entry;
  if (/^[_.]/.test(name)) return undefined;
  const path = join(folder, name);
  // A link may be either.
  const index = codeEndings.map((ending) => join(path, `index${ending}`)).find((file) => existsSync(file));
  if (index !== undefined) return index;
  const isCode = codeEndings.includes(parse(name).ext) && !/\.(d|test|spec)\.m?[jt]s$/.test(name);
  return isCode && !entry.isDirectory() ? path : undefined;
}

/** From the current folder, where it is below that. */
function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
