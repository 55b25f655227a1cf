// Requests to push services over `fetch`.

import { BkError, type Clock, notReachedCodes } from "@bk/core";

import { retryAfterOf } from "./push-service.js";

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** The body, where it is JSON; else an empty object. */
  readonly json: object;
  readonly retryAfterMs: number | undefined;
}

interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

/** More is not read of a reply. */
const mostBytes = 64 * 1024;

/** @throws BkError `unavailable`, `timeout`, `cancelled` */
export async function ask(
  service: string,
  url: string,
  request: RequestInit,
  { timeoutMs, signal, clock }: AskOptions,
): Promise<HttpReply> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    // A redirect would send the message, and who we are, elsewhere.
    const reply = await fetch(url, {
      ...request,
      redirect: "manual",
      signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    });
    const text = await beginningOf(reply);
    return {
      status: reply.status,
      headers: reply.headers,
      json: jsonIn(text),
      retryAfterMs: retryAfterOf(reply.headers.get("retry-after"), clock.now()),
    };
  } catch (error) {
    if (signal?.aborted) throw new BkError("cancelled", `${service}: cancelled by the caller's signal`);
    if (late.aborted) throw new BkError("timeout", `${service}: no reply in ${timeoutMs} ms`);
    const { code } = ((error as Error).cause ?? {}) as { readonly code?: string };
    throw new BkError("unavailable", `${service}: no connection (${code ?? "unknown"})`, {
      outcome: notReachedCodes.has(code) ? "none" : "unknown",
    });
  }
}

async function beginningOf(reply: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (reply.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > mostBytes) break;
  }
  return Buffer.concat(chunks).toString();
}

function jsonIn(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
