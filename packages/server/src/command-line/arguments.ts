// The command line before commander reads it: long options may have one dash (`-port 8080`), and settings stand among the options.

import type { Command } from "commander";

import { bool } from "../config/value-types.js";
import { isOldSetting } from "../settings/old-settings.js";
import { settingNames } from "../settings/settings.js";
import { didYouMean } from "../settings/similar-name.js";
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

/** It may be a setting of a module of the app, which nobody knows yet: none of ours, nor one that somebody mistyped. */
function isOfModule(name: string, options: ReadonlyMap<string, Kind>): boolean {
  return /^[a-z][a-z0-9_]*-/.test(name) && !options.has(name) && didYouMean(name, [...settingNames.all, ...options.keys()]) === "";
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
    const [, name, marks = "", given] = /^--?([a-z][\w-]+)((?:@[a-z][\w-]*){0,2})(?:=([^]*))?$/.exec(arg) ?? [];
    if (name === undefined) {
      const other = arg.replace(/^--?/, "");
      // The names of some have more in them, such as a URL.
      if (other !== arg && settingNames.find(other) !== undefined && i + 1 < args.length) result.push(`--set=${other}=${args[++i]!}`);
      else result.push(arg);
      continue;
    }
    const kind = marks === "" ? options.get(name) : undefined;
    const setting = settingNames.find(name);
    const isOther = setting === undefined && (isOldSetting(name) || isOfModule(name, options));
    if (setting === undefined && kind !== "value" && !isOther) {
      // What is unknown too: commander says what was meant.
      result.push(`--${name}${marks}${given === undefined ? "" : `=${given}`}`);
      continue;
    }
    const next = args[i + 1];
    const isFlag = setting?.parameter.type === bool ? bool.read(next) === undefined : isOther && (next === undefined || /^-\D/.test(next));
    const isAlone = isFlag && given === undefined;
    const value = isAlone ? "true" : (given ?? args[++i]);
    // With the equals sign, so that commander takes a value as it stands.
    const option = setting === undefined && !isOther ? `--${name}` : `--set=${name}${marks}`;
    result.push(value === undefined ? `--${name}` : `${option}=${value}`);
  }
  return result;
}
