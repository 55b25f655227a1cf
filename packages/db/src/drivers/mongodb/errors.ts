// What errors of the server, of the client and of the way between them mean.

import type { ErrorCode, Outcome } from "@bk/core";

import type { Classified, Phase } from "../../driver.js";
import { DbError } from "../../errors.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly outcome: Outcome;
}

const meaning = (code: ErrorCode, message: string, outcome: Outcome = "none"): Meaning => ({ code, message, outcome });

/** Codes of the server: https://www.mongodb.com/docs/manual/reference/error-codes/ */
const byCode: Readonly<Record<number, Meaning>> = {
  2: meaning("invalid", "the server refuses a value"),
  6: meaning("unavailable", "the server cannot be reached"),
  7: meaning("unavailable", "the server cannot be reached"),
  8000: meaning("unauthenticated", "the server refuses the user or password"),
  11: meaning("unauthenticated", "the server does not know the user"),
  13: meaning("denied", "the database user may not do this"),
  18: meaning("unauthenticated", "the server refuses the user or password"),
  24: meaning("limited", "could not get a lock in time"),
  26: meaning("drift", "the collection does not exist in the store; call sync() first"),
  39: meaning("unavailable", "the server failed to read or write", "unknown"),
  43: meaning("limited", "the server has forgotten the cursor; try again"),
  46: meaning("limited", "what the command needs is in use"),
  48: meaning("already-exists", "the collection exists"),
  50: meaning("timeout", "the command took longer than it may"),
  51: meaning("limited", "another command is making the same thing"),
  64: meaning("unavailable", "it is not known whether other servers have the write", "unknown"),
  89: meaning("unavailable", "a server of the set did not answer", "unknown"),
  91: meaning("unavailable", "the server is shutting down", "unknown"),
  112: meaning("limited", "another transaction was in the way; try again"),
  115: meaning("unsupported", "the server does not know this command"),
  117: meaning("limited", "an operation that is under way is in the way"),
  121: meaning("invalid", "the collection's validator refuses the document"),
  133: meaning("unavailable", "the shard has no primary"),
  134: meaning("unavailable", "the server is not ready to read as asked"),
  166: meaning("denied", "the server was started without this command"),
  168: meaning("invalid", "the server refuses the pipeline"),
  189: meaning("unavailable", "the primary stepped down", "unknown"),
  211: meaning("unavailable", "the server's key is not found"),
  216: meaning("unavailable", "the server cannot serve the request now"),
  225: meaning("limited", "the transaction took longer than it may and was undone"),
  244: meaning("limited", "the transaction was undone; try again"),
  246: meaning("limited", "the transaction's snapshot is not there any more; try again"),
  251: meaning("limited", "the transaction was undone by the server; try again"),
  256: meaning("invalid", "the transaction was committed"),
  257: meaning("too-large", "the transaction is too large"),
  262: meaning("timeout", "the command took longer than it may"),
  292: meaning("too-large", "sorting or grouping takes more memory than the server gives it"),
  314: meaning("unavailable", "the server is short of disk", "none"),
  384: meaning("unavailable", "the connection pool of the server is full"),
  391: meaning("unauthenticated", "the user must sign in again"),
  10003: meaning("too-large", "the row is larger than the collection takes"),
  10058: meaning("unavailable", "the server is not the primary", "unknown"),
  10107: meaning("unavailable", "the server is not the primary"),
  10334: meaning("too-large", "the row takes more than 16 MB, which is MongoDB's limit"),
  11000: meaning("already-exists", "another row has this unique value"),
  11600: meaning("unavailable", "the server is shutting down", "unknown"),
  11602: meaning("unavailable", "the primary stepped down", "unknown"),
  13388: meaning("limited", "the cluster is moving these rows"),
  13435: meaning("unavailable", "the server is not the primary"),
  13436: meaning("unavailable", "the server is not the primary, nor ready"),
  14031: meaning("unavailable", "the server is short of disk"),
  17280: meaning("too-large", "a value is too long for its index"),
  17419: meaning("too-large", "the row takes more than 16 MB, which is MongoDB's limit"),
  17420: meaning("too-large", "the row takes more than 16 MB, which is MongoDB's limit"),
  51075: meaning("invalid", "the server refuses the regular expression"),
  51091: meaning("invalid", "the server refuses the regular expression"),
};

/** Of the client, by the name of the error. */
const byName: Readonly<Record<string, Meaning>> = {
  MongoServerSelectionError: meaning("unavailable", "no server answers"),
  MongoTopologyClosedError: meaning("closed", "used after close"),
  MongoClientClosedError: meaning("closed", "used after close"),
  MongoNotConnectedError: meaning("closed", "used after close"),
  MongoPoolClearedError: meaning("unavailable", "the connection was lost before anything was sent"),
  // Of connections that were in use.
  PoolClearedOnNetworkError: meaning("unavailable", "the connection was lost", "unknown"),
  MongoPoolClosedError: meaning("closed", "used after close"),
  MongoWaitQueueTimeoutError: meaning("unavailable", "no connection was free in time"),
  MongoNetworkTimeoutError: meaning("timeout", "no answer in time", "unknown"),
  MongoOperationTimeoutError: meaning("timeout", "no answer in time", "unknown"),
  MongoMissingCredentialsError: meaning("unauthenticated", "the server asks for a user and a password"),
};

const networkCodes: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: meaning("unavailable", "no server answers"),
  ENOTFOUND: meaning("unavailable", "the host's name is not known"),
  EAI_AGAIN: meaning("unavailable", "the host's name cannot be looked up"),
  EHOSTUNREACH: meaning("unavailable", "the host cannot be reached"),
  ENETUNREACH: meaning("unavailable", "the network cannot be reached"),
  ENODATA: meaning("unavailable", "the host has no SRV record"),
};

const lostCodes: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT"]);
const lost = meaning("unavailable", "the connection was lost", "unknown");

/**
 * Says what an error means; undefined when it is not known.
 *
 * A command that the server answers with an error has done nothing, unless its code says otherwise. A connection that is lost says nothing of
 * what was sent on it.
 */
export function classifyMongo(error: unknown, phase: Phase = "send"): Classified | undefined {
  const found = meaningOf(error);
  if (found === undefined) return undefined;
  return phase === "connect" ? { ...found, outcome: "none" } : found;
}

function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error)) return undefined;
  if (hasLabel(error, "UnknownTransactionCommitResult"))
    return meaning("unavailable", "it is not known whether the commit took effect", "unknown");
  const { code } = error as { code?: unknown };
  if (isServerError(error)) {
    if (hasLabel(error, "TransientTransactionError")) return meaning("limited", "another transaction was in the way; try again");
    if (typeof code === "number" && byCode[code] !== undefined) return byCode[code];
    return oddAnswer(error.message);
  }
  if (typeof code === "string" && networkCodes[code] !== undefined) return networkCodes[code];
  if (lostCodes.has(code)) return lost;
  if (error.name === "MongoServerSelectionError") return selectionMeaning(error);
  if (error.name === "MongoNetworkTimeoutError" && isBeforeSending(error)) return { ...byName[error.name]!, outcome: "none" };
  if (byName[error.name] !== undefined) return byName[error.name];
  if (error.name === "MongoNetworkError")
    return reasonOf(error) ?? (isBeforeSending(error) ? meaning("unavailable", "no connection to the server") : lost);
  return clientMeaning(error);
}

/** The client waits for a server that answers; why none does is in the cause. */
function selectionMeaning(error: Error): Meaning {
  return reasonOf(error) ?? byName["MongoServerSelectionError"]!;
}

function reasonOf(error: Error): Meaning | undefined {
  for (let cause: unknown = causeOf(error), depth = 0; cause instanceof Error && depth < 5; cause = causeOf(cause), depth++) {
    const { code } = cause as { code?: unknown };
    if (typeof code === "string" && networkCodes[code] !== undefined) return networkCodes[code];
    if (isServerError(cause) && typeof code === "number" && byCode[code] !== undefined) return { ...byCode[code], outcome: "none" };
    // The handshake is refused by what the user has given.
    if (cause.name === "MongoNetworkTimeoutError") return meaning("timeout", "no answer from the server within connectTimeoutMs");
  }
  return undefined;
}

function causeOf(error: Error): unknown {
  if (error.cause !== undefined) return error.cause;
  // What the client knows of the servers when it gives up.
  const { reason } = error as { reason?: { servers?: ReadonlyMap<string, { error?: unknown }> } };
  return [...(reason?.servers?.values() ?? [])].map((server) => server.error).find((one) => one !== undefined && one !== null);
}

function clientMeaning(error: Error): Meaning | undefined {
  if (/document is larger than the maximum size|exceeds maximum BSON size|BSON size/i.test(error.message))
    return meaning("too-large", "the row takes more than 16 MB, which is MongoDB's limit");
  if (error instanceof RangeError && /out of range|offset/i.test(error.message))
    return meaning("too-large", "the command takes more than 16 MB, which is MongoDB's limit");
  return undefined;
}

/** What the server refuses without a code. */
function oddAnswer(message: string): Meaning | undefined {
  if (/object to insert too large|BSONObj size/i.test(message))
    return meaning("too-large", "the row takes more than 16 MB, which is MongoDB's limit");
  return undefined;
}

function isServerError(error: Error): boolean {
  return error.name === "MongoServerError" || error.name === "MongoWriteConcernError";
}

export function hasLabel(error: unknown, label: string): boolean {
  return error instanceof Error && ((error as { errorLabels?: readonly string[] }).errorLabels ?? []).includes(label);
}

/** The connection failed while it was being made. */
function isBeforeSending(error: Error): boolean {
  return hasLabel(error, "HandshakeError") || (error as { beforeHandshake?: unknown }).beforeHandshake === true;
}

/** The number by which the server names an error. */
export function serverCode(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return error instanceof Error && typeof code === "number" ? code : undefined;
}

const duplicateKey = 11_000;

/** The index whose value was taken: its name, and its fields where the server tells them; undefined for other errors. */
export function takenIndex(error: unknown): { readonly name: string; readonly fields: readonly string[] | undefined } | undefined {
  if (serverCode(error) !== duplicateKey) return undefined;
  const { keyPattern, message } = error as { keyPattern?: object; message: string };
  const name = /\bindex: (\S+)(?: collation: .*?)? dup key/.exec(message)?.[1] ?? "";
  return { name, fields: keyPattern === undefined ? undefined : Object.keys(keyPattern) };
}

/** Whether a row with the same key was in the way. */
export function isKeyTaken(error: unknown): boolean {
  return takenIndex(error)?.name === "_id_";
}

export function missingTable(table: string, cause?: unknown): DbError {
  return new DbError("drift", `table ${table} does not exist in the store; call sync() first`, { table, outcome: "none", cause });
}
