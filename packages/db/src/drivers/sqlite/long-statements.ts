// The statements that a thread carries out in the stead of a command that may take long, where the table is large.

import type { Values } from "../../driver.js";
import { bindValues, type SqlCommand, type SqlStatement } from "../../engines/sql/command.js";
import { compileSql } from "../../engines/sql/compile.js";
import { sqliteDialect, stoppableDialect } from "./dialect.js";
import type { SqliteHandle } from "./handle.js";
import { tableSizes } from "./may-be-long.js";
import type { LongStatement } from "./threads.js";

export interface SqliteLongStatement extends LongStatement {
  /** The statement, where it can be tried first: it asks now and then whether to go on. */
  readonly tried: SqlStatement | undefined;
}

/**
 * Makes a function that gives the statement for a command and its values; undefined where the command is best carried out
 * at once.
 *
 * @param fromBytes  the size of the file from which on threads are used
 */
export function longStatements(
  handle: SqliteHandle,
  fromBytes: number,
): (command: SqlCommand, values: Values) => SqliteLongStatement | undefined {
  const sizeOf = tableSizes(handle, fromBytes);
  const stoppable = new WeakMap<SqlCommand, SqlCommand>();

  return (command, values) => {
    const size = sizeOf(command.shape.table.name);
    if (size === "small") return undefined;
    let own = command;
    if (size === "numbered") {
      own = stoppable.get(command) ?? compileSql(command.shape, stoppableDialect);
      stoppable.set(command, own);
    }
    const statement = statementOf(own, values);
    const bound = statement && bindValues(statement, values, sqliteDialect.search);
    const mayTry =
      size === "numbered" && own.kind === "read" && own.shape.verb !== "get" && !("match" in own.shape && own.shape.match !== undefined);
    return statement && { text: statement.text, values: bound!, writes: own.kind === "write", tried: mayTry ? statement : undefined };
  };
}

function statementOf(command: SqlCommand, values: Values): SqlStatement | undefined {
  if (command.kind === "read") return command.choose === undefined ? command.statement : command.choose(values);
  return command.kind === "write" ? command.statement : undefined;
}
