// The command line of bk-server: commands, their options, and what each does.

import { BkError, plainText } from "@bk/core";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

import { SettingsError } from "./config/errors.js";
import type { Definitions } from "./config/define-config.js";
import { shownDefault } from "./config/layers.js";
import { addCommand, type AccountOptions, deleteCommand, listCommand } from "./commands/account.js";
import { checkSettings, deleteRow, explainSetting, listRows, listSettings, type RowOptions, setRow } from "./commands/config.js";
import { fleetOrder, reloadCommand, restartCommand, statusCommand, stopCommand } from "./commands/control.js";
import { exportCommand, type ExportOptions } from "./commands/export.js";
import { genCommand, generated } from "./commands/gen.js";
import { initCommand } from "./commands/init.js";
import { importCommand, type ImportOptions } from "./commands/import.js";
import { addKeyCommand, type KeyOptions, listKeysCommand, revokeKeyCommand } from "./commands/key.js";
import { bundleCommand, type BundleOptions } from "./commands/bundle.js";
import { extractLocalesCommand, type ExtractOptions } from "./commands/locales.js";
import { requestCommand, type RequestOptions } from "./commands/request.js";
import { explainRulesCommand, type ExplainOptions } from "./commands/rules.js";
import { serve } from "./commands/serve.js";
import { shellCommand, type ShellOptions } from "./commands/shell.js";
import { syncCommand, type SyncOptions } from "./commands/sync.js";
import { normalizeArguments } from "./settings/arguments.js";
import type { Configuration } from "./settings/configuration.js";
import { readSettings } from "./settings/read-settings.js";
import { commonSettings, placeSettings, serveSettings } from "./settings/settings.js";
import { version } from "./version.js";

type Options = Readonly<Record<string, unknown>>;

function withSettings(command: Command, settings: Definitions): Command {
  for (const [name, parameter] of Object.entries(settings)) {
    const usual = shownDefault(parameter);
    const help = usual === undefined || usual === "" ? parameter.help : `${parameter.help}; default: ${usual}`;
    command.addOption(new Option(`--${name.replace("*", "<name>")} <${parameter.value ?? "value"}>`, help));
  }
  const set = new Option("--set <setting>", "what the settings among the options become").hideHelp();
  return command.addOption(set.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]));
}

/** Runs a command with the configuration, the settings among its options included. */
async function configured(command: Command, work: (configuration: Configuration) => Promise<unknown>): Promise<void> {
  const given: Record<string, string> = {};
  for (const text of (command.optsWithGlobals<Options>()["set"] as string[] | undefined) ?? [])
    given[text.slice(0, text.indexOf("="))] = text.slice(text.indexOf("=") + 1);
  const configuration = await readSettings(given, process.env);
  try {
    for (const warning of configuration.config.warnings) process.stderr.write(`bk-server: ${warning}\n`);
    await work(configuration);
  } finally {
    await configuration.config.close();
  }
}

/** The roles that bk-server knows. Apps that have others make their accounts with `addAccount`. */
function accountType(text: string): string {
  const unknown = text.split(",").find((type) => type.trim() !== "admin");
  if (unknown !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(unknown.trim().slice(0, 60))} is no type of bk-server; there is admin.`);
  return text;
}

function only<T>(options: Options, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name))) as T;
}

/** The commands and their options. */
function buildProgram(onExitCode: (code: number) => void): Command {
  const program = new Command("bk-server")
    .description("Serves the tables of a database over HTTP to clients that sign their requests.")
    .version(version)
    .showHelpAfterError("(bk-server --help lists the options)")
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .addHelpText(
      "after",
      "\nSettings come from options (one dash works too: -port 8080), from BK_… variables (BK_PORT), and from etc/config in the home folder.",
    );
  withSettings(program, { ...placeSettings, ...commonSettings, ...serveSettings }).action((_options, command: Command) =>
    configured(command, async (configuration) => onExitCode(await serve(configuration))),
  );

  const account = program.command("account").description("accounts, which sign requests");
  withSettings(account.command("add").description("add an account"), commonSettings)
    .requiredOption("--login <text>", "how the account signs in; at most 140 characters")
    .option("--secret <text>", "the key that it signs with; - reads it from standard input; default: a random one, which is printed once")
    .option("--name <text>", "a name to show")
    .option("--email <address>")
    .option("--type <type>", "admin: may do everything", accountType)
    .option("--scramble", "keep what scrambleSecret(login, secret) gives, for clients that ask people for their secret")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) =>
        addCommand(configuration, only<AccountOptions>(options, ["login", "secret", "name", "email", "type", "scramble"])),
      ),
    );
  withSettings(account.command("list").description("print the accounts, a line of JSON each"), commonSettings).action(
    (_options, command: Command) => configured(command, (configuration) => listCommand(configuration)),
  );
  withSettings(account.command("del").description("delete an account"), commonSettings)
    .requiredOption("--login <text>")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => deleteCommand(configuration, options["login"] as string)),
    );

  const key = program.command("key").description("keys of accounts that sign requests by RFC 9421, beside their secrets");
  withSettings(
    key.command("add").description("add a key; its secret is made and printed once, unless a public key is given"),
    commonSettings,
  )
    .requiredOption("--login <text>", "the account that it signs for")
    .option("--keyid <text>", "what names it in requests; default: a random one")
    .option("--public-key <file>", "an ed25519 key as PEM text, whose private part stays with whoever signs")
    .option("--scopes <list>", "what it may be used for, between semicolons: GET /data/*;/messages/*; default: all that the account may do")
    .option("--ends <date>", "when it counts no more, such as 2030-01-31 or 2030-01-31T12:00:00Z; default: never")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) =>
        addKeyCommand(configuration, only<KeyOptions>(options, ["login", "keyid", "publicKey", "scopes", "ends"])),
      ),
    );
  withSettings(key.command("list").description("print the keys of an account, a line of JSON each, without what signs"), commonSettings)
    .requiredOption("--login <text>")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => listKeysCommand(configuration, options["login"] as string)),
    );
  withSettings(key.command("revoke").description("end a key now"), commonSettings)
    .requiredOption("--login <text>")
    .requiredOption("--keyid <text>")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => revokeKeyCommand(configuration, options["login"] as string, options["keyid"] as string)),
    );

  withSettings(
    program.command("import <table> <file>").description("read rows from a .json (a list), .ndjson or .csv file into a table"),
    commonSettings,
  )
    .option("--map <column=field,…>", "where columns have other names in the file; field= leaves a field out, as in lat=latitude,=comment")
    .addOption(
      new Option("--mode <mode>", "put replaces rows that are there, add leaves them alone").choices(["put", "add"]).default("put"),
    )
    .addOption(new Option("--format <format>", "default: by the file's ending").choices(["json", "ndjson", "csv"]))
    .option("--skip-bad", "write the good rows when others are bad; default: nothing is written then")
    .option("--restart", "begin at the first row, even if an earlier run was interrupted")
    .action((table: string, file: string, options: Options, command: Command) =>
      configured(command, (configuration) =>
        importCommand(configuration, table, file, only<ImportOptions>(options, ["map", "mode", "format", "skipBad", "restart"])),
      ),
    );

  withSettings(
    program
      .command("export <table> <file>")
      .description("write the rows of a table to a .json, .ndjson or .csv file, or to standard output (-)"),
    commonSettings,
  )
    .addOption(new Option("--format <format>", "default: by the file's ending, ndjson for -").choices(["json", "ndjson", "csv"]))
    .option("--columns <list>", "the columns to write; default: all but secure ones")
    .option("--secure", "write secure columns too")
    .action((table: string, file: string, options: Options, command: Command) =>
      configured(command, (configuration) =>
        exportCommand(configuration, table, file, only<ExportOptions>(options, ["format", "columns", "secure"])),
      ),
    );

  withSettings(
    program.command("sync").description("make what is missing of the tables, and print it; serving does that too"),
    commonSettings,
  )
    .option("--dry-run", "only print what would be made")
    .option(
      "--backfill [columns]",
      "give rows that are older than a column what an insert would; table.column,… names some. Shows how far it is",
    )
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => syncCommand(configuration, only<SyncOptions>(options, ["dryRun", "backfill"]))),
    );

  withSettings(
    program
      .command("request <method> [path]")
      .usage("[method] <path> [options]")
      .description("sign a request as an account of the database, send it to the running server, and print the reply"),
    { ...placeSettings, ...commonSettings },
  )
    .option("--login <text>", "who signs; default: nobody")
    .option("--secret <text>", "the key to sign with; - reads it from standard input; default: that of the account in the database")
    .option("--body <text>", "what to send: text, @file, or - for standard input; the method is then POST unless given")
    .option("--content-type <type>", "of the body; default application/json")
    .option("--url <url>", "where the server is; default: this machine, at the configured port")
    .option("--curl", "print the command for curl in place of sending")
    .action(async (first: string, second: string | undefined, options: Options, command: Command) => {
      const own = only<RequestOptions>(options, ["login", "secret", "body", "contentType", "url", "curl"]);
      const method = second === undefined ? (own.body === undefined ? "GET" : "POST") : first.toUpperCase();
      await configured(command, async (configuration) => onExitCode(await requestCommand(configuration, method, second ?? first, own)));
    });

  program
    .command("bundle <entry...>")
    .description("bundle scripts and styles of pages, with hashes in their names and packed files beside them; needs esbuild")
    .option("--out <folder>", "where the files go", "web")
    .option("--dev", "leave them readable")
    .action((entries: string[], options: BundleOptions) => bundleCommand(entries, options));

  const locales = program.command("locales").description("what the server says in other languages");
  locales
    .command("extract <path...>")
    .description('add the phrases of sources, which stand in phrase("…") and __("…"), to a file for a language; translations in it stay')
    .requiredOption("--lang <tag>", "the language, such as es or pt-BR")
    .option("--dir <folder>", "where the file is", "locales")
    .action((paths: string[], options: ExtractOptions) => extractLocalesCommand(paths, options));

  const rules = program.command("rules").description("who may do what with the rows of a table");
  withSettings(
    rules
      .command("explain <table>")
      .description("print the rules of a table, what they become for an account, and how the database serves it"),
    { ...commonSettings, modules: serveSettings.modules },
  )
    .option("--login <text>", "the account; default: nobody")
    .action((table: string, options: Options, command: Command) =>
      configured(command, (configuration) => explainRulesCommand(configuration, table, only<ExplainOptions>(options, ["login"]))),
    );

  withSettings(program.command("status").description("print the running server of the home folder and its processes"), placeSettings)
    .option("--json", "as JSON")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => statusCommand(configuration, only(options, ["json"]))),
    );
  withSettings(
    program.command("stop").description("have the running server finish what runs and end, and wait for that"),
    placeSettings,
  ).action((_options, command: Command) => configured(command, stopCommand));
  withSettings(
    program
      .command("restart [role]")
      .description("replace its processes, web or worker or all, one after another, without a failed request; ends when they are"),
    placeSettings,
  ).action((role: string | undefined, _options, command: Command) =>
    configured(command, (configuration) => restartCommand(configuration, role)),
  );
  withSettings(program.command("reload").description("have it read its configuration again, and print what changed"), placeSettings).action(
    (_options, command: Command) => configured(command, reloadCommand),
  );

  withSettings(
    program
      .command("fleet <command> [level]")
      .description("have all servers of the bus read their configuration again (reload), restart, or log at a level (log-level debug)"),
    { ...commonSettings, bus: serveSettings.bus, "bus-secret": serveSettings["bus-secret"] },
  ).action((name: string, level: string | undefined, _options, command: Command) =>
    configured(command, (configuration) => fleetOrder(configuration, name, level)),
  );
  withSettings(program.command("shell").description("JavaScript at hand, with the database open"), commonSettings)
    .option("--eval <code>", "runs this in place of asking, and prints its value")
    .option("--json", "prints the value as JSON")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => shellCommand(configuration, only<ShellOptions>(options, ["eval", "json"]))),
    );
  program
    .command("init <folder>")
    .description("begin an app in TypeScript: a table, a module, tests, a file for CI")
    .action((folder: string) => initCommand(folder));
  withSettings(program.command("gen <kind>").description(`print a file for those who run it: ${generated.join(", ")}`), {
    ...placeSettings,
    ...commonSettings,
  })
    .option("--with <list>", "services beside it, for compose: postgres, mysql, redis, nats")
    .action((kind: string, options: Options, command: Command) =>
      configured(command, async (configuration) => genCommand(configuration, kind, only(options, ["with"]))),
    );

  const config = program.command("config").description("settings: where they come from, and the table bk_config");
  withSettings(config.command("list").description("print every setting and what holds"), commonSettings)
    .option("--json", "a line of JSON each")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => listSettings(configuration, only(options, ["json"]))),
    );
  withSettings(config.command("explain <name>").description("print what each place says of a setting, the strongest first"), commonSettings)
    .option("--json", "as JSON")
    .action((name: string, options: Options, command: Command) =>
      configured(command, (configuration) => explainSetting(configuration, name, only(options, ["json"]))),
    );
  withSettings(
    config.command("check").description("read all settings, and print what is wrong; ends with 2 where something is"),
    commonSettings,
  ).action((_options, command: Command) => configured(command, (configuration) => checkSettings(configuration)));
  withSettings(config.command("rows").description("print the rows of the table bk_config, a line of JSON each"), commonSettings)
    .option("--for <type>", "those of one type; default: all that hold for this machine")
    .action((options: Options, command: Command) =>
      configured(command, (configuration) => listRows(configuration, only(options, ["for"]))),
    );
  withSettings(
    config.command("set <name> <value>").description("write a row of the table bk_config; - reads the value from standard input"),
    commonSettings,
  )
    .option("--for <type>", "whom it is for: all, a run mode, an app, or such with a tag, role or place: production-web", "all")
    .option("--encrypt", "keep the value encrypted by the master key")
    .option("--for-version <conditions>", "versions of the app that it is for, such as >=1.2,<2")
    .option("--from <date>", "since when it holds")
    .option("--until <date>", "until when it holds")
    .action((name: string, value: string, options: Options, command: Command) =>
      configured(command, (configuration) =>
        setRow(configuration, name, value, only<RowOptions>(options, ["for", "encrypt", "forVersion", "from", "until"])),
      ),
    );
  withSettings(config.command("del <name>").description("delete a row of the table bk_config"), commonSettings)
    .option("--for <type>", "whom it is for", "all")
    .action((name: string, options: Options, command: Command) =>
      configured(command, (configuration) => deleteRow(configuration, name, only(options, ["for"]))),
    );

  program.exitOverride();
  for (const command of [...program.commands, ...[account, key, locales, rules, config].flatMap((group) => [...group.commands])])
    command.exitOverride().showHelpAfterError("(--help lists the options)");
  return program;
}

/**
 * Runs a command line, and gives the exit code: 0, 1 when the command failed, 2 when it cannot be understood.
 *
 * @param args  without the names of Node and of the program
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    await buildProgram((code) => (exitCode = code)).parseAsync(normalizeArguments(args), { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong already; help and version end here too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`bk-server: ${plainText(error instanceof Error ? error.message : String(error))}\n`);
    if (!(error instanceof BkError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}
