// The commands for whoever makes an app.

import { type Command, Option } from "commander";

import { bundleCommand } from "../commands/bundle.js";
import { genCommand, generated } from "../commands/gen.js";
import { argsCommand, envCommand, infoCommand } from "../commands/info.js";
import { initCommand } from "../commands/init.js";
import { listJobsCommand, runJobCommand, submitJobCommand } from "../commands/job.js";
import { extractLocalesCommand } from "../commands/locales.js";
import { putLocationCommand } from "../commands/location.js";
import { listModules } from "../commands/modules.js";
import { requestCommand } from "../commands/request.js";
import { runCommand } from "../commands/run.js";
import { shellCommand } from "../commands/shell.js";
import { allSettings, commonSettings, placeSettings, serveSettings } from "../settings/settings.js";
import { addCommand, type CommandLine } from "./describe.js";

/** What jobs need beside the database; those of modules may use what a server lends these. */
const { jobs, queue, cache, bus, modules } = serveSettings;
const jobSettings = { ...commonSettings, modules, jobs, queue, "queue-name": serveSettings["queue-name"], cache, bus };

const withInput = (command: Command): Command => command.option("--input <json>", "the input of the job; default: the words, or none");

export function addAppCommands(line: CommandLine): void {
  const { program } = line;
  addCommand(
    line,
    program,
    "run [file] [args...]",
    "run a script that exports run({ db, config, tables, args }), or such a function as its default; without a file serve",
    allSettings,
    runCommand,
  );
  const job = program
    .command("job")
    .description("jobs of the app: of the file of the setting jobs, and of its modules, in the queues of the setting queue");
  for (const [group, name] of [
    [job, "submit"],
    [program, "submit-job"],
  ] as const)
    withInput(
      addCommand(
        line,
        group,
        `${name} <name> [name=value...]`,
        "put a job into the queue, and print its id",
        jobSettings,
        submitJobCommand,
      ),
    )
      .option("--delay <ms>", "how long it waits")
      .option("--tag <text>", "a tag to cancel it by")
      .option("--key <text>", "while a job of this key waits or runs, another one is not added");
  addCommand(line, job, "list", "print what waits and runs, and the jobs that gave up", jobSettings, listJobsCommand);
  withInput(addCommand(line, job, "run <name> [name=value...]", "run a job here, and end when it has ended", jobSettings, runJobCommand));
  const location = program.command("location").description("where accounts are");
  addCommand(
    line,
    location,
    "put <name=value...>",
    "say where an account is: latitude=1.5 longitude=2.5",
    { ...commonSettings, modules },
    putLocationCommand,
  )
    .option("--login <text>", "its login")
    .option("--id <text>", "its id, in place of the login");
  addCommand(
    line,
    program,
    "info",
    "print what runs here: versions, mode, addresses, database",
    { ...commonSettings, modules },
    infoCommand,
  );
  addCommand(line, program, "env", "print the variables of the environment that are settings", commonSettings, envCommand);
  addCommand(line, program, "show-args [words...]", "print the arguments as they are understood", allSettings, argsCommand);
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
  const features = program.command("modules").description("features of the server: those of @bk/modules, and those of the app");
  addCommand(
    line,
    features,
    "list",
    "print which ones a server has, and why; ends with 1 where it would not start",
    { ...commonSettings, modules, role: serveSettings.role },
    listModules,
  );
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
