// `bk-server info`, `env`, `show-args`: what a command knows of where it runs.

import { hostname, networkInterfaces } from "node:os";

import { redactUrl } from "@bk/core";

import { settingOf } from "../config/variables.js";
import type { Configuration } from "../settings/configuration.js";
import { settingNames } from "../settings/settings.js";
import { version } from "../version.js";
import { modulesOf } from "./announce.js";
import { databaseName } from "./open-database.js";
import { type JsonOption, print, printJson, tell } from "./output.js";

/** Prints what runs here, and for whom. */
export function infoCommand(configuration: Configuration, { json = false }: JsonOption): void {
  const { config, home, tables } = configuration;
  const info = {
    app: config.get("app-name"),
    version,
    node: process.versions.node,
    mode: config.get("run-mode"),
    tag: config.get("instance-tag") ?? null,
    region: config.get("instance-region") ?? null,
    zone: config.get("instance-zone") ?? null,
    host: hostname(),
    addresses: Object.values(networkInterfaces()).flatMap((list = []) => list.flatMap((own) => (own.internal ? [] : [own.address]))),
    home,
    database: databaseName(configuration),
    tables: tables ?? null,
    modules: modulesOf(configuration),
  };
  if (json) return printJson(info);
  for (const [name, value] of Object.entries(info))
    print(`${name.padEnd(10)} ${typeof value === "string" ? value : value?.join(", ") || "none"}`);
}

/** Prints the variables of the environment that begin with BK, and the setting of each. */
export function envCommand(_configuration: Configuration, options: JsonOption): void {
  for (const [variable, value = ""] of Object.entries(process.env)) {
    if (!/^BK(JS)?_/.test(variable)) continue;
    const setting = settingOf(variable, settingNames);
    const found = setting === undefined ? undefined : settingNames.find(setting.replace("@file", ""));
    // What is no setting may be anything; a file's name is no secret.
    const isSecret = found === undefined || (found.parameter.secret === true && !setting!.endsWith("@file"));
    const shown = isSecret ? "***" : redactUrl(value);
    tell(options, { variable, value: shown, setting: setting ?? null }, `${variable}=${shown}   ${setting ?? "(no setting)"}`);
  }
}

/** Prints the arguments behind the command as they were understood: words, and the settings among the options. */
export function argsCommand({ config }: Configuration, options: JsonOption, words: readonly string[]): void {
  const settings = Object.fromEntries(
    config.list().flatMap(({ name, text, said }) => (said[0]?.layer === "command line" ? [[name, text] as const] : [])),
  );
  tell(
    options,
    { words, settings },
    ...words.map((word, i) => `${i + 1}: ${word}`),
    ...Object.entries(settings).map(([name, text]) => `${name} = ${text}`),
  );
}
