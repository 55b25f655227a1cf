// The command line before commander reads it: long options may have one dash (`-port 8080`), and pools are named in options.

import { allSettings, poolSetting } from "./settings.js";

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
];
const valued: ReadonlySet<string> = new Set([...allSettings.map((setting) => setting.name), ...commandOptions]);
const flags: ReadonlySet<string> = new Set(["help", "version", "scramble", "skip-bad", "restart", "secure", "curl"]);

/**
 * Writes arguments in commander's form. `-db-pg-pool url` becomes `--pool db-pg-pool=url`; the value of an option is never
 * taken for an option, even if it begins with a dash.
 */
export function normalizeArguments(args: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...result, ...args.slice(i)];
    const match = /^--?([a-z][a-z0-9_-]+)(?:=([^]*))?$/.exec(arg);
    const name = match?.[1];
    if (name === undefined || !(valued.has(name) || flags.has(name) || poolSetting.test(name))) {
      result.push(arg);
      continue;
    }
    if (flags.has(name)) {
      result.push(match![2] === undefined ? `--${name}` : arg);
      continue;
    }
    // With the equals sign, so that commander takes a value as it stands.
    const value = match![2] ?? args[++i];
    const option = poolSetting.test(name) ? `--pool=${name}=` : `--${name}=`;
    result.push(value === undefined ? option.replace(/=$/, "") : option + value);
  }
  return result;
}
