// `bk-pushcart`: messages from applications to clients, configured by the environment, with the commands of the original.

import { createInterface } from "node:readline/promises";

import { BkError, consoleLog, silentLog, systemClock } from "@bk/core";
import { openDb } from "@bk/db";
import { callsOf, pushcart } from "@bk/modules";
import { pushcartService, type PushcartService, pushcartTables } from "@bk/modules/pushcart";
import { Command } from "commander";

import type { Environment } from "../config/variables.js";
import { createServer } from "../server.js";
import { databaseOf, masterKeyOf } from "../settings/home.js";
import { version } from "../version.js";

const about = `Environment:
  PORT         where the server listens; default 8000
  MONGODB_URI  the database, the URL of any that @bk/db has; default: SQLite in var/bk.db
  REDIS_URI    where messages are published, on the channel pushcart:messages; the URL of any pub/sub of @bk/queue; default: nowhere
  AUTH_TOKEN   what registers clients over HTTP, 16 characters or more; default: nobody can`;

/** Runs a command line; errors go to standard error with exit code 1. */
export async function pushcartCommand(args: readonly string[], environment: Environment): Promise<void> {
  const program = new Command("bk-pushcart")
    .description("messages from applications to clients")
    .version(version)
    .addHelpText("after", `\n${about}`);
  program
    .command("server")
    .description("serves /messages and /clients")
    .action(() => serve(environment));
  program
    .command("addapp")
    .description("registers an application, which makes messages")
    .option("--name <name>", "asked for when it is not given")
    .action(async ({ name }: { name?: string }) => {
      const given = await ask([["Name", name]]);
      await register(environment, (service) => service.addApp(given[0]!));
    });
  program
    .command("addclient")
    .description("registers a client, which reads them")
    .option("--type <type>", "asked for when it is not given")
    .option("--info <json>", "anything else to keep, as a JSON object")
    .action(async ({ type, info }: { type?: string; info?: string }) => {
      const given = await ask([
        ["Type", type],
        ["Info", info],
      ]);
      await register(environment, (service) => service.addClient(given[0]!, infoOf(given[1]!)));
    });
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function place(environment: Environment): ReturnType<typeof databaseOf> {
  const url = environment["MONGODB_URI"];
  return databaseOf({ home: process.cwd(), db: url === undefined || url === "" ? undefined : url } as Parameters<typeof databaseOf>[0]);
}

async function serve(environment: Environment): Promise<void> {
  const { PORT = "8000", REDIS_URI: bus, AUTH_TOKEN: authToken } = environment;
  const port = Number(PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new BkError("invalid", "PORT must be a number from 0 to 65535");
  const log = consoleLog({ level: "info", format: "text", clock: systemClock });
  const server = await createServer({
    db: place(environment),
    masterKey: masterKeyOf({ home: process.cwd(), masterKey: environment["BK_MASTER_KEY"] }),
    modules: [pushcart(authToken === undefined || authToken === "" ? {} : { authToken })],
    ...(bus === undefined || bus === "" ? {} : { bus }),
    log,
  });
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  try {
    const { url } = await server.listen({ port });
    process.stdout.write(`bk-pushcart listening on ${url}\n`);
    await stopped;
  } finally {
    await server.close();
  }
}

async function register(
  environment: Environment,
  add: (service: PushcartService) => Promise<{ _id: string; token: string }>,
): Promise<void> {
  const where = place(environment);
  const db = await openDb({ ...(typeof where === "string" ? { url: where } : where), tables: pushcartTables });
  try {
    await db.sync();
    const bus = { publish: () => Promise.resolve(), subscribe: () => Promise.resolve({ close: () => Promise.resolve() }) };
    const { _id, token } = await add(pushcartService({ db: callsOf(db), bus, clock: systemClock, log: silentLog }));
    process.stdout.write(`\nOK\nid: ${_id}\ntoken: ${token}\n`);
  } finally {
    await db.close();
  }
}

/** The values that are given, and of the others what is typed, or stands on lines of the standard input. */
async function ask(questions: readonly (readonly [name: string, given: string | undefined])[]): Promise<string[]> {
  if (questions.every(([, given]) => given !== undefined)) return questions.map(([, given]) => given!);
  const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: process.stdin.isTTY });
  try {
    const read = lines[Symbol.asyncIterator]();
    const answers: string[] = [];
    for (const [name, given] of questions) {
      if (given === undefined) process.stdout.write(`${name}: `);
      answers.push(given ?? String((await read.next()).value ?? ""));
    }
    return answers;
  } finally {
    lines.close();
  }
}

function infoOf(text: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The only way to fail.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BkError("invalid", "Info must be a JSON object");
  return value as Record<string, unknown>;
}
