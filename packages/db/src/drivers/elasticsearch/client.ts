// Requests by a client object that the app hands in: its nodes, credentials and certificates.

import { onAbort } from "@bk/core";

import type { ClientObject, ElasticOptions } from "./options.js";
import { type ElasticRequest, httpError, refuseTooLong, type Transport } from "./transport.js";

export function clientTransport({ transport }: ClientObject, { timeoutMs, maxRequestBytes }: ElasticOptions): Transport {
  async function ask({ method, path, query = "", body, isLines }: ElasticRequest, signal: AbortSignal | undefined): Promise<unknown> {
    const content = body === undefined ? {} : isLines ? { bulkBody: body } : { body };
    const params = { method, path, querystring: Object.fromEntries(new URLSearchParams(query)), ...content };
    const type = isLines ? "application/x-ndjson" : "application/json";
    const options = {
      // The clients would repeat writes of which it is not known whether they were made.
      maxRetries: 0,
      requestTimeout: timeoutMs,
      ...(signal === undefined ? {} : { signal }),
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": type }) },
    };
    signal?.throwIfAborted();
    const asked = transport.request(params, options);
    const forget = signal === undefined ? undefined : onAbort(signal, () => void asked.abort?.());
    try {
      return bodyOf(await asked);
    } catch (error) {
      throw answerIn(error) ?? error;
    } finally {
      forget?.();
    }
  }

  return {
    send(request, signal) {
      refuseTooLong(request, maxRequestBytes);
      return ask(request, signal);
    },
    close: () => undefined,
  };
}

/** One client gives the body itself, the other an object around it. */
function bodyOf(result: unknown): unknown {
  const isWrapped = typeof result === "object" && result !== null && "body" in result && "statusCode" in result;
  return isWrapped ? result.body : result;
}

function answerIn(error: unknown): Error | undefined {
  const { name, statusCode, body, meta } = error as {
    name?: unknown;
    statusCode?: unknown;
    body?: unknown;
    meta?: { readonly statusCode?: unknown; readonly body?: unknown };
  };
  if (name !== "ResponseError") return undefined;
  const status = Number(statusCode ?? meta?.statusCode);
  return Number.isNaN(status) ? undefined : httpError(status, body ?? meta?.body);
}
