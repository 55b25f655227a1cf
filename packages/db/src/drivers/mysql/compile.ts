// The compile stage: what the SQL compiler makes, and a command of its own for rows that are written whole.

import { isAlways, isNever, never } from "../../reference/condition.js";
import type { PutShape, Shape } from "../../driver.js";
import { describeCommand, type SqlCommand, type SqlStatement } from "../../engines/sql/command.js";
import { compileSql } from "../../engines/sql/compile.js";
import type { SqlDialect } from "../../engines/sql/dialect.js";

/**
 * Writes a whole row where one statement cannot.
 *
 * The only insert that meets an existing row without an error, ON DUPLICATE KEY UPDATE, changes the row of whatever
 * unique value is taken, and INSERT IGNORE passes over errors of every kind.
 *
 * - Where `over` does not always hold: `insert`; when the key is taken, `replace` (if any) overwrites a row for which it does.
 * - Where it does: `replace`, and `insert` when there was nothing to replace, until one of them did it.
 */
export interface MysqlPut {
  readonly kind: "put";
  readonly shape: PutShape;
  readonly insert: SqlStatement;
  readonly replace: SqlStatement | undefined;
}

export type MysqlCommand = SqlCommand | MysqlPut;

/** Translates a shape; pure. */
export function compileMysql(shape: Shape, dialect: SqlDialect): MysqlCommand {
  if (shape.verb !== "put") return compileSql(shape, dialect);
  if (isAlways(shape.over) && shape.table.uniques.length === 0) return compileSql(shape, dialect);
  const { table, key } = shape;
  const insert = statementOf({ ...shape, over: never, returning: "none" }, dialect);
  if (isNever(shape.over)) return Object.freeze({ kind: "put", shape, insert, replace: undefined });
  const rest = table.columns.filter((column) => !column.isKey);
  const changes = rest.map((column) => ({ column, op: "set" as const, slot: shape.row[column.index] }));
  const guard = shape.over;
  const replace = statementOf({ verb: "update", target: "key", table, key, changes, guard, insert: undefined, returning: "none" }, dialect);
  return Object.freeze({ kind: "put", shape, insert, replace });
}

function statementOf(shape: Shape, dialect: SqlDialect): SqlStatement {
  const command = compileSql(shape, dialect);
  if (command.kind !== "write") throw new TypeError(`${shape.verb} is no write`);
  return command.statement;
}

/** The texts of a command, for `explain`. */
export function describeMysql(command: MysqlCommand): string | readonly string[] {
  if (command.kind !== "put") return describeCommand(command);
  const { shape, insert, replace } = command;
  if (replace === undefined) return insert.text;
  return isAlways(shape.over) ? [replace.text, insert.text] : [insert.text, replace.text];
}
