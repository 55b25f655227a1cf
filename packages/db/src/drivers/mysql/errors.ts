import type { ErrorCode, Outcome } from "@bk/core";
import type { Classified } from "../../driver.js";
import { DbError } from "../../errors.js";
import { missingColumn, missingTable, withoutValues } from "../../engines/sql/messages.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly outcome: Outcome;
}

const meaning = (code: ErrorCode, message: string, outcome: Outcome = "none"): Meaning => ({ code, message, outcome });

/** What error numbers of the server mean (MySQL and MariaDB share these). It has undone what a failed statement did. */
const numbers: Readonly<Record<number, Meaning>> = {
  1021: meaning("unavailable", "the server's disk is full"),
  1037: meaning("unavailable", "the server is out of memory"),
  1038: meaning("too-large", "the rows are too long to be sorted in the server's sort_buffer_size"),
  1040: meaning("unavailable", "the server has no connection left"),
  1041: meaning("unavailable", "the server is out of memory"),
  1044: meaning("denied", "the user may not use this database"),
  1045: meaning("unauthenticated", "the server refused the user or password"),
  1048: meaning("drift", "a stored column does not take null"),
  1049: meaning("not-found", "the database does not exist"),
  1053: meaning("unavailable", "the server is shutting down", "unknown"),
  1054: meaning("drift", missingColumn()),
  1062: meaning("already-exists", "another row has this unique value"),
  1071: meaning("too-large", "an index would be over the 3,072 bytes that the server takes; declare a smaller maxLength"),
  1114: meaning("unavailable", "the table or its temporary space is full"),
  1118: meaning("too-large", "the row is over the server's limit"),
  1129: meaning("unavailable", "the server has blocked this host after many errors"),
  1130: meaning("denied", "the server lets nobody in from this host"),
  1142: meaning("denied", "the user may not do this"),
  1143: meaning("denied", "the user may not do this"),
  1146: meaning("drift", missingTable()),
  1153: meaning("too-large", "the command is over the server's max_allowed_packet"),
  1158: meaning("unavailable", "the connection failed", "unknown"),
  1159: meaning("unavailable", "the connection failed", "unknown"),
  1160: meaning("unavailable", "the connection failed", "unknown"),
  1161: meaning("unavailable", "the connection failed", "unknown"),
  1170: meaning("drift", "a stored column has no bounded size and cannot be indexed whole"),
  1203: meaning("unavailable", "the user has too many connections"),
  1205: meaning("limited", "could not get a lock in time; try again"),
  1206: meaning("limited", "the server has no room for more locks"),
  1213: meaning("limited", "transactions waited for each other; try again"),
  1226: meaning("limited", "the user has used up a limit of the server"),
  1227: meaning("denied", "the user may not do this"),
  1251: meaning("unauthenticated", "the server asks for an authentication that the client does not know"),
  1264: meaning("invalid", "a number is outside the range of its column"),
  1290: meaning("denied", "the server is read-only"),
  1301: meaning("too-large", "a value is over the server's max_allowed_packet"),
  1317: meaning("cancelled", "the statement was cancelled"),
  1364: meaning("drift", "a stored column needs a value and is not declared"),
  1366: meaning("invalid", "a value does not fit its stored column"),
  1390: meaning("too-large", "the command has more than 65,535 values"),
  1406: meaning("too-large", "a value is too long for its stored column"),
  1461: meaning("limited", "the server has no room for more prepared statements (max_prepared_stmt_count)"),
  1698: meaning("unauthenticated", "the server refused the user"),
  1690: meaning("invalid", "a number is outside the range of its column"),
  1792: meaning("denied", "the transaction is read-only"),
  1836: meaning("denied", "the server is read-only"),
  1927: meaning("unavailable", "the connection was ended by the server", "unknown"),
  1969: meaning("timeout", "the statement took longer than max_statement_time"),
  2013: meaning("unavailable", "the connection was lost", "unknown"),
  3024: meaning("timeout", "the statement took longer than max_execution_time"),
  3032: meaning("unavailable", "the server is closing its connections", "unknown"),
  3140: meaning("invalid", "a value is not JSON and its stored column takes nothing else"),
  3572: meaning("limited", "a lock was taken"),
  3819: meaning("invalid", "a constraint of the stored table does not hold"),
  4025: meaning("invalid", "a constraint of the stored table does not hold"),
  4031: meaning("unavailable", "the server closed the connection, which nobody used"),
};

/** What errors of the operating system and the client mean when a connection is made: nothing has been sent. */
const whileConnecting: Readonly<Record<string, string>> = {
  ECONNREFUSED: "no server answers",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  ETIMEDOUT: "the server cannot be reached in time",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EADDRNOTAVAIL: "the address cannot be reached",
  ENOTFOUND: "the host's name is not known",
  EAI_AGAIN: "the host's name cannot be looked up",
  PROTOCOL_CONNECTION_LOST: "the server closed the connection",
  HANDSHAKE_NO_SSL_SUPPORT: "the server has no TLS",
  HANDSHAKE_SSL_ERROR: "the server's certificate was not accepted",
};

interface NativeError extends Error {
  readonly errno?: number;
  readonly code?: string;
  readonly fatal?: boolean;
  readonly sqlMessage?: string;
}

/** The number of an error of the server; undefined when it is none. */
export function errorNumber(error: unknown): number | undefined {
  const { errno, sqlMessage } = (error ?? {}) as NativeError;
  return typeof errno === "number" && errno >= 1000 && (sqlMessage !== undefined || errno < 5000) ? errno : undefined;
}

/** Whether the connection cannot be used any more. */
export function isFatal(error: unknown): boolean {
  const { fatal, code } = (error ?? {}) as NativeError;
  return (
    fatal === true || (errorNumber(error) === undefined && code !== undefined && code in whileConnecting) || errorNumber(error) === 1927
  );
}

/** Whether the server has rolled the transaction back, or it cannot go on. */
export function endsTransaction(error: unknown): boolean {
  return isFatal(error) || [1205, 1206, 1213].includes(errorNumber(error) ?? 0);
}

/** True when a definition failed because the object already exists. */
export function isThereAlready(error: unknown): boolean {
  return [1050, 1060, 1061].includes(errorNumber(error) ?? 0);
}

/** The index whose unique value was taken, `PRIMARY` for the key; undefined for other errors. */
export function takenIndex(error: unknown): string | undefined {
  if (errorNumber(error) !== 1062) return undefined;
  // `Duplicate entry '…' for key 'photo.PRIMARY'`, since MySQL 8.0.19 with the table before it. The value may hold anything.
  const name = /for key '((?:[^'.]+\.)?[^'.]+)'$/.exec((error as NativeError).sqlMessage ?? (error as Error).message)?.[1];
  return name?.slice(name.indexOf(".") + 1);
}

/** The stored column that was to be set to null and takes none; undefined for other errors. */
export function nulledColumn(error: unknown): string | undefined {
  return errorNumber(error) === 1048 ? firstQuoted(error) : undefined;
}

/** Whether the server has no room for another prepared statement. */
export function isOutOfStatements(error: unknown): boolean {
  return errorNumber(error) === 1461;
}

/** What stands in the first quotes of an error's message, which is in the server's language. */
function firstQuoted(error: unknown): string | undefined {
  return /'([^']+)'/.exec((error as NativeError).sqlMessage ?? (error as Error).message)?.[1];
}

/** What an error means that came while a connection was made: nothing was done. */
export function classifyConnecting(error: unknown): Classified | undefined {
  const number = errorNumber(error);
  if (number !== undefined)
    return { ...(numbers[number] ?? meaning("unavailable", `the server refused the connection (${number})`)), outcome: "none" };
  const { code } = (error ?? {}) as NativeError;
  if (code !== undefined && code in whileConnecting) return { code: "unavailable", outcome: "none", message: whileConnecting[code]! };
  return error instanceof Error && (error as NativeError).fatal === true
    ? { code: "unavailable", outcome: "none", message: "a connection could not be made" }
    : undefined;
}

/** `table` of `database.table`. */
function lastPart(name: string | undefined): string | undefined {
  return name?.slice(name.lastIndexOf(".") + 1);
}

/** Numbers of errors whose messages have names in them and no values. */
const ofNames: ReadonlySet<number> = new Set([
  1044, 1048, 1049, 1050, 1051, 1052, 1054, 1060, 1061, 1065, 1072, 1091, 1093, 1109, 1136, 1142, 1143, 1146, 1166, 1210, 1222, 1227, 1241,
  1242, 1248, 1305, 1318, 1364, 1370, 1582,
]);

/** An error of a native command with the server's reason, where that holds no values; others as they are. */
export function nativeError(error: unknown): unknown {
  const number = errorNumber(error);
  if (number === undefined) return error;
  const { code, outcome } = classifyMysql(error)!;
  const isRefused = code === "drift" || code === "internal";
  if (!isRefused) return error;
  return new DbError("invalid", nativeReason(error as NativeError, number), { outcome: outcome ?? "none", cause: error });
}

function nativeReason({ sqlMessage = "" }: NativeError, number: number): string {
  if (ofNames.has(number)) return withoutValues(sqlMessage);
  if (number !== 1064) return `the server refused the command (${number})`;
  // `… near 'FORM note WHERE …' at line 1`: what follows the word may hold values.
  const [, word, line] = /near '([A-Za-z_]*)[^]*' at line (\d+)$/.exec(sqlMessage) ?? [];
  return `the SQL has a syntax error${word ? ` near ${word}` : ""}${line === undefined ? "" : ` at line ${line}`}`;
}

/** Says what an error of the server, or of the connection to it, means. */
export function classifyMysql(error: unknown): Classified | undefined {
  const number = errorNumber(error);
  if (number !== undefined) {
    const known = numbers[number] ?? meaning("internal", `the server refused the statement (${number})`);
    if (takenIndex(error) === "PRIMARY") return { ...known, message: "a row with this key exists" };
    if (number === 1146) return { ...known, message: missingTable(lastPart(firstQuoted(error))) };
    if (number === 1054) return { ...known, message: missingColumn(lastPart(firstQuoted(error))) };
    return known.code === "limited" ? { ...known, detail: { retryAfterMs: 10 } } : known;
  }
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NativeError;
  if (code === "ECONNREFUSED" || code === "ENOTFOUND") return classifyConnecting(error);
  // The client refuses a command for a connection that it knows is closed, and sends nothing.
  if (error.message.startsWith("Can't add new command when connection is in closed state"))
    return { code: "unavailable", outcome: "none", message: "the connection was closed" };
  return isFatal(error) ? { code: "unavailable", outcome: "unknown", message: "the connection was lost" } : undefined;
}
