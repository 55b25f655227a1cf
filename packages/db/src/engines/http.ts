// Requests to a database that speaks HTTP. The number of those under way is bounded, since each has a connection of its own.

import { onAbort, systemClock, notReachedCodes as notReachedSystemCodes } from "@bk/core";

import type { Classified } from "../driver.js";
import { httpExchange, type HttpReply } from "./http-exchange.js";

export type { HttpReply } from "./http-exchange.js";

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

export interface HttpClient {
  /** Gives the reply, whatever its status. Rejects with the error of the system when there is none. */
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

  const exchange = httpExchange(base);

  async function sendOnce({ method, path, headers: own, body }: HttpRequest, signal: AbortSignal | undefined): Promise<HttpReply> {
    const controller = new AbortController();
    const forget = signal === undefined ? undefined : onAbort(signal, () => controller.abort(signal.reason));
    open.add(controller);
    try {
      signal?.throwIfAborted();
      return await exchange.send({ method, path, headers: { ...headers, ...own }, body }, controller.signal);
    } finally {
      forget?.();
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
            return await sendOnce(request, signal);
          } catch (error) {
            const isLost = classifyHttp(error)?.outcome === "unknown";
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
      exchange.close();
    },
  };
}

const none = { outcome: "none" } as const;

/** Codes of errors where no connection was made, so that nothing was sent. */
export const notReachedCodes: ReadonlySet<unknown> = new Set([
  ...notReachedSystemCodes,
  // Bun's.
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

/** Says what an error of the connection means; undefined when it is none. */
export function classifyHttp(error: unknown): Classified | undefined {
  const code = codeOf(error) ?? codeOf((error as { readonly cause?: unknown } | undefined)?.cause);
  if (notReachedCodes.has(code)) return { code: "unavailable", ...none, message: "not reached" };
  if (typeof code === "string" && /CERT|SELF_SIGNED|TLS|SSL/.test(code))
    return { code: "unavailable", ...none, message: `the server's certificate is refused (${code})` };
  // What remains is of a request that may have been read.
  if (typeof code === "string") return { code: "unavailable", outcome: "unknown", message: "the connection was lost" };
  return undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
