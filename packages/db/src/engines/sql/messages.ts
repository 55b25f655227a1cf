// What SQL drivers say alike, whatever their engines call it.

import { DbError } from "../../errors.js";

/** A call on a table before `sync()` has made it. */
export function missingTable(name?: string): string {
  return `table ${name === undefined ? "" : `${name} `}does not exist in the store; call sync() first`;
}

/** A call on a column that `sync()` has not added yet. */
export function missingColumn(name?: string): string {
  return `column ${name === undefined ? "" : `${name} `}does not exist in the store; call sync() first`;
}

/** A server that took a connection and said nothing more, or did not even take it. Not tried again: each try would take as long. */
export function connectTimeout(address: string, connectTimeoutMs: number, cause: unknown): DbError {
  return new DbError("timeout", `no answer from ${address} within ${connectTimeoutMs} ms (connectTimeoutMs)`, { outcome: "none", cause });
}

/** The reason that an engine gives for refusing SQL, without what may be a value: quotes keep names alone. */
export function withoutValues(reason: string): string {
  return reason.replace(/(["'])(.*?)\1(?![\w'"])/gs, (quoted, _mark, inner: string) => (/^[A-Za-z_$][\w$. ]*$/.test(inner) ? quoted : "…"));
}
