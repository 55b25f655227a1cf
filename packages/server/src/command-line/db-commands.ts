// The commands of the group `db`: rows and tables of the database itself, without a server.

import { type Command, Option } from "commander";

import { backupCommand, restoreCommand } from "../commands/backup.js";
import { listRows } from "../commands/config.js";
import { deleteRowsCommand, rowsCommand, scanCommand } from "../commands/db-rows.js";
import { dropTableCommand, tablesCommand } from "../commands/db-tables.js";
import { syncCommand } from "../commands/sync.js";
import { commonSettings, serveSettings } from "../settings/settings.js";
import { addCommand, type CommandLine } from "./describe.js";

const settings = { ...commonSettings, modules: serveSettings.modules };

/** Calls of the data API with what they do. Those that read give rows. */
const calls = {
  get: ["print the row of a key", "reads"],
  list: ["print the rows of some keys: _keys=a,b", "reads"],
  select: ["print a page of the rows that fit: name=value, name_$gt=value, _count, _start, _select, _sort, _ops, _scan", "reads"],
  search: ["print rows by the words in them: _q=words", "reads"],
  count: ["print how many rows fit", "reads"],
  aggregate: ["print sums and counts: _by=column _sum=column", "reads"],
  add: ["add a row", "writes"],
  put: ["add a row, or replace the one of its key", "writes"],
  update: ["change columns of the row of a key", "writes"],
  incr: ["add to numbers of the row of a key", "writes"],
  del: ["delete the row of a key", "writes"],
} as const;

const secure = (command: Command): Command => command.option("--secure", "secure columns too, as they are stored");

export function addDbCommands(line: CommandLine): void {
  const db = line.program
    .command("db")
    .description("rows and tables of the database itself, with the parameters of /data; whoever opens it may do everything");
  const add = (...[usage, about, work]: [string, string, Parameters<typeof addCommand>[5]]): Command =>
    addCommand(line, db, usage, about, settings, work);
  add("tables", "print the tables of the app, of its modules and of the server", tablesCommand);
  add("create-tables", "make what is missing of the tables of the app, as sync does", syncCommand);
  for (const [name, [about, kind]] of Object.entries(calls)) {
    const command = add(`${name} <table> [name=value...]`, about, rowsCommand(name as keyof typeof calls));
    if (kind === "reads") secure(command);
    if (["list", "select", "search"].includes(name))
      command
        .addOption(new Option("--format <format>", "default ndjson, a line for each row").choices(["json", "csv", "ndjson", "xml"]))
        .option("--separator <text>", "what is between the cells of CSV");
  }
  secure(add("scan <table> [name=value...]", "print every row that fits, a line of JSON each, as they are read", scanCommand));
  add("del-all <table> [name=value...]", "delete every row that fits", deleteRowsCommand).option("--yes", "do not ask");
  add("drop <table>", "drop a table with its rows", dropTableCommand).option("--yes", "do not ask");
  add("backup <folder>", "write tables into a folder, a file for each, a row a line; secure columns as they are stored", backupCommand)
    .option("--only <list>", "these tables; default: all but signatures that were used")
    .option("--skip <list>", "not these")
    .option("--filter <json>", 'rows that fit, such as {"city":"Rome"}')
    .option("--incremental", "add what has changed since the last time, by mtime; what was deleted meanwhile stays in the file")
    .option("--resume", "leave tables alone that are complete in the folder");
  add("restore <folder>", "read tables back that backup wrote; goes on where it was interrupted", restoreCommand)
    .option("--only <list>", "these tables; default: all in the folder")
    .option("--skip <list>", "not these")
    .addOption(
      new Option("--mode <mode>", "put replaces rows that are there, add leaves them alone").choices(["put", "add"]).default("put"),
    )
    .option("--map <column=field,…>", "where columns have other names in the files")
    .option("--drop", "drop the tables first")
    .option("--skip-bad", "go on behind a table with bad rows")
    .option("--restart", "begin at the first row, even if an earlier run was interrupted")
    .option("--yes", "do not ask");
  addCommand(line, db, "config", "print the rows of the table bk_config, as config rows does", commonSettings, listRows).option(
    "--for <type>",
    "those of one type; default: all that hold for this machine",
  );
}
