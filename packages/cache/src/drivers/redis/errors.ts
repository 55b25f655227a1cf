// What native errors mean: those of the server by the first word of their text, those of the client by theirs.

import { type ErrorCode, lostConnectionCodes, notReachedCodes, type Outcome } from "@bk/core";
import { CacheError } from "../../errors.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly outcome: Outcome;
  readonly message: string;
}

const none = { outcome: "none" } as const;

const byFirstWord: Readonly<Record<string, Meaning>> = {
  NOAUTH: { code: "unauthenticated", ...none, message: "the server asks for a password" },
  WRONGPASS: { code: "unauthenticated", ...none, message: "the server refuses the user or password" },
  NOPERM: { code: "denied", ...none, message: "the server's rules do not allow the user this command" },
  LOADING: { code: "unavailable", ...none, message: "the server is loading its data" },
  MASTERDOWN: { code: "unavailable", ...none, message: "the server has lost its primary" },
  CLUSTERDOWN: { code: "unavailable", ...none, message: "the cluster is down" },
  TRYAGAIN: { code: "unavailable", ...none, message: "the cluster is moving the key" },
  READONLY: { code: "unavailable", ...none, message: "the server is a replica" },
  NOREPLICAS: { code: "unavailable", ...none, message: "too few replicas" },
  MISCONF: { code: "unavailable", ...none, message: "the server cannot save its data and takes no writes" },
  BUSY: { code: "limited", ...none, message: "the server is busy with a script" },
  OOM: { code: "unavailable", ...none, message: "the server is out of memory" },
  WRONGTYPE: { code: "invalid", ...none, message: "the key holds something of another kind" },
  NOTANUMBER: { code: "invalid", ...none, message: "the value is not a number" },
  NOTSAFE: { code: "invalid", ...none, message: "the sum would not be a safe integer" },
};

const byText: readonly (readonly [RegExp, Meaning])[] = [
  [/value is not an integer|hash value is not/, { code: "invalid", ...none, message: "the value is not an integer" }],
  [/would overflow/, { code: "invalid", ...none, message: "the sum would not be a safe integer" }],
  [/string exceeds maximum allowed size|too big/i, { code: "too-large", ...none, message: "the value is larger than the server takes" }],
  [
    /enableOfflineQueue|None of startup nodes|Failed to refresh slots cache|Cluster is ended|All sentinels are unreachable/,
    { code: "unavailable", ...none, message: "not connected" },
  ],
  // These are of commands that were sent: the server may have carried them out.
  [
    /Connection is closed|max retries per request|Command aborted|Too many Cluster redirections|Socket timeout/i,
    { code: "unavailable", outcome: "unknown", message: "the connection was lost" },
  ],
];

/** Says what an error of the client or the server means; undefined when it is not known. */
export function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? error.code : undefined;
  if (notReachedCodes.has(code)) return { code: "unavailable", ...none, message: "not reached" };
  if (lostConnectionCodes.has(code)) return { code: "unavailable", outcome: "unknown", message: "the connection was lost" };
  // An error inside a script comes with the script's name before or after it.
  const word = /^(?:ERR )?(?:Error running script[^:]*: @?user_script:\d+: )?(?:-)?([A-Z]+)\b/.exec(error.message)?.[1];
  if (word !== undefined && Object.hasOwn(byFirstWord, word)) return byFirstWord[word];
  return byText.find(([pattern]) => pattern.test(error.message))?.[1];
}

/** The error of a command that was sent. */
export function commandError(error: unknown): unknown {
  if (error instanceof CacheError) return error;
  const meaning = meaningOf(withoutCommand(error));
  if (meaning === undefined) return error;
  return new CacheError(meaning.code, meaning.message, { outcome: meaning.outcome, cause: error });
}

/** The client hangs the command on its errors, with values and, of AUTH, the password. */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && "command" in error) delete error.command;
  return error;
}
