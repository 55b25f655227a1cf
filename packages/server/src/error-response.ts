// Errors become replies here, and nowhere else is a status number written.

import { AuthError } from "@bk/auth";
import { BkError, type ErrorCode, httpStatuses } from "@bk/core";
import { DbError } from "@bk/db";
import type { Context } from "hono";
import type { Translated } from "./locales/locales.js";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** What a client is told of anything that went wrong. */
export interface ErrorBody {
  readonly status: number;
  /** For people; may change. */
  readonly message: string;
  /** For programs; stays. */
  readonly code: string;
  /** The parameter or column that is at fault, where it is one. */
  readonly field?: string;
  /** All that is wrong with a password. */
  readonly policy?: string;
}

/** Headers of every reply: rows are nobody else's to keep, and are never taken for another type than is said. */
export const replyHeaders: Readonly<Record<string, string>> = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** The status of each error code. A call that is cancelled is one that the server did not serve. */
const statusOf: Readonly<Record<ErrorCode, number>> = { ...httpStatuses, cancelled: 503 };

/** A refusal of the server itself, with a code of its own beside those of the packages. */
export class HttpError extends BkError {
  override readonly name = "HttpError";
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, own: HttpErrorOptions = {}) {
    const { status = statusOf[code], headers = {}, field } = own;
    super(code, message, field === undefined ? {} : { detail: { field } });
    this.body = { status, message, code: own.code ?? code, ...(field === undefined ? {} : { field }) };
    this.headers = headers;
  }
}

interface HttpErrorOptions {
  readonly status?: number;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly field?: string | undefined;
}

/** @param field  the parameter or column at fault, as the client wrote it */
export const badRequest = (message: string, field?: string): HttpError => new HttpError("invalid", message, { field: shortName(field) });
export const forbidden = (message: string, field?: string): HttpError => new HttpError("denied", message, { field: shortName(field) });
/** Somebody with an account may be allowed what nobody is. */
export const unsigned = (message: string, field?: string): HttpError =>
  new HttpError("unauthenticated", message, { field: shortName(field), code: "NOLOGIN" });
export const notFound = (message: string): HttpError => new HttpError("not-found", message);
export const alreadyExists = (message: string): HttpError => new HttpError("already-exists", message);
/** The body of a request is too large: what is left of it is not read, so the connection ends. */
export const tooLarge = (message: string): HttpError => new HttpError("too-large", message, { headers: { connection: "close" } });
export const replyTooLarge = (maxBytes: number): HttpError =>
  new HttpError("too-large", `the reply would be larger than ${maxBytes} bytes; ask for fewer rows or columns`);
export const wrongMethod = (method: string, allowed: readonly string[], of = "server"): HttpError =>
  new HttpError("unsupported", `${method} is not a method of this ${of}; there are ${allowed.join(", ")}`, {
    status: 405,
    code: "method-not-allowed",
    headers: { allow: allowed.join(", ") },
  });
export const wrongMediaType = (given: string): HttpError =>
  new HttpError("unsupported", `a body of type ${JSON.stringify(given.slice(0, 60))} is not read; send JSON or a form`, {
    status: 415,
    code: "unsupported-media-type",
  });
export const wrongEncoding = (given: string): HttpError =>
  new HttpError("unsupported", `a body that is encoded as ${JSON.stringify(given.slice(0, 60))} is not read; send it as it is`, {
    status: 415,
    code: "unsupported-media-type",
    headers: { "accept-encoding": "identity" },
  });

/** The server has more to do than it can. */
export const busy = (): HttpError =>
  new HttpError("unavailable", "the server is busy; try again", { status: 503, headers: { "retry-after": "1" } });
/** Of a request that was passed on to another server. */
export const badGateway = (): HttpError =>
  new HttpError("unavailable", "the server behind this one failed", { status: 502, code: "bad-gateway" });
export const gatewayTimeout = (): HttpError =>
  new HttpError("timeout", "the server behind this one did not answer in time", { status: 504, code: "gateway-timeout" });
/** @param inMs  when one may be ready */
export const noUpstream = (inMs: number): HttpError =>
  new HttpError("unavailable", "no server is ready for this request; try again", {
    status: 503,
    headers: { "retry-after": String(Math.max(1, Math.ceil(inMs / 1000))) },
  });

/** A name as it is told back: long ones are cut. */
function shortName(name: string | undefined): string | undefined {
  return name?.slice(0, 80);
}

/** What may be told of an error. Of those that are no fault of the caller's only the code is. */
export function errorBody(error: unknown): ErrorBody {
  if (error instanceof HttpError) return error.body;
  if (!(error instanceof BkError)) return internal;
  const { code } = error;
  if (isRefusalOfServer(error)) return { status: statusOf.unavailable, message: `the database refuses the server (${code})`, code };
  const status = statusOf[code];
  if (status === 500) return internal;
  const field = fieldOf(error);
  // What it says is made for clients: so is what names a parameter of theirs.
  if (status > 500 && (error instanceof AuthError || (!(error instanceof DbError) && field !== undefined)))
    return { status, message: error.message, code, ...(field === undefined ? {} : { field }) };
  const silent = error instanceof DbError ? "the database" : "something that the server needs";
  if (status > 500) return { status, message: `${silent} does not answer (${code})`, code };
  const policy = error.detail?.["policy"];
  return {
    status,
    message: clientMessage(error),
    code,
    ...(field === undefined ? {} : { field }),
    ...(typeof policy === "string" ? { policy } : {}),
  };
}

/** It is the server that the database does not know, or does not allow to write, not whoever asks the server. */
function isRefusalOfServer(error: BkError): boolean {
  if (!(error instanceof DbError)) return false;
  return error.code === "unauthenticated" || (error.code === "denied" && error.detail?.["by"] === "engine");
}

function fieldOf(error: BkError): string | undefined {
  if (error instanceof DbError && error.column !== undefined) return shortName(error.column);
  const field = error.detail?.["field"];
  return typeof field === "string" ? shortName(field) : undefined;
}

/** Messages of the database that speak of its calls and options, said in the words of a client. */
const clientMessages: { readonly [Code in ErrorCode]?: string } = {
  "not-found": "there is no row with this key",
  "already-exists": "a row with this key, or with a value that must be unique, exists",
  "condition-failed": "the row is not as _where says",
  "scan-refused":
    "no key or index serves this filter, and the whole table is not read; filter by key or indexed columns, or as an admin with _scan=1",
  "too-large": "a value, a row or the request is larger than the database takes",
  limited: "the database is busy; try again",
  unsupported: "the database cannot answer this",
};

const capabilityMessages: Readonly<Record<string, string>> = {
  sorts: "too many rows would have to be sorted; narrow the filter, or sort by a key or an indexed column",
  search: "the database has no full-text search; filter with contains",
  related: "more rows match what $ref asks than are read for it; narrow it",
};

function clientMessage(error: BkError): string {
  if (!(error instanceof DbError)) return error.message;
  const capability = error.code === "unsupported" ? error.detail?.["capability"] : undefined;
  const known =
    typeof capability === "string" && Object.hasOwn(capabilityMessages, capability) ? capabilityMessages[capability] : undefined;
  if (known !== undefined) return known;
  if (error.code === "not-found" && error.column !== undefined) return `there is no row that ${shortName(error.column)} may refer to`;
  // What the core says of a column is about the caller's own words.
  const isOwnWords = error.column !== undefined && (error.code === "invalid" || error.code === "too-large");
  const fixed = isOwnWords ? undefined : clientMessages[error.code];
  if (fixed !== undefined) return fixed;
  // An engine's refusal of a value that the core took: its words name the engine.
  if (error.cause !== undefined && error.detail?.["rule"] === undefined) return "the database refuses a value";
  return withoutPlace(error);
}

/** The message without the `sqlite put note: ` that it begins with in process. */
function withoutPlace({ message, driver, op, table }: DbError): string {
  const place = `${[driver, op, table].filter((word) => word !== undefined).join(" ")}: `;
  return message.startsWith(place) ? message.slice(place.length) : message;
}

const internal: ErrorBody = { status: 500, message: "internal error; the log of the server says more", code: "internal" };

/** The reply to an error. */
export function errorResponse(context: Context, error: unknown): Response {
  const headers = error instanceof HttpError ? error.headers : retryHeader(error);
  return bodyResponse(context, errorBody(error), headers);
}

/** The reply to an error outside of the app. */
export function plainResponse(error: unknown): Response {
  const body = errorBody(error);
  const own = error instanceof HttpError ? error.headers : retryHeader(error);
  return Response.json(body, { status: body.status, headers: { ...replyHeaders, ...own } });
}

/** The reply with a body that is made already, such as the refusal of a signature. */
export function bodyResponse(
  context: Context,
  { status, message, code, field, policy }: ErrorBody,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const told = translated(context, message, code);
  const body: ErrorBody = {
    status,
    message: told?.text ?? message,
    code,
    ...(field === undefined ? {} : { field }),
    ...(policy === undefined ? {} : { policy }),
  };
  if (told !== undefined) context.header("vary", "accept-language", { append: true });
  const language = told?.language === undefined ? {} : { "content-language": told.language };
  return context.json(body, status as ContentfulStatusCode, { ...replyHeaders, ...language, ...headers });
}

/** A message in the language of the request; where it has no translation, as for one with a name in it, what its code means. */
function translated(context: Context, message: string, code: string): Translated | undefined {
  const phrase = context.get("phrase") as ((text: string) => Translated) | undefined;
  const told = phrase?.(message);
  if (told === undefined || told.language !== undefined) return told;
  const general = phrase!(code);
  return general.language === undefined ? told : general;
}

function retryHeader(error: unknown): Record<string, string> {
  const saysWhen = error instanceof BkError && (error.code === "limited" || error.code === "unavailable");
  const afterMs = saysWhen ? error.detail?.["retryAfterMs"] : undefined;
  return typeof afterMs === "number" ? { "retry-after": String(Math.ceil(afterMs / 1000)) } : {};
}

/** The whole reply to bytes that are no HTTP request, written to the socket by hand. */
export function parserErrorReply(code: string | undefined): string {
  const [status, reason, message] = parserErrors[code ?? ""] ?? [400, "Bad Request", "this is not an HTTP request"];
  const body = JSON.stringify({ status, message, code: status === 400 ? "invalid" : status === 431 ? "too-large" : "timeout" });
  const own = Object.entries(replyHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${own.join("")}Connection: close\r\n\r\n${body}`;
}

const parserErrors: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "the headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Payload Too Large", "the chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request was not sent in time"],
};
