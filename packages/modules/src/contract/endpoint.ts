// What an endpoint is: plain data and one function. The server makes routes, checks and the OpenAPI document of it.

import type { StoredFile } from "../storage/object-storage.js";
import type { Row } from "./database.js";

/** What a parameter holds. In a query or a form it is text; in JSON the value itself. */
export type ParameterType = "text" | "int" | "real" | "bool" | "list" | "json" | "bytes";

/** One parameter. What does not fit is refused with 400, which names it. */
export interface Parameter {
  /** Default `text`. `list`: texts between commas, or a JSON list. `bytes`: base64, or a file of a multipart form. */
  readonly type?: ParameterType;
  readonly required?: boolean;
  /** What stands for a parameter that is left out. */
  readonly default?: unknown;
  /** Numbers: the least; texts: fewest characters; lists: fewest items. */
  readonly min?: number;
  /** Numbers: the most; texts: most characters (default 1,000); lists: most items (default 100); bytes: their number. */
  readonly max?: number;
  /** What a text, or each item of a list, must look like, from end to end. */
  readonly pattern?: RegExp;
  /** The texts that are taken. */
  readonly values?: readonly string[];
  /** For people who read the API reference. */
  readonly about?: string;
}

export type Parameters = Readonly<Record<string, Parameter>>;

interface TypeOf {
  text: string;
  int: number;
  real: number;
  bool: boolean;
  list: readonly string[];
  json: unknown;
  bytes: Uint8Array;
}

type TypeNamed<P extends Parameter> = P["type"] extends ParameterType ? TypeOf[P["type"]] : string;

/** The values of parameters, by name. Those that were left out are not there. */
export type ValuesOf<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends { required: true } | { default: {} } ? TypeNamed<P[Name]> : TypeNamed<P[Name]> | undefined;
};

/** Who calls. */
export interface Caller {
  /** The account's id; empty for nobody. */
  readonly id: string;
  readonly login: string;
  readonly name: string | undefined;
  readonly isAdmin: boolean;
  /** The account's types, such as `admin`. */
  readonly types: readonly string[];
}

/** The app that sends a request, as it says itself. */
export interface App {
  readonly name: string;
  /** Such as `1.2.5`. */
  readonly version: string;
  /** Such as `ios` or `android`, where it is known. */
  readonly platform: string | undefined;
}

/** A file of a multipart form. */
export interface UploadedFile {
  readonly bytes: Uint8Array;
  /** As the client says, never to be used as a path. */
  readonly name: string;
  /** As the client says, never to be believed. */
  readonly type: string;
}

/** A body of another type than JSON, of endpoints that take theirs whole. */
export interface OtherBody {
  /** For the API reference. */
  readonly schema: Schema;
  /** Most bytes. Default as of JSON. */
  readonly maxBytes?: number;
}

/** What was sent in place of JSON. */
export interface SentBody {
  /** Its media type, as the endpoint names it. */
  readonly type: string;
  /** All of it; empty for a form. */
  readonly text: string;
  /** The fields of a multipart form, in their order; its files are `files` of the call. */
  readonly fields: ReadonlyMap<string, string>;
}

/** One request to an endpoint, after its checks. */
export interface Call<P extends Parameters = Parameters> {
  /** The request's id, which the log and the reply have. */
  readonly id: string;
  readonly caller: Caller;
  readonly values: ValuesOf<P>;
  /** The columns of the endpoint's table that were given. */
  readonly columns: Row;
  /** What rows are asked for, by the endpoint's `filters`: a filter of @bk/db. */
  readonly filter: Row;
  /** The files of a multipart form by the name of their field. */
  readonly files: ReadonlyMap<string, UploadedFile>;
  /** The body, of endpoints with `maxUploadBytes`, where it is neither JSON nor a form. It is removed when the call has ended. */
  readonly upload: StoredFile | undefined;
  /** The JSON of the body, of endpoints that take it whole; undefined when there is none. */
  readonly body: unknown;
  /** What came in place of that JSON; undefined where nothing did. */
  readonly otherBody: SentBody | undefined;
  /**
   * Reads JSON that stands in a text of the request, within the server's limits.
   *
   * @param what   how it is called in errors
   * @param field  the parameter at fault
   * @throws BkError `invalid`
   */
  parseJson(text: string, what: string, field: string): unknown;
  /** What follows the path of an endpoint that ends in `/*`, without a slash before it. */
  readonly rest: string;
  readonly method: string;
  /** The request's path and query as it was sent, for links. */
  readonly url: string;
  readonly headers: Headers;
  /** How the caller proved who they are: `header`, `session`, `none` …. */
  readonly source: string;
  /** Where the request comes from, where it is known. */
  readonly address: string | undefined;
  /** The version that the request asks for (`bk-version`). */
  readonly version: string | undefined;
  /**
   * A phrase in the language that the request asks for (`bk-lang`, else `Accept-Language`), as the server's locales have it; else the phrase. `%s`, `%d` and `%j` in it stand for
   * `args`; where a translation differs by number, the first number among them decides.
   */
  phrase(text: string, ...args: readonly unknown[]): string;
  /** The app that asks (`bk-app`, else the user agent), never to be believed. */
  readonly app: App | undefined;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /**
   * Calls back, once, when the caller's credentials do not count any more while an endpoint that streams goes on replying: after a logout, when
   * session, token, key or account have ended or are gone, after a new secret. It is asked about every 15 seconds, or as the server was told.
   *
   * @returns  ends that
   */
  whenRefused(then: () => void): () => void;
  /**
   * The caller as the account is now, with the types that it has by then; undefined when there is none, or another one has its login. For
   * replies that go on for long.
   */
  again(): Promise<Caller | undefined>;
}

/**
 * Who may call:
 * - `anybody`: credentials are not looked at;
 * - `anonymous`: anybody, but credentials are checked where there are any;
 * - `account`: any account;
 * - `admin`: accounts of type `admin`.
 */
export type Who = "anybody" | "anonymous" | "account" | "admin";

/** A JSON schema. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Endpoint<P extends Parameters = Parameters> {
  /** Such as `/account/get`; one that ends in `/*` takes every path below it. */
  readonly path: string;
  /**
   * Such as `1.2.5` or `2015-01-01`. Endpoints of one path have versions, all for the same `who`: the newest one runs that is not above what the
   * request asks for with `bk-version`, or the newest of all. Default none: older than every version.
   */
  readonly version?: string;
  readonly summary: string;
  readonly who: Who;
  /** Whether it changes something: then a signature counts once, and a session cookie needs a method that is not GET. Default false. */
  readonly changes?: boolean;
  /** The one method that is taken; others are refused with 405. Default: all of the server. */
  readonly method?: "POST";
  readonly parameters?: P;
  /** A parameter (`by`) that names the field which has another one (`parameter`), where clients choose how that is called. */
  readonly named?: { readonly by: string; readonly parameter: string };
  /** Further parameters are columns of this table of the module; of those with `admin`, `secure` or `hidden` only admins give `admin` ones. */
  readonly columns?: {
    readonly table: string;
    /** Columns that are not taken here. */
    readonly except?: readonly string[];
    /** Columns that alone are taken. */
    readonly only?: readonly string[];
  };
  /**
   * Columns of that table by which rows are asked for, and which do not come as `columns`: each compared as the parameter `_ops` says, with the
   * operators of the data API, else by equality. Those that are parameters too are only described there. Default none.
   */
  readonly filters?: readonly string[];
  /** Its body is any JSON, and parameters come in the query alone. What is said here is for the API reference. */
  readonly body?: Schema;
  /** By media type what is taken in place of that JSON: text in UTF-8, or `multipart/form-data`. Default none: others than JSON are refused with 415. */
  readonly otherBodies?: Readonly<Record<string, OtherBody>>;
  /** Most bytes of a body; default the server's limit. Multipart forms are read where this is given. */
  readonly maxBodyBytes?: number;
  /** Most bytes of a body that is neither JSON nor a form: it goes to a file while it arrives, and parameters come in the query. Default: such bodies are refused. */
  readonly maxUploadBytes?: number;
  /** What it replies, as JSON schema; or a media type of bytes, such as `image/*`. */
  readonly reply: Schema | string;
  /** Media types that it replies beside that, by the method or by what is asked for. */
  readonly otherReplies?: readonly string[];
  /** Whether it replies an `EventStream` where `text/event-stream` is accepted; then a WebSocket may be opened to it too. Default false. */
  readonly streams?: boolean;
  /**
   * Whether it takes `_session` and `_accesstoken` as `/auth` does, and gives the caller a session or an access token beside the object that it replies.
   * The server sees to it, where people log in there. Default false.
   */
  readonly givesSessions?: boolean;
  /**
   * Answers. What it gives is sent as JSON, an `EventStream` as its events, a `Response` as it is.
   *
   * @throws BkError  becomes an error reply by its code
   */
  answer(call: Call<P>): Promise<unknown>;
}

/** Gives an endpoint back with the types of its parameters. */
export function endpoint<const P extends Parameters>(definition: Endpoint<P>): Endpoint {
  return definition as unknown as Endpoint;
}

/** The schema of a page of rows, or of their number alone, which `_total` asks for. */
export function pageOrTotalSchema(row: Schema): Schema {
  const total = { type: "object", required: ["count"], properties: { count: { type: "integer" } }, additionalProperties: false };
  return { anyOf: [pageSchema(row), total] };
}

/** The schema of a page of rows. */
export function pageSchema(row: Schema): Schema {
  return {
    type: "object",
    required: ["count", "data", "next_token"],
    properties: { count: { type: "integer" }, data: { type: "array", items: row }, next_token: { type: "string" } },
  };
}

/** A reply without anything to say. */
export const nothing: Schema = Object.freeze({ type: "object", additionalProperties: false });

/** A row of a table as a caller sees it. */
export const anyRow: Schema = Object.freeze({ type: "object", additionalProperties: true });
