// What native errors mean: those of the server by their codes (section 9 of the protocol's specification), those of the
// client by their names.

import type { Classified, Phase } from "../../driver.js";
import { missingColumn, missingTable } from "../../engines/sql/messages.js";

const none = { outcome: "none" } as const;
const unknown = { outcome: "unknown" } as const;

/** Errors of the server by code. */
const byCode: Readonly<Record<number, Classified>> = {
  0x0000: { code: "unavailable", ...unknown, message: "the server failed" },
  0x000a: { code: "internal", ...unknown, message: "the server and the client do not understand each other" },
  0x0100: { code: "unauthenticated", ...none, message: "the server refused the user or password" },
  0x1000: { code: "unavailable", ...none, message: "too few replicas are alive" },
  0x1001: { code: "limited", ...none, message: "the server is overloaded" },
  0x1002: { code: "unavailable", ...none, message: "the server is starting" },
  0x1003: { code: "internal", ...unknown, message: "the table could not be emptied" },
  0x1100: { code: "timeout", ...unknown, message: "the replicas did not write in the server's time" },
  0x1200: { code: "timeout", ...unknown, message: "the replicas did not answer in the server's time" },
  0x1300: { code: "unavailable", ...unknown, message: "a replica could not read" },
  0x1400: { code: "invalid", ...none, message: "a function of the server failed" },
  0x1500: { code: "unavailable", ...unknown, message: "a replica could not write" },
  0x1600: { code: "unavailable", ...none, message: "the server has no room to record changes (CDC)" },
  0x1700: { code: "timeout", ...unknown, message: "the replicas did not agree on the write in the server's time" },
  0x2000: { code: "internal", ...none, message: "the server does not understand the statement" },
  0x2100: { code: "denied", ...none, message: "the user may not do this" },
  0x2300: { code: "invalid", ...none, message: "the server's configuration does not allow this" },
  0x2400: { code: "already-exists", ...none, message: "there is a table or keyspace of this name" },
};

const noKeyspace = /^keyspace \S+ (?:does not|doesn't) exist/i;

/** What the server calls invalid, by its text. */
const invalidTexts: readonly (readonly [RegExp, (match: RegExpExecArray) => Classified])[] = [
  [noKeyspace, () => ({ code: "drift", ...none, message: "the keyspace does not exist; call sync() first" })],
  [/^table (?:\S+\.)?(\S+) does not exist/i, ([, name]) => ({ code: "drift", ...none, message: missingTable(name) })],
  [
    /^Undefined column name "?_version"?/,
    () => ({
      code: "drift",
      ...none,
      message: 'another program has made the table, and it lacks the column of this driver; run: ALTER TABLE … ADD "_version" uuid',
    }),
  ],
  [
    /^(?:Undefined column name|Unknown identifier) "?([^" ]+?)"?(?: in table|$)/,
    ([, name]) => ({ code: "drift", ...none, message: missingColumn(name), ...(name === undefined ? {} : { column: name }) }),
  ],
  [
    /longer than maximum|too large|exceeds the maximum|exceed.*size|larger than the maximum|above threshold|Request is too big/i,
    () => ({ code: "too-large", ...none, message: "a value is over the server's limit" }),
  ],
  [/unconfigured table/i, () => ({ code: "drift", ...none, message: missingTable() })],
];

interface NativeError extends Error {
  readonly code?: number | string;
  readonly innerErrors?: Readonly<Record<string, unknown>>;
  readonly isSocketError?: boolean;
  readonly requestNotWritten?: boolean;
  readonly reasons?: unknown;
  readonly info?: string;
}

/** The code of an error of the server; undefined when it is none. */
export function serverCode(error: unknown): number | undefined {
  const { code, name } = (error ?? {}) as NativeError;
  return name === "ResponseError" && typeof code === "number" ? code : undefined;
}

export function isMissingKeyspace(error: unknown): boolean {
  return serverCode(error) === 0x2200 && noKeyspace.test((error as Error).message);
}

/** Whether the replicas did not say in time what became of a conditional write. */
export function isUncertain(error: unknown): boolean {
  const code = serverCode(error);
  return code === 0x1700 || ((code === 0x1100 || code === 0x1200) && /SERIAL/.test((error as Error).message));
}

/** Whether no connection could be used, so that nothing was sent. */
export function isUnreached(error: unknown): boolean {
  if (isOfEmptyPool(error)) return true;
  return (error as NativeError | undefined)?.name === "NoHostAvailableError" && !innerErrors(error).some(isBusy);
}

/** The last connection of a host broke after the host was chosen; the client gives this no name of its own. */
function isOfEmptyPool(error: unknown): boolean {
  return (error as NativeError | undefined)?.message === "No connection available";
}

function isBusy(error: unknown): boolean {
  return (error as NativeError | undefined)?.name === "BusyConnectionError";
}

function innerErrors(error: unknown): unknown[] {
  return Object.values((error as NativeError).innerErrors ?? {});
}

/** Says what an error of the server, the client or the connection means; undefined when it is not known. */
export function classifyCassandra(error: unknown, phase: Phase = "send"): Classified | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message, isSocketError, requestNotWritten } = error as NativeError;
  const code = serverCode(error);
  if (code !== undefined) return ofServer(code, message);
  if (isOfEmptyPool(error)) return { code: "unavailable", ...none, message: "no host can be reached" };
  const neverSent = phase === "connect" || requestNotWritten === true;
  switch (name) {
    case "NoHostAvailableError":
      return ofHosts(error, phase);
    case "AuthenticationError":
      return byCode[0x0100];
    case "OperationTimedOutError":
      return { code: "timeout", outcome: neverSent ? "none" : "unknown", message: "the server did not answer in time" };
    case "BusyConnectionError":
      return { code: "limited", ...none, message: "too many requests are on their way" };
    case "TypeError":
    case "RangeError":
      // The client encodes values before it sends anything.
      return { code: "invalid", ...none, message: "a value does not fit its stored column" };
    default:
      if (isSocketError === true || isOfNetwork(error))
        return {
          code: "unavailable",
          outcome: neverSent ? "none" : "unknown",
          message: neverSent ? "not reached" : "the connection was lost",
        };
      return undefined;
  }
}

function ofServer(code: number, message: string): Classified {
  if (code === 0x2200) {
    for (const [pattern, meaning] of invalidTexts) {
      const match = pattern.exec(message);
      if (match !== null) return meaning(match);
    }
    return { code: "internal", ...none, message: "the server refused the statement (invalid)" };
  }
  // An index that is being built, or is not there on a replica that has just started.
  if (code === 0x1300 && /INDEX/i.test(message)) return { code: "unavailable", ...none, message: "an index is still being built" };
  return byCode[code] ?? { code: "internal", ...unknown, message: `the server refused the statement (${code})` };
}

/** Each host was tried, and for each there is a reason. */
function ofHosts(error: Error, phase: Phase): Classified {
  const reasons = innerErrors(error).map((inner) => classifyCassandra(inner, "connect"));
  const refused = reasons.find((reason) => reason?.code === "unauthenticated" || reason?.code === "denied" || reason?.code === "limited");
  if (refused !== undefined) return refused;
  if (phase === "connect" && reasons.length > 0 && reasons.every((reason) => reason?.code === "timeout"))
    return { code: "timeout", ...none, message: "no host answers in time" };
  return { code: "unavailable", ...none, message: "no host can be reached" };
}

function isOfNetwork(error: NativeError & { readonly code?: unknown }): boolean {
  return /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET|EADDR)/.test(String(error.code ?? ""));
}
