// A server on an empty database, with three accounts and a client that signs, for the tests of this package.

import { addAccount, signRequest, type SignOptions } from "@bk/auth";
import type { Log } from "@bk/core";
import { defineTables, table, type TableDefinitions } from "@bk/db";
import { type BkServer, createServer, type ServerOptions } from "../src/index.js";

export const masterKey = "a master key for tests, long enough";

/** `note` has owners, `city` is public, `hush` has nothing to show to others, `kinds` has a column of every type. */
export const tables = defineTables({
  note: table(
    {
      id: { type: "uuid", primary: 1 },
      owner: {},
      text: { pub: true },
      stars: { type: "int", pub: true },
      secret_word: { secure: true },
      rank: { type: "int", admin: true },
      private_text: {},
    },
    { owner: "owner" },
  ),
  diary: table({ owner: { primary: 1 }, day: { type: "int", primary: 2 }, text: {}, mood: { type: "counter" } }, { owner: "owner" }),
  city: {
    country: { primary: 1, pub: true, index: 1 },
    name: { primary: 2, pub: true },
    lat: { type: "real", pub: true },
    people: { type: "int", pub: true, index: 2 },
    draft: {},
    hash: { secure: true },
  },
  hush: { id: { primary: 1 }, text: {} },
  kinds: {
    id: { primary: 1, pub: true },
    int: { type: "int", pub: true },
    big: { type: "int64", pub: true },
    real: { type: "real", pub: true },
    decimal: { type: "decimal", pub: true },
    bool: { type: "bool", pub: true },
    at: { type: "timestamp", pub: true },
    json: { type: "json", pub: true },
    list: { type: "list", of: "int", pub: true },
    set: { type: "set", pub: true },
    blob: { type: "blob", pub: true },
    count: { type: "counter", pub: true },
  },
  article: { id: { primary: 1, pub: true }, title: { pub: true, search: true } },
  memo: { id: { primary: 1, pub: true }, title: { pub: true, search: true }, body: { search: true } },
  quiet: table({ id: { primary: 1, pub: true }, text: { pub: true } }, { noscan: true }),
}) satisfies TableDefinitions;

export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly headers: Headers;
}

export interface CallOptions extends Partial<SignOptions> {
  /** An object is sent as JSON. */
  readonly body?: SignOptions["body"];
  readonly json?: unknown;
  /** Headers on top of the signed ones; `null` takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly signed?: boolean;
}

export interface TestServer extends AsyncDisposable {
  readonly server: BkServer;
  readonly ids: Readonly<Record<string, string>>;
  /** Everything that was logged. */
  readonly logged: string[];
  /** Sends a request, signed by a login (its secret is `secret of <login>`). */
  call(login: string, path: string, options?: CallOptions): Promise<Reply>;
}

export const origin = "http://bk.test";

export async function startServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const logged: string[] = [];
  const note = (message: string, fields?: object): void => void logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const server = await createServer({ db: "memory:", tables, masterKey, log, ...options });
  const ids: Record<string, string> = {};
  for (const login of ["root", "bob", "eve"]) {
    const account = { login, secret: `secret of ${login}`, ...(login === "root" ? { type: "admin" } : {}) };
    ids[login] = (await addAccount(server.db, account, { masterKey })).id;
  }
  async function call(login: string, path: string, given: CallOptions = {}): Promise<Reply> {
    const { json, headers = {}, signed = true, ...sign } = given;
    const method = sign.method ?? (json === undefined && sign.body === undefined ? "GET" : "POST");
    const body = json === undefined ? sign.body : JSON.stringify(json);
    const url = origin + path;
    const signature = signed ? await signRequest({ url, login, secret: `secret of ${login}`, ...sign, method, body }) : {};
    const all = Object.entries({ host: "bk.test", ...signature, ...headers }).filter(
      (header): header is [string, string] => header[1] !== null,
    );
    const request = new Request(url, { method, headers: all, ...(body === undefined || body === null ? {} : { body: body as string }) });
    return replyOf(await server.app.fetch(request));
  }
  return { server, ids, logged, call, [Symbol.asyncDispose]: () => server.close() };
}

/** Words that belong to engines, to calls in this process or to a library, and not into what a client is told. */
export const inProcessWords =
  /sqlite|postgres|mysql|maria|redis|dynamo|memory|\boptions?\b|bigint|Uint8Array|\bDate\b|\bzod\b|[Ii]nvalid input|received|capability|\bDbError\b|\bnext` of/;

/** The body of an error reply, without the field that may be in it. */
export function errorOf({ body: { field: _field, ...body } }: Reply): Readonly<Record<string, unknown>> {
  return body;
}

export async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  let body: Record<string, unknown> = {};
  if (response.headers.get("content-type")?.startsWith("application/json") && text !== "")
    body = JSON.parse(text) as Record<string, unknown>;
  return { status: response.status, body, text, headers: response.headers };
}
