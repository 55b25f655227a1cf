// One statement on one connection, as a promise.

import type { Connection, QueryError, ResultSetHeader } from "mysql2";
import type { Value } from "../../driver.js";
import { isOutOfStatements } from "./errors.js";

/** What a statement gave. */
export interface Answer {
  readonly rows: readonly (readonly Value[])[];
  readonly affected: number;
}

/** Statements that a connection keeps prepared. */
export const mostPrepared = 500;

/** The texts that a connection may have prepared. One that is forgotten here is remembered when it is used again. */
const preparedTexts = new WeakMap<Connection, Set<string>>();

/**
 * Runs a prepared statement; it is prepared when the connection sees it first.
 *
 * On a server that has no room for another prepared statement the connection gives up those that it holds; when others
 * hold that many, the values are written into the text.
 */
export async function runPrepared(connection: Connection, sql: string, values: readonly Value[]): Promise<Answer> {
  const bound = values.some(isBareBytes) ? values.map((value) => (isBareBytes(value) ? bufferOf(value) : value)) : values;
  try {
    return await execute(connection, sql, bound);
  } catch (error) {
    if (!isOutOfStatements(error)) throw error;
  }
  giveUpStatements(connection);
  try {
    return await execute(connection, sql, bound);
  } catch (error) {
    if (!isOutOfStatements(error)) throw error;
  }
  return runText(connection, sql, bound);
}

function execute(connection: Connection, sql: string, values: readonly Value[]): Promise<Answer> {
  remember(connection, sql);
  return new Promise((resolve, reject) => {
    connection.execute({ sql, values: values as never, rowsAsArray: true }, (error: QueryError | null, result: unknown) => {
      if (error) reject(error);
      else resolve(answerOf(result));
    });
  });
}

function remember(connection: Connection, sql: string): void {
  let texts = preparedTexts.get(connection);
  if (texts === undefined) preparedTexts.set(connection, (texts = new Set()));
  if (texts.has(sql)) return;
  texts.add(sql);
  if (texts.size > mostPrepared) texts.delete(texts.keys().next().value!);
}

function giveUpStatements(connection: Connection): void {
  for (const sql of preparedTexts.get(connection) ?? [])
    (connection as unknown as { unprepare(options: object): void }).unprepare({ sql, rowsAsArray: true });
  preparedTexts.delete(connection);
}

/** Runs a text as it is, or with values written into it. */
export function runText(connection: Connection, sql: string, values?: readonly Value[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.query(
      { sql, rowsAsArray: true, ...(values === undefined ? {} : { values: values as never }) },
      (error: QueryError | null, result: unknown) => {
        if (error) reject(error);
        else resolve(answerOf(result));
      },
    );
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
