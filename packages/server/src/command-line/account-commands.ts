// The commands about accounts and the keys that sign for them.

import { type Command, InvalidArgumentError } from "commander";

import {
  addAccountCommand,
  deleteAccountCommand,
  getAccountsCommand,
  listAccountsCommand,
  updateAccountCommand,
} from "../commands/account.js";
import { addKeyCommand, listKeysCommand, revokeKeyCommand } from "../commands/key.js";
import { commonSettings, serveSettings } from "../settings/settings.js";
import { addCommand, type CommandLine } from "./describe.js";

/** The roles that bk-server knows. Apps that have others make their accounts with `addAccount`. */
function accountType(text: string): string {
  const unknown = text.split(",").find((type) => type.trim() !== "admin");
  if (unknown !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(unknown.trim().slice(0, 60))} is no type of bk-server; there is admin.`);
  return text;
}

const accountSettings = { ...commonSettings, modules: serveSettings.modules };

const secret = "the key that it signs with; - asks for it, or reads it from standard input";

/** What is said of an account, when it is added or changed. */
const described = (command: Command): Command =>
  command
    .option("--name <text>", "a name to show")
    .option("--email <address>")
    .option("--type <type>", "admin: may do everything", accountType)
    .option("--scramble", "keep what scrambleSecret(login, secret) gives, for clients that ask people for their secret");

const named = (command: Command): Command =>
  command.option("--login <text>", "its login").option("--id <text>", "its id, in place of the login");

export function addAccountCommands(line: CommandLine): void {
  const { program } = line;
  const account = program.command("account").alias("user").description("accounts, which sign requests");
  described(
    addCommand(
      line,
      account,
      "add [column=value...]",
      "add an account; columns are those of the module accounts",
      accountSettings,
      addAccountCommand,
    )
      .requiredOption("--login <text>", "how the account signs in; at most 140 characters")
      .option("--secret <text>", `${secret}; default: a random one, which is printed once`),
  );
  addCommand(
    line,
    account,
    "get <login...>",
    "print accounts by their logins or ids, without what is secret",
    accountSettings,
    getAccountsCommand,
  );
  described(
    named(
      addCommand(
        line,
        account,
        "update [column=value...]",
        "change what an account says of itself, or its secret",
        accountSettings,
        updateAccountCommand,
      ),
    ).option("--secret <text>", secret),
  );
  addCommand(line, account, "list", "print the accounts, a line of JSON each", commonSettings, listAccountsCommand);
  named(
    addCommand(line, account, "del", "delete an account and all that modules keep of it", accountSettings, deleteAccountCommand),
  ).option("--yes", "do not ask");

  const key = program.command("key").description("keys of accounts that sign requests by RFC 9421, beside their secrets");
  addCommand(
    line,
    key,
    "add",
    "add a key; its secret is made and printed once, unless a public key is given",
    commonSettings,
    addKeyCommand,
  )
    .requiredOption("--login <text>", "the account that it signs for")
    .option("--keyid <text>", "what names it in requests; default: a random one")
    .option("--public-key <file>", "an ed25519 key as PEM text, whose private part stays with whoever signs")
    .option("--scopes <list>", "what it may be used for, between semicolons: GET /data/*;/messages/*; default: all that the account may do")
    .option("--ends <date>", "when it counts no more, such as 2030-01-31 or 2030-01-31T12:00:00Z; default: never");
  addCommand(
    line,
    key,
    "list",
    "print the keys of an account, a line of JSON each, without what signs",
    commonSettings,
    listKeysCommand,
  ).requiredOption("--login <text>");
  addCommand(line, key, "revoke", "end a key now", commonSettings, revokeKeyCommand)
    .requiredOption("--login <text>")
    .requiredOption("--keyid <text>");
}
