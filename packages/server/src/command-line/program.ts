// All commands of bk-server.

import { Command, type Option } from "commander";

import { type JsonOption, printJson } from "../commands/output.js";
import { didYouMean } from "../settings/similar-name.js";
import { version } from "../version.js";
import { addAccountCommands } from "./account-commands.js";
import { addAppCommands } from "./app-commands.js";
import { addConfigCommands } from "./config-commands.js";
import { addDbCommands } from "./db-commands.js";
import { type CommandLine, SettingOption, withSettings } from "./describe.js";
import { addServeCommands } from "./serve-commands.js";
import { addTableCommands } from "./table-commands.js";

/** @param exit  told of the code that the process ends with, where it is not 0 */
export function buildProgram(exit: CommandLine["exit"] = () => undefined): Command {
  const program = new Command("bk-server")
    .description("Serves the tables of a database over HTTP to clients that sign their requests.")
    .version(version)
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nSettings come from options (one dash works too: -port 8080), from BK_… variables (BK_PORT), and from etc/config in the home folder.",
    );
  const line: CommandLine = { program, exit };
  addServeCommands(line);
  addAccountCommands(line);
  addTableCommands(line);
  addDbCommands(line);
  addAppCommands(line);
  addConfigCommands(line);
  addHelpCommand(program);
  for (const { command } of allCommands(program)) command.exitOverride().showHelpAfterError("(--help lists the options)");
  return program;
}

/** `bk-server help account add`, which needs no configuration. */
function addHelpCommand(program: Command): void {
  withSettings(program.command("help [words...]").description("print what a command does, and its options"), {})
    .option("--json", "print JSON, a line for each command")
    .action((words: readonly string[], { json = false }: JsonOption) => {
      const name = words.join(" ");
      const found = allCommands(program).filter((each) => name === "" || each.name === name || each.name.startsWith(`${name} `));
      const [first] = found;
      if (first === undefined)
        program.error(
          `error: unknown command '${name}'${didYouMean(
            name,
            allCommands(program).map((each) => each.name),
          )}`,
        );
      if (!json) process.stdout.write(first.command.helpInformation());
      else for (const each of found) printJson(described(each));
    });
}

function described({ name, command }: NamedCommand): object {
  const options = ownOptions(command).map(({ flags, description }) => ({ flags, description }));
  return { name, usage: command.usage(), description: command.description(), aliases: command.aliases(), options };
}

/** The options that are no settings. */
export function ownOptions(command: Command): readonly Option[] {
  return command.options.filter((option) => !(option instanceof SettingOption) && !option.hidden);
}

export interface NamedCommand {
  /** Its words, such as `account add`; empty for bk-server alone. */
  readonly name: string;
  readonly command: Command;
}

/** A program and its commands, groups among them, in their order. */
export function allCommands(program: Command, name = ""): NamedCommand[] {
  return [
    { name, command: program },
    ...program.commands.flatMap((command) => allCommands(command, name === "" ? command.name() : `${name} ${command.name()}`)),
  ];
}
