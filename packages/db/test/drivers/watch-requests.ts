// The HTTP requests of this process, as Node tells of them.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { onTestFinished } from "vitest";

export interface WatchedRequests {
  /** Requests since the last call, as "GET /path", in order. */
  take(): string[];
  /** The most that were under way at once. */
  readonly most: number;
}

/** Watches until the test ends. */
export function watchRequests(): WatchedRequests {
  const seen: string[] = [];
  let [now, most] = [0, 0];
  const begun = (message: unknown): void => {
    const { request } = message as { request: ClientRequest };
    seen.push(`${request.method} ${request.path}`);
    most = Math.max(most, ++now);
    request.once("close", () => now--);
  };
  subscribe("http.client.request.start", begun);
  onTestFinished(() => void unsubscribe("http.client.request.start", begun));
  return {
    take: () => seen.splice(0),
    get most() {
      return most;
    },
  };
}
