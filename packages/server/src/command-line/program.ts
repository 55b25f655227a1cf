// All commands of bk-server.

import { Command } from "commander";

import { version } from "../version.js";
import { addAccountCommands } from "./account-commands.js";
import { addAppCommands } from "./app-commands.js";
import { addConfigCommands } from "./config-commands.js";
import { addDbCommands } from "./db-commands.js";
import type { CommandLine } from "./describe.js";
import { addServeCommands } from "./serve-commands.js";
import { addTableCommands } from "./table-commands.js";

/** @param exit  told of the code that the process ends with, where it is not 0 */
export function buildProgram(exit: CommandLine["exit"] = () => undefined): Command {
  const program = new Command("bk-server")
    .description("Serves the tables of a database over HTTP to clients that sign their requests.")
    .version(version)
    .allowExcessArguments(false)
    .enablePositionalOptions()
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
  for (const { command } of allCommands(program)) command.exitOverride().showHelpAfterError("(--help lists the options)");
  return program;
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
