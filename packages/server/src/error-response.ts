// Errors become replies here, and nowhere else is a status number written.

import { BkError, type ErrorCode } from "@bk/core";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** What a client is told of anything that went wrong. */
export interface ErrorBody {
  readonly status: number;
  /** For people; may change. */
  readonly message: string;
  /** For programs; stays. */
  readonly code: string;
}

/** The status of each error code; `errors.md` of the reference says what the codes mean. */
const statusOf: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  "not-found": 404,
  "already-exists": 409,
  "condition-failed": 409,
  "scan-refused": 400,
  drift: 500,
  "too-large": 413,
  limited: 429,
  unsupported: 400,
  "driver-missing": 500,
  unavailable: 503,
  timeout: 504,
  cancelled: 503,
  closed: 503,
  internal: 500,
};

/** A refusal of the server itself, with a code of its own beside those of the packages. */
export class HttpError extends BkError {
  override readonly name = "HttpError";
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, own: { status?: number; code?: string; headers?: Readonly<Record<string, string>> } = {}) {
    super(code, message);
    this.body = { status: own.status ?? statusOf[code], message, code: own.code ?? code };
    this.headers = own.headers ?? {};
  }
}

export const badRequest = (message: string): HttpError => new HttpError("invalid", message);
export const forbidden = (message: string): HttpError => new HttpError("denied", message);
export const notFound = (message: string): HttpError => new HttpError("not-found", message);
export const tooLarge = (message: string): HttpError => new HttpError("too-large", message, { headers: { connection: "close" } });
export const wrongMethod = (method: string, allowed: readonly string[]): HttpError =>
  new HttpError("unsupported", `${method} is not a method of this server; there are ${allowed.join(", ")}`, {
    status: 405,
    code: "method-not-allowed",
    headers: { allow: allowed.join(", ") },
  });
export const wrongMediaType = (given: string): HttpError =>
  new HttpError("unsupported", `a body of type ${JSON.stringify(given.slice(0, 60))} is not read; send JSON or a form`, {
    status: 415,
    code: "unsupported-media-type",
  });

/** What may be told of an error. Of those that are no fault of the caller's only the code is. */
export function errorBody(error: unknown): ErrorBody {
  if (error instanceof HttpError) return error.body;
  if (!(error instanceof BkError)) return internal;
  const status = statusOf[error.code];
  if (status === 500) return internal;
  return { status, message: status > 500 ? `the database does not answer (${error.code})` : error.message, code: error.code };
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
  return Response.json(body, { status: body.status });
}

/** The reply with a body that is made already, such as the refusal of a signature. */
export function bodyResponse(
  context: Context,
  { status, message, code }: ErrorBody,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return context.json({ status, message, code }, status as ContentfulStatusCode, headers);
}

function retryHeader(error: unknown): Record<string, string> {
  const afterMs = error instanceof BkError && error.code === "limited" ? error.detail?.["retryAfterMs"] : undefined;
  return typeof afterMs === "number" ? { "retry-after": String(Math.ceil(afterMs / 1000)) } : {};
}

/** The whole reply to bytes that are no HTTP request, written to the socket by hand. */
export function parserErrorReply(code: string | undefined): string {
  const [status, reason, message] = parserErrors[code ?? ""] ?? [400, "Bad Request", "this is not an HTTP request"];
  const body = JSON.stringify({ status, message, code: status === 400 ? "invalid" : status === 431 ? "too-large" : "timeout" });
  return `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}

const parserErrors: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "the headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Payload Too Large", "the chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request was not sent in time"],
};
