// `bk-server config …`: what settings hold and why, and the rows that a fleet shares.

import { text } from "node:stream/consumers";

import { BkError, plainText, redactUrl } from "@bk/core";

import { configTypes } from "../config/db-layer.js";
import { invalidSetting } from "../config/errors.js";
import type { Configuration } from "../settings/configuration.js";
import { readTls } from "../settings/read-tls.js";
import { loadModules } from "../settings/load-modules.js";
import { type JsonOption, print, printJson, tell } from "./output.js";
import { openRows } from "../settings/read-settings.js";
import { didYouMean } from "../settings/similar-name.js";

/** The settings with those of the app's modules. A module that cannot be loaded is told of: what is said of its settings is not checked. */
async function described(configuration: Configuration): Promise<Configuration["config"]> {
  const { failure } = await loadModules(configuration);
  if (failure !== undefined) process.stderr.write(`bk-server: ${plainText(failure.message)}\n`);
  return configuration.config;
}

export async function listSettings(configuration: Configuration, { json = false }: JsonOption): Promise<void> {
  const config = await described(configuration);
  for (const { name, text: value, said } of config.list()) {
    const from = said[0]?.where;
    if (json) printJson({ name, value, from });
    else
      print(value === undefined ? name : `${name} = ${plainText(value)}${from === undefined || from === "default" ? "" : `   (${from})`}`);
  }
}

export async function explainSetting(configuration: Configuration, { json = false }: JsonOption, name: string): Promise<void> {
  const config = await described(configuration);
  const explained = config.explain(name);
  if (explained === undefined) throw unknownSetting(name, config);
  if (json) return printJson(explained);
  print(`${explained.name} = ${plainText(explained.text ?? "(none)")}`);
  print(`  ${explained.help}`);
  print(`  ${explained.live ? "a change is used at once" : "a change is used after a restart"}`);
  for (const [i, { layer, where, text: value }] of explained.said.entries())
    print(`  ${i === 0 ? "→" : " "} ${layer.padEnd(12)} ${plainText(value)}${layer === where ? "" : `   (${where})`}`);
}

/** What is wrong was thrown when the settings were read, but for files that they name; what has no effect is told. */
export async function checkSettings(configuration: Configuration, options: JsonOption): Promise<void> {
  const config = await described(configuration);
  if (configuration.places[0]!.isTls) {
    const { warning } = readTls(config);
    if (warning !== undefined) throw invalidSetting("tls-cert", warning);
  }
  if (config.warnings.length > 0) throw invalidSetting("config", `${config.warnings.length} of the settings have no effect as they are`);
  tell(options, { warnings: [] }, "the settings are fine");
}

export interface RowOptions extends JsonOption {
  readonly for?: string;
  readonly encrypt?: boolean;
  readonly forVersion?: string;
  readonly from?: string;
  readonly until?: string;
}

export async function setRow(configuration: Configuration, options: RowOptions, name: string, given: string): Promise<void> {
  const config = await described(configuration);
  const found = config.find(name);
  if (found === undefined) throw unknownSetting(name, config);
  const value = given === "-" ? (await text(process.stdin)).replace(/\r?\n$/, "") : given;
  const { early = false, type, secret = false } = found.parameter;
  if (early) throw invalidSetting(name, `${name} decides where settings are looked for; the table cannot hold it`);
  if (value !== "~" && type.read(value) === undefined) throw invalidSetting(name, `${name} must be ${type.mustBe}`);
  if (secret && options.encrypt !== true) throw invalidSetting(name, `${name} is a secret; give --encrypt`);
  await withRows(configuration, async (rows) => {
    const row = {
      type: options.for ?? "all",
      name: found.name,
      value,
      status: "ok",
      version: options.forVersion ?? null,
      stime: dateOf("from", options.from),
      etime: dateOf("until", options.until),
    };
    await rows.put(row, options.encrypt ?? false);
    if (options.json) printJson({ name: row.name, type: row.type });
  });
}

export async function deleteRow(
  configuration: Configuration,
  { for: type = "all", json = false }: RowOptions,
  name: string,
): Promise<void> {
  await withRows(configuration, async (rows) => {
    if (!(await rows.del(type, name)))
      throw new BkError("not-found", `bk_config has no row ${JSON.stringify(name)} for ${JSON.stringify(type)}`);
    if (json) printJson({ name, type });
  });
}

export async function listRows(configuration: Configuration, { for: type }: RowOptions): Promise<void> {
  const config = await described(configuration);
  const own = {
    mode: config.get("run-mode"),
    app: config.get("app-name"),
    tag: config.get("instance-tag"),
    region: config.get("instance-region"),
    zone: config.get("instance-zone"),
  };
  const types = type === undefined ? configTypes({ role: "server", own }) : [type];
  await withRows(configuration, async (rows) => {
    for (const each of types)
      for (const { value, ...row } of await rows.list(each)) {
        const isHidden = value?.startsWith("enc:") || config.find(row.name)?.parameter.secret;
        printJson({ ...row, value: isHidden || value === null ? "***" : redactUrl(value) });
      }
  });
}

async function withRows(
  configuration: Configuration,
  work: (rows: Awaited<ReturnType<typeof openRows>>["rows"]) => Promise<void>,
): Promise<void> {
  const { rows, close } = await openRows(configuration);
  try {
    await work(rows);
  } finally {
    await close();
  }
}

function dateOf(option: string, given: string | undefined): Date | null {
  if (given === undefined) return null;
  const date = new Date(given);
  if (Number.isNaN(date.getTime())) throw invalidSetting(option, `--${option} must be a date such as 2030-01-31 or 2030-01-31T12:00:00Z`);
  return date;
}

function unknownSetting(name: string, config: Configuration["config"]): BkError {
  const known = config.list().map((each) => each.name);
  return invalidSetting(name, `there is no setting ${JSON.stringify(name.slice(0, 60))}${didYouMean(name, known)}`);
}
