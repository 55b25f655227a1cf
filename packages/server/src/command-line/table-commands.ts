// The commands about tables and their rows.

import { Option } from "commander";

import { exportCommand } from "../commands/export.js";
import { importCommand } from "../commands/import.js";
import { explainRulesCommand } from "../commands/rules.js";
import { syncCommand } from "../commands/sync.js";
import { commonSettings, serveSettings } from "../settings/settings.js";
import { addCommand, type CommandLine } from "./describe.js";

export function addTableCommands(line: CommandLine): void {
  const { program } = line;
  addCommand(
    line,
    program,
    "import <table> <file>",
    "read rows from a .json (a list), .ndjson or .csv file into a table",
    commonSettings,
    importCommand,
  )
    .option("--map <column=field,…>", "where columns have other names in the file; field= leaves a field out, as in lat=latitude,=comment")
    .addOption(
      new Option("--mode <mode>", "put replaces rows that are there, add leaves them alone").choices(["put", "add"]).default("put"),
    )
    .addOption(new Option("--format <format>", "default: by the file's ending").choices(["json", "ndjson", "csv"]))
    .option("--skip-bad", "write the good rows when others are bad; default: nothing is written then")
    .option("--restart", "begin at the first row, even if an earlier run was interrupted");
  addCommand(
    line,
    program,
    "export <table> <file>",
    "write the rows of a table to a .json, .ndjson or .csv file, or to standard output (-)",
    commonSettings,
    exportCommand,
  )
    .addOption(new Option("--format <format>", "default: by the file's ending, ndjson for -").choices(["json", "ndjson", "csv"]))
    .option("--columns <list>", "the columns to write; default: all but secure ones")
    .option("--secure", "write secure columns too");
  addCommand(line, program, "sync", "make what is missing of the tables, and print it; serving does that too", commonSettings, syncCommand)
    .option("--dry-run", "only print what would be made")
    .option(
      "--backfill [columns]",
      "give rows that are older than a column what an insert would; table.column,… names some. Shows how far it is",
    );

  const rules = program.command("rules").description("who may do what with the rows of a table");
  addCommand(
    line,
    rules,
    "explain <table>",
    "print the rules of a table, what they become for an account, and how the database serves it",
    { ...commonSettings, modules: serveSettings.modules },
    explainRulesCommand,
  ).option("--login <text>", "the account; default: nobody");
}
