// What errors of Redis and of the client ioredis mean: those of the server by the first word of their text, those of the client by theirs.

import { lostConnectionCodes, notReachedCodes } from "./connection-codes.js";
import type { ErrorCode, Outcome } from "./errors.js";

export interface RedisMeaning {
  readonly code: ErrorCode;
  /** Absent: what the caller's kind of command leaves behind when no answer came. */
  readonly outcome?: Outcome;
  readonly message?: string;
}

const none = { outcome: "none" } as const;
const lost: RedisMeaning = { code: "unavailable", outcome: "unknown", message: "the connection was lost" };

const byFirstWord: Readonly<Record<string, RedisMeaning>> = {
  NOAUTH: { code: "unauthenticated", ...none, message: "the server asks for a password" },
  WRONGPASS: { code: "unauthenticated", ...none, message: "the server refuses the user or password" },
  NOPERM: { code: "denied", ...none, message: "the server's rules do not allow the user this command, key or channel" },
  LOADING: { code: "unavailable", ...none, message: "the server is loading its data" },
  MASTERDOWN: { code: "unavailable", ...none, message: "the server has lost its primary" },
  CLUSTERDOWN: { code: "unavailable", ...none, message: "the cluster is down" },
  TRYAGAIN: { code: "unavailable", ...none, message: "the cluster is moving these keys" },
  READONLY: { code: "unavailable", ...none, message: "the server is a replica" },
  NOREPLICAS: { code: "unavailable", ...none, message: "too few replicas" },
  MISCONF: { code: "unavailable", ...none, message: "the server cannot save its data and takes no writes" },
  BUSY: { code: "limited", ...none, message: "the server is busy with a script" },
  OOM: { code: "unavailable", ...none, message: "the server is out of memory" },
  CROSSSLOT: { code: "unsupported", ...none, message: "the keys lie in different slots of the cluster" },
};

const byClientText: readonly (readonly [RegExp, RedisMeaning])[] = [
  [
    /enableOfflineQueue|None of startup nodes|Failed to refresh slots cache|Cluster is ended|All sentinels are unreachable/,
    { code: "unavailable", ...none, message: "not connected" },
  ],
  [/Command timed out/, { code: "timeout" }],
  // These are of commands that were sent: the server may have carried them out.
  [/Connection is closed|max retries per request|Command aborted|Too many Cluster redirections|Socket timeout/i, lost],
];

/**
 * Says what an error of the client or the server means; undefined when it is not known.
 *
 * @param own  further first words, such as those of the caller's scripts
 */
export function meaningOfRedis(error: unknown, own: Readonly<Record<string, RedisMeaning>> = {}): RedisMeaning | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? error.code : undefined;
  if (notReachedCodes.has(code)) return { code: "unavailable", ...none, message: "not reached" };
  if (lostConnectionCodes.has(code)) return lost;
  // An error inside a script comes with the script's name before or after it.
  const word = /^(?:ERR )?(?:Error running script[^:]*: @?user_script:\d+: )?(?:-)?([A-Z]+)\b/.exec(error.message)?.[1];
  for (const words of [own, byFirstWord]) if (word !== undefined && Object.hasOwn(words, word)) return words[word];
  return byClientText.find(([pattern]) => pattern.test(error.message))?.[1];
}

/** The client hangs the command on its errors, with values and, of AUTH, the password: takes it off. */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && "command" in error) delete error.command;
  return error;
}

/** A client as far as it is connected again. */
export interface ReconnectingClient {
  on(event: "end", listener: () => void): unknown;
  connect(): Promise<unknown>;
}

/** The pause before a client that has given up is connected again. */
const againMs = 500;

/**
 * Connects a client of ioredis again that has given up although its strategy of retries never does: when the sentinels tell of a new primary while
 * it asks one of them for the primary, it takes its own attempt for ended by the app.
 *
 * @param isClosed  whether the app has ended it
 */
export function connectAgain(client: ReconnectingClient, isClosed: () => boolean): void {
  client.on("end", () => {
    if (isClosed()) return;
    // What comes of it is told by the client's events.
    const timer = setTimeout(() => void (isClosed() || client.connect().catch(() => undefined)), againMs);
    timer.unref?.();
  });
}
