// The command line before commander reads it: long options may have one dash (`-port 8080`), and pools are named in options.

import { bool } from "../config/value-types.js";
import { settingNames } from "./settings.js";

/** Options with a value, beside the settings. */
const commandOptions = [
  "login",
  "secret",
  "name",
  "email",
  "type",
  "map",
  "mode",
  "format",
  "columns",
  "body",
  "content-type",
  "url",
  "keyid",
  "public-key",
  "scopes",
  "ends",
  "for",
  "for-version",
  "from",
  "until",
  "with",
  "eval",
];
const valued: ReadonlySet<string> = new Set(commandOptions);
const flags: ReadonlySet<string> = new Set(["help", "version", "scramble", "skip-bad", "restart", "secure", "curl", "json", "encrypt"]);

/**
 * Writes arguments in commander's form. Settings become `--set name=value`, with their marks (`--master-key@file=path`); the value of an
 * option is never taken for an option, even if it begins with a dash. A setting that is true or false may stand alone.
 */
export function normalizeArguments(args: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...result, ...args.slice(i)];
    const [, name, marks = "", given] = /^--?([a-z][a-z0-9_-]+)((?:@[a-z][\w-]*){0,2})(?:=([^]*))?$/.exec(arg) ?? [];
    const setting = name === undefined ? undefined : settingNames.find(name);
    if (name !== undefined && setting === undefined && marks === "" && flags.has(name)) {
      result.push(given === undefined ? `--${name}` : arg);
    } else if (name === undefined || !(setting !== undefined || (valued.has(name) && marks === ""))) {
      result.push(arg);
    } else {
      const isAlone = setting?.parameter.type === bool && given === undefined && bool.read(args[i + 1]) === undefined;
      const value = isAlone ? "true" : (given ?? args[++i]);
      // With the equals sign, so that commander takes a value as it stands.
      const option = setting === undefined ? `--${name}` : `--set=${name}${marks}`;
      result.push(value === undefined ? `--${name}` : `${option}=${value}`);
    }
  }
  return result;
}
