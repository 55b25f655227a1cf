// `bk-server request GET /data/select/note --login me`: signs a request as an account of the database, and sends it.

import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

import { type AccountRow, accountsOf, signRequest } from "@bk/auth";
import { BkError, plainText } from "@bk/core";

import { masterKeyOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { openDatabase } from "./open-database.js";

export interface RequestOptions {
  readonly login?: string;
  /** `-` reads it from standard input. Default: that of the account, from the database. */
  readonly secret?: string;
  /** Text; `@file`; `-` for standard input. */
  readonly body?: string;
  readonly contentType?: string;
  /** Where the server is; default this machine, at the configured port. */
  readonly url?: string;
  /** Print the command for curl in place of sending. */
  readonly curl?: boolean;
}

interface Key {
  readonly secret: string;
  readonly authSecret?: string;
}

const curlMinutes = 5;

/**
 * Sends a request and prints the body of the reply.
 *
 * @returns  the exit code: 0, or 1 when the status is 400 or more
 */
export async function requestCommand(configuration: Configuration, method: string, path: string, options: RequestOptions): Promise<number> {
  const { login, curl = false } = options;
  const url = urlOf(configuration, path, options.url);
  const body = options.body === undefined ? undefined : await bodyOf(options.body);
  const contentType = body === undefined ? undefined : (options.contentType ?? "application/json");
  const given = { method, url, body, ...(contentType === undefined ? {} : { contentType }) };
  const key = login === undefined ? undefined : await keyOf(configuration, login, options.secret);
  const signed =
    login === undefined || key === undefined
      ? {}
      : await signRequest({ ...given, login, ...key, ...(curl ? { ttlMs: curlMinutes * 60_000 } : {}) });
  const headers = { ...(contentType === undefined ? {} : { "content-type": contentType }), ...signed };
  if (curl) {
    process.stdout.write(`${curlCommand(method, url, headers, body)}\n`);
    if (login !== undefined) process.stderr.write(`Good for ${curlMinutes} minutes, and once where it changes something.\n`);
    return 0;
  }
  return await send(method, url, headers, body);
}

async function send(method: string, url: string, headers: Record<string, string>, body: Uint8Array | undefined): Promise<number> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    });
  } catch (cause) {
    const code = ((cause as Error).cause as { code?: unknown } | undefined)?.code;
    throw new BkError(
      "unavailable",
      `no server answers at ${new URL(url).origin}${typeof code === "string" ? ` (${code})` : ""}; is bk-server running?`,
      {
        cause,
      },
    );
  }
  const reply = Buffer.from(await response.arrayBuffer());
  process.stdout.write(reply);
  if (reply.length > 0 && reply.at(-1) !== 10) process.stdout.write("\n");
  if (response.status < 400) return 0;
  process.stderr.write(
    `status ${response.status}; request ${plainText(response.headers.get("x-request-id") ?? "without an id")} in the server's log\n`,
  );
  return 1;
}

function urlOf({ port, host }: Configuration, path: string, base: string | undefined): string {
  // A server that listens everywhere is on this machine too.
  const here = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const from = base ?? `http://${here}:${port}`;
  if (!URL.canParse(from) || !/^https?:/.test(from)) throw invalid("url", "--url is no URL that starts with http:// or https://");
  if (!path.startsWith("/"))
    throw invalid("path", `the path must start with /, such as /data/columns, not ${JSON.stringify(path.slice(0, 60))}`);
  return new URL(from.replace(/\/+$/, "") + path).href.replace(/#.*$/, "");
}

async function bodyOf(text: string): Promise<Uint8Array> {
  if (text === "-") return buffer(process.stdin);
  if (!text.startsWith("@")) return Buffer.from(text);
  try {
    return await readFile(text.slice(1));
  } catch (cause) {
    throw invalid("body", `--body: cannot read ${text.slice(1)} (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

async function keyOf(configuration: Configuration, login: string, given: string | undefined): Promise<Key> {
  if (given !== undefined) {
    const secret = given === "-" ? (await buffer(process.stdin)).toString().replace(/\r?\n$/, "") : given;
    if (secret === "") throw invalid("secret", "--secret is empty");
    return { secret };
  }
  const masterKey = masterKeyOf(configuration);
  const { db } = await openDatabase({ ...configuration, tables: undefined });
  let account: AccountRow | undefined;
  try {
    account = await accountsOf(db, { masterKey }).findByLogin(login);
  } finally {
    await db.close();
  }
  if (account === undefined)
    throw new BkError(
      "not-found",
      `there is no account with the login ${JSON.stringify(login)} in this database; add it (bk-server account add), or give its --secret`,
    );
  return { secret: account.secret, ...(account.auth_secret ? { authSecret: account.auth_secret } : {}) };
}

/** A command for a POSIX shell. */
function curlCommand(method: string, url: string, headers: Record<string, string>, body: Uint8Array | undefined): string {
  const parts = ["curl", ...(method === "GET" ? [] : method === "HEAD" ? ["--head"] : ["-X", method]), quoted(url)];
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quoted(`${name}: ${value}`));
  if (body !== undefined) parts.push("--data-binary", quoted(Buffer.from(body).toString()));
  return parts.join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function invalid(field: string, message: string, cause?: unknown): BkError {
  return new BkError("invalid", message, { detail: { field }, cause });
}
