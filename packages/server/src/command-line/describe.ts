// How commands are described: their settings among their options, and what they do with the configuration.

import type { Definitions } from "@bk/core";
import { type Command, Option } from "commander";

import { shownDefault } from "../config/layers.js";
import type { Configuration } from "../settings/configuration.js";
import { readSettings } from "../settings/read-settings.js";

/** The command line that commands are added to. */
export interface CommandLine {
  readonly program: Command;
  /** The code that the process ends with. Default 0. */
  exit(code: number): void;
}

/** Puts settings among the options of a command. */
export function withSettings(command: Command, settings: Definitions): Command {
  for (const [name, parameter] of Object.entries(settings)) {
    const usual = shownDefault(parameter);
    const help = usual === undefined || usual === "" ? parameter.help : `${parameter.help}; default: ${usual}`;
    command.addOption(new SettingOption(`--${name.replace("*", "<name>")} <${parameter.value ?? "value"}>`, help));
  }
  const set = new Option("--set <setting>", "what the settings among the options become").hideHelp();
  return command.addOption(set.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]));
}

/** An option that is a setting: the reference has a page of its own for these. */
export class SettingOption extends Option {}

/** What a command does with its options and words. A number is the code that the process ends with. */
export type Work = (configuration: Configuration, options: never, ...words: never[]) => unknown;

/**
 * Adds a command, which takes `--json` beside its own options.
 *
 * @param settings  those that it uses
 */
export function addCommand(line: CommandLine, group: Command, usage: string, about: string, settings: Definitions, work: Work): Command {
  const command = withSettings(group.command(usage).description(about), settings).option("--json", "print JSON, a line for each thing");
  return runs(line, command, work);
}

/** Has a command do its work, with the configuration of the settings among its options. @param fixed  what these become */
export function runs(line: CommandLine, command: Command, work: Work, fixed: Readonly<Record<string, string>> = {}): Command {
  return command.action(async (...given: unknown[]) => {
    // Commander's arguments: the words, the options, the command.
    const { set: _set, ...options } = given.at(-2) as Record<string, unknown>;
    const code = await configured(command, fixed, (configuration) =>
      work(configuration, options as never, ...(given.slice(0, -2) as never[])),
    );
    if (typeof code === "number") line.exit(code);
  });
}

async function configured(
  command: Command,
  fixed: Readonly<Record<string, string>>,
  work: (configuration: Configuration) => unknown,
): Promise<unknown> {
  const configuration = await readSettings({ ...settingsOf(command), ...fixed }, process.env);
  try {
    for (const warning of configuration.config.warnings) process.stderr.write(`bk-server: ${warning}\n`);
    return await work(configuration);
  } finally {
    await configuration.config.close();
  }
}

/** Those before the command's name and those behind it; the latter win. */
function settingsOf(command: Command): Record<string, string> {
  const own = ((command.opts()["set"] as string[] | undefined) ?? []).map((text): [string, string] => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return { ...(command.parent === null ? {} : settingsOf(command.parent)), ...Object.fromEntries(own) };
}
