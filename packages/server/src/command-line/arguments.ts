// The command line before commander reads it: long options may have one dash (`-port 8080`), and settings stand among the options.

import type { Command } from "commander";

import { bool } from "../config/value-types.js";
import { settingNames } from "../settings/settings.js";
import { allCommands, ownOptions } from "./program.js";

type Kind = "value" | "flag" | "optional";

/** The options of all commands, beside the settings. */
function optionsOf(program: Command): ReadonlyMap<string, Kind> {
  const options = allCommands(program).flatMap(({ command }) => ownOptions(command));
  return new Map([
    ["help", "flag"],
    ...options.map((option): [string, Kind] => [option.long!.slice(2), option.required ? "value" : option.optional ? "optional" : "flag"]),
  ]);
}

/**
 * Writes arguments in commander's form. Settings become `--set name=value`, with their marks (`--master-key@file=path`); the value of an
 * option is never taken for an option, even if it begins with a dash. A setting that is true or false may stand alone.
 */
export function normalizeArguments(args: readonly string[], program: Command): string[] {
  const options = optionsOf(program);
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...result, ...args.slice(i)];
    const [, name, marks = "", given] = /^--?([a-z][a-z0-9_-]+)((?:@[a-z][\w-]*){0,2})(?:=([^]*))?$/.exec(arg) ?? [];
    if (name === undefined) {
      result.push(arg);
      continue;
    }
    const kind = marks === "" ? options.get(name) : undefined;
    const setting = settingNames.find(name);
    if (setting === undefined && kind !== "value") {
      // What is unknown too: commander says what was meant.
      result.push(`--${name}${marks}${given === undefined ? "" : `=${given}`}`);
      continue;
    }
    const isAlone = setting?.parameter.type === bool && given === undefined && bool.read(args[i + 1]) === undefined;
    const value = isAlone ? "true" : (given ?? args[++i]);
    // With the equals sign, so that commander takes a value as it stands.
    const option = setting === undefined ? `--${name}` : `--set=${name}${marks}`;
    result.push(value === undefined ? `--${name}` : `${option}=${value}`);
  }
  return result;
}
