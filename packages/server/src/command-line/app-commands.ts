// The commands for whoever makes an app.

import { Option } from "commander";

import { bundleCommand } from "../commands/bundle.js";
import { genCommand, generated } from "../commands/gen.js";
import { initCommand } from "../commands/init.js";
import { extractLocalesCommand } from "../commands/locales.js";
import { requestCommand } from "../commands/request.js";
import { shellCommand } from "../commands/shell.js";
import { commonSettings, placeSettings } from "../settings/settings.js";
import { addCommand, type CommandLine } from "./describe.js";

export function addAppCommands(line: CommandLine): void {
  const { program } = line;
  addCommand(
    line,
    program,
    "request <words...>",
    "sign a request as an account of the database, send it to the running server, and print the reply",
    { ...placeSettings, ...commonSettings },
    requestCommand,
  )
    .alias("fetch")
    .usage("[method] <path> [name=value...] [options]")
    .option("--login <text>", "who signs; default: nobody")
    .option("--id <text>", "the id of who signs, in place of the login")
    .option(
      "--secret <text>",
      "the key to sign with; - asks for it, or reads it from standard input; default: that of the account in the database",
    )
    .option("--body <text>", "what to send: text, @file, or - for standard input; the method is then POST unless given")
    .option("--content-type <type>", "of the body; default application/json")
    .addOption(
      new Option("--header <line>", "a header to send, such as 'accept-language: de'; several times").argParser(
        (text: string, before: string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option("--select <list>", "fields of the reply, or of its rows, to print as JSON; default: the reply as it is")
    .option("--url <url>", "where the server is; default: this machine, at the configured port")
    .option("--curl", "print the command for curl in place of sending");
  addCommand(
    line,
    program,
    "bundle <entry...>",
    "bundle scripts and styles of pages, with hashes in their names and packed files beside them; needs esbuild",
    {},
    bundleCommand,
  )
    .option("--out <folder>", "where the files go", "web")
    .option("--dev", "leave them readable");
  const locales = program.command("locales").description("what the server says in other languages");
  addCommand(
    line,
    locales,
    "extract <path...>",
    'add the phrases of sources, which stand in phrase("…") and __("…"), to a file for a language; translations in it stay',
    {},
    extractLocalesCommand,
  )
    .requiredOption("--lang <tag>", "the language, such as es or pt-BR")
    .option("--dir <folder>", "where the file is", "locales");
  addCommand(line, program, "shell", "JavaScript at hand, with the database open", commonSettings, shellCommand).option(
    "--eval <code>",
    "runs this in place of asking, and prints its value",
  );
  addCommand(line, program, "init <folder>", "begin an app in TypeScript: a table, a module, tests, a file for CI", {}, initCommand);
  addCommand(
    line,
    program,
    "gen <kind>",
    `print a file for those who run it: ${generated.join(", ")}`,
    { ...placeSettings, ...commonSettings },
    genCommand,
  ).option("--with <list>", "services beside it, for compose: postgres, mysql, redis, nats");
}
