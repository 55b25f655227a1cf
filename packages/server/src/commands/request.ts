// `bk-server request GET /data/select/note --login me`: signs a request as an account of the database, and sends it.

import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

import { accountsOf, signRequest } from "@bk/auth";
import { BkError, plainText } from "@bk/core";

import { masterKeyOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { loginOf, noAccount, withAccounts } from "./account.js";
import { pairOf } from "./fields.js";
import { type JsonOption, printJson, tell } from "./output.js";
import { secretOf } from "./secret.js";

export interface RequestOptions extends JsonOption {
  readonly login?: string;
  /** The id of the account in place of its login. */
  readonly id?: string;
  /** `-` reads it from the terminal or standard input. Default: that of the account, from the database. */
  readonly secret?: string;
  /** Text; `@file`; `-` for standard input. */
  readonly body?: string;
  readonly contentType?: string;
  /** Headers as `name: value`. */
  readonly header?: readonly string[];
  /** Fields of the reply, or of its rows, in a comma list. Default: all of it. */
  readonly select?: string;
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
const form = "application/x-www-form-urlencoded";

/**
 * Sends a request and prints the body of the reply.
 *
 * @param words  a method where it is not GET (POST with a body), the path, and parameters as `name=value`
 * @returns  the exit code: 0, or 1 when the status is 400 or more
 */
export async function requestCommand(configuration: Configuration, options: RequestOptions, words: readonly string[]): Promise<number> {
  const { curl = false } = options;
  const [first = "", ...rest] = words;
  const hasMethod = /^[a-z]+$/i.test(first) && rest.length > 0;
  const method = hasMethod ? first.toUpperCase() : options.body === undefined ? "GET" : "POST";
  const [path = "", ...parameters] = hasMethod ? rest : words;
  const query = new URLSearchParams(parameters.map(pairOf)).toString();
  const isForm = query !== "" && options.body === undefined && !["GET", "HEAD", "DELETE"].includes(method);
  const url = urlOf(configuration, isForm || query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`, options.url);
  const body = isForm ? Buffer.from(query) : options.body === undefined ? undefined : await bodyOf(options.body);
  const contentType = body === undefined ? undefined : (options.contentType ?? (isForm ? form : "application/json"));
  const given = { method, url, body, ...(contentType === undefined ? {} : { contentType }) };
  const signer = await signerOf(configuration, options);
  const signed = signer === undefined ? {} : await signRequest({ ...given, ...signer, ...(curl ? { ttlMs: curlMinutes * 60_000 } : {}) });
  const headers = {
    ...Object.fromEntries((options.header ?? []).map(headerOf)),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...signed,
  };
  if (curl) {
    const command = curlCommand(method, url, headers, body);
    tell(options, { command }, command);
    if (signer !== undefined) process.stderr.write(`Good for ${curlMinutes} minutes, and once where it changes something.\n`);
    return 0;
  }
  const response = await send(method, url, headers, body);
  await show(response, options);
  if (response.status < 400) return 0;
  process.stderr.write(
    `status ${response.status}; request ${plainText(response.headers.get("x-request-id") ?? "without an id")} in the server's log\n`,
  );
  return 1;
}

function headerOf(text: string): [string, string] {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): ?([^\r\n]*)$/.exec(text) ?? [];
  if (name === undefined) throw invalid("header", "--header must be such as 'accept-language: de'");
  return [name.toLowerCase(), value!];
}

async function show(response: Response, { json = false, select }: RequestOptions): Promise<void> {
  const reply = Buffer.from(await response.arrayBuffer());
  if (!json && select === undefined) {
    process.stdout.write(reply);
    if (reply.length > 0 && reply.at(-1) !== 10) process.stdout.write("\n");
    return;
  }
  const body = select === undefined ? valueOf(reply) : selected(valueOf(reply), select.split(","));
  printJson(json ? { status: response.status, body } : body);
}

/** JSON; text where it is none. */
function valueOf(reply: Buffer): unknown {
  try {
    return JSON.parse(reply.toString()) as unknown;
  } catch {
    // The only way to fail.
    return reply.toString();
  }
}

function selected(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => selected(each, names));
  if (typeof value !== "object" || value === null) return value;
  if ("data" in value && Array.isArray(value.data)) return { ...value, data: selected(value.data, names) };
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}

async function send(method: string, url: string, headers: Record<string, string>, body: Uint8Array | undefined): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    });
  } catch (cause) {
    const code = String(((cause as Error).cause as { code?: unknown } | undefined)?.code ?? "");
    const hint = /CERT|SELF_SIGNED|UNABLE_TO/.test(code)
      ? "its certificate is not taken: give the name that it is for in --url, and its authority in NODE_EXTRA_CA_CERTS"
      : "is bk-server running?";
    throw new BkError("unavailable", `no server answers at ${new URL(url).origin}${code === "" ? "" : ` (${code})`}; ${hint}`, { cause });
  }
}

function urlOf({ places }: Configuration, path: string, base: string | undefined): string {
  // That without TLS, where there is one: a certificate is for a name, and this is an address.
  const { port, host, isTls } = places.at(-1)!;
  // A server that listens everywhere is on this machine too.
  const here = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const from = base ?? `${isTls ? "https" : "http"}://${here}:${port}`;
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

/** Who signs, and with what; undefined: nobody. */
async function signerOf(
  configuration: Configuration,
  { login, id, secret: given }: RequestOptions,
): Promise<({ readonly login: string } & Key) | undefined> {
  if (login === undefined && id === undefined) return undefined;
  if (given !== undefined && login !== undefined) return { login, secret: await secretOf(given) };
  const masterKey = masterKeyOf(configuration);
  return withAccounts(configuration, async (db) => {
    const account = await accountsOf(db, { masterKey }).findByLogin(login ?? (await loginOf(db, id!)));
    if (account === undefined)
      throw new BkError(
        "not-found",
        `${noAccount({ login }).message} in this database; add it (bk-server account add), or give its --secret`,
      );
    return { login: account.login, secret: account.secret, ...(account.auth_secret ? { authSecret: account.auth_secret } : {}) };
  });
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
