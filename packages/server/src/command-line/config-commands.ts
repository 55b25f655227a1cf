// The commands about settings.

import { checkSettings, deleteRow, explainSetting, listRows, listSettings, setRow } from "../commands/config.js";
import { commonSettings } from "../settings/settings.js";
import { addCommand, type CommandLine } from "./describe.js";

export function addConfigCommands(line: CommandLine): void {
  const config = line.program.command("config").description("settings: where they come from, and the table bk_config");
  addCommand(line, config, "list", "print every setting and what holds", commonSettings, listSettings);
  addCommand(
    line,
    config,
    "explain <name>",
    "print what each place says of a setting, the strongest first",
    commonSettings,
    explainSetting,
  );
  addCommand(
    line,
    config,
    "check",
    "read all settings, and print what is wrong; ends with 2 where something is",
    commonSettings,
    checkSettings,
  );
  addCommand(line, config, "rows", "print the rows of the table bk_config, a line of JSON each", commonSettings, listRows).option(
    "--for <type>",
    "those of one type; default: all that hold for this machine",
  );
  addCommand(
    line,
    config,
    "set <name> <value>",
    "write a row of the table bk_config; - reads the value from standard input",
    commonSettings,
    setRow,
  )
    .option("--for <type>", "whom it is for: all, a run mode, an app, or such with a tag, role or place: production-web", "all")
    .option("--encrypt", "keep the value encrypted by the master key")
    .option("--for-version <conditions>", "versions of the app that it is for, such as >=1.2,<2")
    .option("--from <date>", "since when it holds")
    .option("--until <date>", "until when it holds");
  addCommand(line, config, "del <name>", "delete a row of the table bk_config", commonSettings, deleteRow).option(
    "--for <type>",
    "whom it is for",
    "all",
  );
}
