// Configuration files: `name=value` lines, sections that hold for some processes alone, other files, variables, secrets in files.

import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { didYouMean } from "../settings/similar-name.js";
import { invalidSetting } from "./errors.js";
import { factNames, factOf, type Facts, isFact, roles } from "./facts.js";

/** A setting as some place gives it. */
export interface Given {
  readonly name: string;
  /** Undefined: taken back with `~`, so that the default holds. */
  readonly text: string | undefined;
  /** The role that it is for alone. */
  readonly role: string | undefined;
  /** Where it stands, for people. */
  readonly where: string;
}

export interface FileReading {
  readonly facts: Facts;
  /** Called with each file that is read, or would be if it were there. */
  readonly onFile: (path: string) => void;
  /** Reads the lines before the first section alone, and no other files: what facts are taken from. Default `false`. */
  readonly plain?: boolean;
}

const deepest = 8;

/**
 * Reads a file and those that it includes.
 *
 * @param shown  the file's name for people
 * @throws SettingsError for a file that cannot be read and a line that cannot be understood, naming both
 */
export function readConfigFile(
  path: string,
  shown: string,
  reading: FileReading,
  from: Including = { within: [], where: "config" },
): Given[] {
  const { within } = from;
  const text = readText(path, shown, reading, { field: "config", where: from.where });
  const given: Given[] = [];
  let holds = true;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const where = `${shown}, line ${i + 1}`;
    if (/^\s*([#;]|$)/.test(line)) continue;
    const section = /^\s*\[\s*(.*?)\s*\]\s*$/.exec(line)?.[1];
    if (section !== undefined) {
      if (reading.plain) break;
      holds = sectionHolds(section, where, reading.facts);
      continue;
    }
    const [, optional, other] = /^\s*include(-optional)?\s+(\S.*?)\s*$/.exec(line) ?? [];
    if (other !== undefined && !other.startsWith("=")) {
      if (holds && !reading.plain) given.push(...included(other, optional !== undefined, { path, where, within }, reading));
      continue;
    }
    const [, name, value] = /^\s*-{0,2}([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) throw invalidSetting("config", `${where}: is not name=value`);
    if (holds) given.push(readGiven(name, expanded(value!, where, reading.facts), where, dirname(path), reading));
  }
  return given;
}

interface Including {
  /** The line that includes it, for people. */
  readonly where: string;
  /** The files around it. */
  readonly within: readonly string[];
}

function included(
  written: string,
  isOptional: boolean,
  { path, where, within }: Including & { readonly path: string },
  reading: FileReading,
): Given[] {
  const name = written.replace(/@([\w.]+)@/g, (_all, fact: string) => {
    const value = isFact(fact) ? factOf(fact, reading.facts) : undefined;
    if (value === undefined && !isOptional) throw invalidSetting("config", `${where}: @${fact}@ is not known here`);
    // What comes from outside names a file, not a way to one.
    return (value ?? "").replace(/[^\w.-]/g, "_");
  });
  const other = resolve(dirname(path), name);
  if ([...within, path].includes(other)) throw invalidSetting("config", `${where}: ${name} includes itself`);
  if (within.length >= deepest) throw invalidSetting("config", `${where}: files are included more than ${deepest} deep`);
  if (isOptional && !isThere(other, reading)) return [];
  return readConfigFile(other, name, reading, { where, within: [...within, path] });
}

/** Whether there is something by that name, be it readable or not. One that is made later is noticed. */
export function isThere(path: string, { onFile }: FileReading): boolean {
  onFile(path);
  try {
    statSync(path);
    return true;
  } catch (error) {
    // Others are told when the file is read.
    return !["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code!);
  }
}

function readText(
  path: string,
  shown: string,
  { onFile }: FileReading,
  { field, where }: { readonly field: string; readonly where: string },
): string {
  onFile(path);
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw invalidSetting(field, `${where}: cannot read ${shown} (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

/** `[role=web,worker]`, `[tag!=test]`, `[env.STAGE=]` (none is given), `[global]`. */
function sectionHolds(section: string, where: string, facts: Facts): boolean {
  if (section === "global") return true;
  const [, name, not, list] = /^([\w.]+)\s*(!?)=\s*(.*)$/.exec(section) ?? [];
  if (name === undefined) throw invalidSetting("config", `${where}: a section is [name=value,…], [name!=value,…] or [global]`);
  if (!isFact(name)) {
    const meant = didYouMean(name, factNames) || `; there are ${factNames.join(", ")} and env.NAME`;
    throw invalidSetting("config", `${where}: no section is named ${JSON.stringify(name.slice(0, 60))}${meant}`);
  }
  const value = factOf(name, facts) ?? "";
  const isAmong = list === "" ? value === "" : list!.split(",").some((item) => item.trim() === value);
  return isAmong !== (not === "!");
}

/** `${NAME}` and `${NAME:-default}` become variables of the environment; `$${` is a plain `${`. */
function expanded(value: string, where: string, { environment }: Facts): string {
  return value.replace(/\$?\$\{([^}]*)\}/g, (all, inner: string) => {
    if (all.startsWith("$$")) return all.slice(1);
    const [, name, hasDefault, fallback] = /^(\w+)(:-)?([^]*)$/.exec(inner) ?? [];
    if (name === undefined || (hasDefault === undefined && fallback !== ""))
      throw invalidSetting("config", `${where}: a variable is \${NAME} or \${NAME:-default}`);
    const found = environment[name];
    if (found !== undefined && found !== "") return found;
    if (hasDefault === undefined) throw invalidSetting("config", `${where}: the environment has no ${name}`);
    return fallback!;
  });
}

/**
 * A name with its marks, and its value: `name@web` is for one role, `name@file` names a file that holds the value.
 *
 * @param folder  what the file's name is relative to
 */
export function readGiven(written: string, value: string, where: string, folder: string, reading: FileReading): Given {
  const [name = "", ...marks] = written.split("@");
  const [role, ...others] = marks.filter((mark) => mark !== "file");
  const isKnown = role === undefined || roles.some((known) => known === role);
  if (name === "" || marks.length > 2 || others.length > 0 || !isKnown)
    throw invalidSetting(
      "config",
      `${where}: ${JSON.stringify(written.slice(0, 60))} is no name; marks are @file and one of ${roles.map((known) => `@${known}`).join(", ")}`,
    );
  if (!marks.includes("file")) return { name, text: textOf(value), role, where };
  const text = readText(resolve(folder, value), value, reading, { field: name, where: `${where}: ${name}` }).replace(/\r?\n$/, "");
  return { name, text, role, where: `${where}, from ${value}` };
}

/** `~` and `<null>` take a setting back, `''` and `""` are the empty text, `\n` is a new line. */
function textOf(value: string): string | undefined {
  if (value === "~" || value === "<null>") return undefined;
  return value === "''" || value === '""' ? "" : value.replaceAll("\\n", "\n");
}
