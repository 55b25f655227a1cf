// One statement on one connection, as a promise.

import type { Connection, QueryError, ResultSetHeader } from "mysql2";
import type { Value } from "../../driver.js";

/** What a statement gave. */
export interface Answer {
  readonly rows: readonly (readonly Value[])[];
  readonly affected: number;
}

/** Runs a prepared statement; it is prepared when the connection sees it first. */
export function runPrepared(connection: Connection, sql: string, values: readonly Value[]): Promise<Answer> {
  const bytes = values.some(isBareBytes) ? values.map((value) => (isBareBytes(value) ? bufferOf(value) : value)) : values;
  return new Promise((resolve, reject) => {
    connection.execute({ sql, values: bytes as never, rowsAsArray: true }, (error: QueryError | null, result: unknown) => {
      if (error) reject(error);
      else resolve(answerOf(result));
    });
  });
}

/** Runs a text as it is. */
export function runText(connection: Connection, sql: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, rowsAsArray: true }, (error: QueryError | null, result: unknown) => {
      if (error) reject(error);
      else resolve(answerOf(result));
    });
  });
}

/** Runs a text with values for its `?`; gives rows as objects, or `{ affected }` for a statement that has none. */
export function runNative(connection: Connection, sql: string, values: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, values: values as never }, (error: QueryError | null, result: unknown) => {
      if (error) reject(error);
      else
        resolve(
          Array.isArray(result)
            ? result.map((row: unknown) => ({ ...(row as object) }))
            : { affected: (result as ResultSetHeader).affectedRows },
        );
    });
  });
}

function answerOf(result: unknown): Answer {
  // A statement that gives rows and a status, such as CALL, is not among ours.
  if (Array.isArray(result)) return { rows: result as Value[][], affected: result.length };
  return { rows: [], affected: (result as ResultSetHeader).affectedRows };
}

/** Bytes that the client would take for text. */
function isBareBytes(value: Value): value is Uint8Array {
  return value instanceof Uint8Array && !Buffer.isBuffer(value);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
