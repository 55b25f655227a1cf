// Requests over HTTP: of several nodes the next one where one cannot be reached.

import { onAbort } from "@bk/core";

import { notReachedCodes } from "../../engines/http.js";
import { type Exchange, httpExchange } from "../../engines/http-exchange.js";
import { DbError } from "../../errors.js";
import { utf8Length } from "../../schema/bytes.js";
import type { ElasticOptions } from "./options.js";

export interface ElasticRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  readonly path: string;
  /** Without its question mark. */
  readonly query?: string | undefined;
  /** JSON, or lines of it. */
  readonly body?: string | undefined;
  readonly isLines?: boolean | undefined;
}

export interface Transport {
  /**
   * Sends a request, and gives the body of the answer as JSON has it.
   *
   * Throws `HttpError` for an answer that is no success, and what the connection or the client throws.
   */
  send(request: ElasticRequest, signal: AbortSignal | undefined): Promise<unknown>;
  /** Ends the connections; those of an app's own client stay. */
  close(): void;
}

/** An answer that is no success, or an item of one. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  /** The server's name of it, such as `index_not_found_exception`. */
  readonly type: string;

  constructor(status: number, type: string, reason: string) {
    super(reason);
    this.status = status;
    this.type = type;
  }
}

/** Our own name of the type that an answer has which says that there is no document: it has the status of a missing index, and no error. */
export const noSuchDocument = "no_such_document";

/** The error of an answer's body, or of an item's. */
export function httpError(status: number, body: unknown): HttpError {
  const { error, found } = (typeof body === "object" && body !== null ? body : {}) as { error?: unknown; found?: unknown };
  if (found === false) return new HttpError(status, noSuchDocument, "");
  if (typeof error === "string") return new HttpError(status, error, error);
  const { type, reason, caused_by, root_cause } = (error ?? {}) as ErrorBody;
  const own = { type, reason };
  // Of a search the first shard's reason says more than that all of them failed.
  const { type: name = "", reason: text = "" } = type === "search_phase_execution_exception" ? (root_cause?.[0] ?? caused_by ?? own) : own;
  const more = caused_by?.reason === undefined ? "" : `: ${caused_by.reason}`;
  return new HttpError(status, name, `${text}${more}`);
}

interface ErrorBody {
  readonly type?: string;
  readonly reason?: string;
  readonly caused_by?: ErrorBody;
  readonly root_cause?: readonly ErrorBody[];
}

export function httpTransport({ nodes, authorization, timeoutMs, maxRequestBytes }: ElasticOptions): Transport {
  const headers = authorization === undefined ? {} : { authorization };
  const exchanges = nodes.map(({ base }) => httpExchange(base));
  let first = 0;

  async function ask(exchange: Exchange, request: ElasticRequest, signal: AbortSignal | undefined): Promise<unknown> {
    const { method, path, query, body, isLines } = request;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DOMException("no answer in time", "TimeoutError")), timeoutMs);
    signal?.throwIfAborted();
    const forget = signal === undefined ? undefined : onAbort(signal, () => controller.abort(signal.reason));
    try {
      const { status, text } = await exchange.send(
        {
          method,
          path: query === undefined ? path : `${path}?${query}`,
          headers: body === undefined ? headers : { ...headers, "content-type": isLines ? "application/x-ndjson" : "application/json" },
          body,
        },
        controller.signal,
      );
      if (status < 200 || status > 299) throw httpError(status, jsonOf(text));
      return text === "" ? undefined : JSON.parse(text);
    } finally {
      clearTimeout(timer);
      forget?.();
    }
  }

  async function askNodes(request: ElasticRequest, signal: AbortSignal | undefined): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      const at = first;
      try {
        return await ask(exchanges[at]!, request, signal);
      } catch (error) {
        if (!isNotReached(error) || tries >= nodes.length) throw error;
        // Others may have gone on to the next one meanwhile.
        if (first === at) first = (at + 1) % nodes.length;
      }
    }
  }

  return {
    send(request, signal) {
      refuseTooLong(request, maxRequestBytes);
      return askNodes(request, signal);
    },
    close() {
      for (const exchange of exchanges) exchange.close();
    },
  };
}

/** The server hangs up on a longer request while it is being sent, which tells nothing. */
export function refuseTooLong({ body }: ElasticRequest, maxRequestBytes: number): void {
  // A text has three bytes for each of its units at most.
  if (body === undefined || body.length * 3 <= maxRequestBytes || utf8Length(body) <= maxRequestBytes) return;
  throw new DbError("too-large", `the request takes more than ${maxRequestBytes} bytes, the option maxRequestBytes`, { outcome: "none" });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy speaks HTML; the status says what it is.
    return undefined;
  }
}

/** The code of an error of the network: clients may give it as the cause, perhaps one for each address. */
export function networkCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string") return code;
    if (at instanceof AggregateError && at.errors.length > 0) return networkCode(at.errors[0]);
  }
  return undefined;
}

/** Whether no connection was made, so that nothing was sent. */
export function isNotReached(error: unknown): boolean {
  return notReachedCodes.has(networkCode(error));
}
