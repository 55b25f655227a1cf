import type { ErrorCode, Outcome } from "@bk/core";
import type { Classified } from "../../driver.js";
import { DbError } from "../../errors.js";
import { missingColumn, missingTable, withoutValues } from "../../engines/sql/messages.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly outcome?: Outcome;
}

const meaning = (code: ErrorCode, message: string, outcome: Outcome = "none"): Meaning => ({ code, message, outcome });

/**
 * What SQLSTATE codes mean; a code that is not here counts as its class, the first two characters
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html). The server has undone what a failed statement did.
 */
const states: Readonly<Record<string, Meaning>> = {
  "23505": meaning("already-exists", "another row has this unique value"),
  "23502": meaning("drift", "a stored column does not take null"),
  "23": meaning("invalid", "a constraint of the stored table does not hold"),
  "22003": meaning("invalid", "a number is outside the range of its column"),
  "22001": meaning("too-large", "a text is too long for its stored column"),
  "22": meaning("invalid", "a value does not fit its stored column"),
  "40001": meaning("limited", "another transaction was in the way; try again"),
  "40P01": meaning("limited", "transactions waited for each other; try again"),
  "40003": meaning("unavailable", "it is not known whether the statement was completed", "unknown"),
  "40": meaning("limited", "the transaction was rolled back; try again"),
  "55P03": meaning("limited", "could not get a lock in time"),
  "55": meaning("limited", "what the statement needs is in use"),
  "57014": meaning("timeout", "the statement was ended: it took too long or was cancelled"),
  "57": meaning("unavailable", "the server is starting, stopping or out of reach"),
  // A commit that waits for a standby server has been made here already when its wait is ended by this.
  "57P01": meaning("unavailable", "the server ended the connection", "unknown"),
  "57P02": meaning("unavailable", "the server ended the connection", "unknown"),
  "25P03": meaning("timeout", "the transaction was idle for too long and was rolled back"),
  "25P04": meaning("timeout", "the transaction took too long and was rolled back"),
  "25006": meaning("denied", "the server, or the transaction, is read-only"),
  "25P02": meaning("condition-failed", "an earlier call of the transaction failed; it can only be rolled back"),
  "53300": meaning("unavailable", "the server has no connection left"),
  "53400": meaning("too-large", "over a limit of the server's configuration"),
  "53": meaning("unavailable", "the server is short of memory or disk"),
  "54": meaning("too-large", "over a limit of PostgreSQL, such as the size of an indexed value"),
  "42P01": meaning("drift", missingTable()),
  "42703": meaning("drift", missingColumn()),
  "42883": meaning("drift", "a function or operator does not exist in the store; call sync() first"),
  "42P10": meaning("drift", "the table's primary key is not the declared one"),
  "42804": meaning("drift", "a stored column is of another type"),
  "42501": meaning("denied", "the database user may not do this"),
  "3D000": meaning("not-found", "the database does not exist"),
  "3F000": meaning("not-found", "the schema does not exist"),
  "28": meaning("unauthenticated", "the server refused the user or password"),
  "58": meaning("unavailable", "the server failed to read or write", "unknown"),
  "08": meaning("unavailable", "the connection failed", "unknown"),
};

/** What errors of the operating system mean. They are raised when a connection cannot be made, before anything is sent. */
const systemErrors: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: meaning("unavailable", "no server answers"),
  ECONNRESET: meaning("unavailable", "the connection was reset"),
  EPIPE: meaning("unavailable", "the connection was closed"),
  ETIMEDOUT: meaning("unavailable", "the server cannot be reached in time"),
  EHOSTUNREACH: meaning("unavailable", "the host cannot be reached"),
  ENETUNREACH: meaning("unavailable", "the network cannot be reached"),
  EADDRNOTAVAIL: meaning("unavailable", "the address cannot be reached"),
  ENOTFOUND: meaning("unavailable", "the host's name is not known"),
  EAI_AGAIN: meaning("unavailable", "the host's name cannot be looked up"),
  ENOENT: meaning("unavailable", "no server listens on this socket"),
  EACCES: meaning("denied", "the socket may not be used"),
};

/** The SQLSTATE of an error of the server; undefined when it is none. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && (error as { severity?: unknown }).severity !== undefined
    ? code
    : undefined;
}

/** Whether the server ended the connection with this error. Its word for that is in the server's language, so codes count too. */
export function isFatal(error: unknown): boolean {
  const { severity } = error as { severity?: unknown };
  return severity === "FATAL" || severity === "PANIC" || /^(57P0[1-5]|25P0[34]|08...)$/.test(sqlState(error) ?? "");
}

/** True when a definition failed because somebody else was making the same thing at the same time. */
export function isThereAlready(error: unknown): boolean {
  const state = sqlState(error) ?? "";
  // A unique index over rows that are not unique has the same code as two entries of the catalog.
  if (state === "23505") return (error as { schema?: unknown }).schema === "pg_catalog";
  return ["42P07", "42701", "42710", "42723"].includes(state);
}

/** Whether the server has forgotten, or may no longer use, a prepared statement; nothing was done. */
export function isStalePlan(error: unknown): boolean {
  const state = sqlState(error);
  return state === "26000" || (state === "0A000" && (error as { routine?: unknown }).routine === "RevalidateCachedQuery");
}

/** Says what an error of PostgreSQL, or of the connection to it, means. */
export function classifyPostgres(error: unknown): Classified | undefined {
  const state = sqlState(error);
  if (state === undefined) {
    const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
    return typeof code === "string" ? systemErrors[code] : undefined;
  }
  const known = states[state] ?? states[state.slice(0, 2)];
  if (known === undefined) return { code: "internal", outcome: "none", message: `PostgreSQL refused the statement (${state})` };
  if (state === "23505") return { ...known, detail: { unique: takenColumns(error)?.join("_") } };
  if (state === "42P01") return { ...known, message: missingTable(quotedName(error)) };
  if (state === "42703") return { ...known, message: missingColumn(quotedName(error)) };
  return known.code === "limited" ? { ...known, detail: { retryAfterMs: 10 } } : known;
}

/** An error of a native command with the server's reason, where that holds no values; others as they are. */
export function nativeError(error: unknown): unknown {
  const state = sqlState(error);
  if (state === undefined) return error;
  const { code, outcome, detail } = classifyPostgres(error)!;
  const isRefused = code === "drift" || code === "internal";
  // Of other classes the messages quote values.
  if (!isRefused && !/^(42|23|25|55)/.test(state)) return error;
  const reason = /^(42|23|25|55|0A)/.test(state) ? withoutValues((error as Error).message) : `PostgreSQL refused the command (${state})`;
  return new DbError(isRefused ? "invalid" : code, reason, { outcome, detail, cause: error });
}

/** The columns whose unique value was taken: `Key (first, last)=(…) already exists.`, in any language; what follows are values. */
export function takenColumns(error: unknown): readonly string[] | undefined {
  if (sqlState(error) !== "23505") return undefined;
  const { detail } = error as { detail?: unknown };
  const list = typeof detail === "string" ? /\(([^()=]+)\)=\(/.exec(detail)?.[1] : undefined;
  return list?.replaceAll('"', "").split(", ");
}

/** The first name in an error's message, which is in the server's language. */
function quotedName(error: unknown): string | undefined {
  return /["«„»‘“]\s?([^"»“«’”]+?)\s?["»“«’”]/.exec((error as Error).message)?.[1];
}
