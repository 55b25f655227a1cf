// Requests to a database that speaks HTTP, by `fetch`. The number of those under way is bounded, since `fetch` opens a connection for each.

import { systemClock, notReachedCodes as notReachedSystemCodes } from "@bk/core";

import type { Classified } from "../driver.js";

export interface HttpOptions {
  /** What paths are put behind, without a slash at its end. */
  readonly base: string;
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Most requests under way; others wait for their turn. */
  readonly mostAtOnce: number;
}

export interface HttpRequest {
  readonly method: string;
  /** Begins with a slash; percent-encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** It changes nothing: sent again when the connection broke, as idle ones do that are taken for whole. */
  readonly isRead?: boolean;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface HttpClient {
  /** Gives the reply, whatever its status. Rejects with the error of `fetch` when there is none. */
  send(request: HttpRequest, signal?: AbortSignal): Promise<HttpReply>;
  /** Breaks off what is under way. */
  close(): void;
}

/** How often a read is sent. */
const mostReads = 4;

export function httpClient({ base, headers, mostAtOnce }: HttpOptions): HttpClient {
  const open = new Set<AbortController>();
  const waiting: (() => void)[] = [];
  let underWay = 0;

  async function exchange({ method, path, headers: own, body }: HttpRequest, signal: AbortSignal | undefined): Promise<HttpReply> {
    // One of its own: `fetch` leaves a listener on its signal, which for a signal of many requests would become many.
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal?.reason);
    open.add(controller);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    try {
      const response = await fetch(base + path, {
        method,
        headers: { ...headers, ...own },
        signal: controller.signal,
        redirect: "manual",
        ...(body === undefined ? {} : { body }),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } finally {
      signal?.removeEventListener("abort", abort);
      open.delete(controller);
    }
  }

  return {
    async send(request, signal) {
      if (underWay >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
      else underWay++;
      try {
        for (let tries = 1; ; tries++) {
          try {
            return await exchange(request, signal);
          } catch (error) {
            const isLost = classifyFetch(error)?.outcome === "unknown";
            if (request.isRead !== true || !isLost || signal?.aborted || tries === mostReads) throw error;
            // Other idle connections may be broken too: this gives the runtime time to notice.
            await systemClock.sleep(tries, signal);
          }
        }
      } finally {
        // A turn passes to the next one; nobody comes between.
        const next = waiting.shift();
        if (next === undefined) underWay--;
        else next();
      }
    },
    close() {
      for (const controller of open) controller.abort();
    },
  };
}

const none = { outcome: "none" } as const;

/** Codes of errors of `fetch` where no connection was made, so that nothing was sent. */
export const notReachedCodes: ReadonlySet<unknown> = new Set([
  ...notReachedSystemCodes,
  // Bun's.
  "ConnectionRefused",
  "FailedToOpenSocket",
]);
const timeouts: ReadonlySet<unknown> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Says what an error of `fetch` means; undefined when it is none. */
export function classifyFetch(error: unknown): Classified | undefined {
  const code = codeOf(error) ?? codeOf((error as { readonly cause?: unknown } | undefined)?.cause);
  if (notReachedCodes.has(code) || code === "UND_ERR_CONNECT_TIMEOUT") return { code: "unavailable", ...none, message: "not reached" };
  if (timeouts.has(code)) return { code: "timeout" };
  if (typeof code === "string" && /CERT|SELF_SIGNED|TLS|SSL/.test(code))
    return { code: "unavailable", ...none, message: `the server's certificate is refused (${code})` };
  // What remains of `fetch` is of a request that may have been read.
  if (error instanceof TypeError || typeof code === "string")
    return { code: "unavailable", outcome: "unknown", message: "the connection was lost" };
  return undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
