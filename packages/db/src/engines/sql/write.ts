import { isNever, type Slot } from "../../reference/condition.js";
import type { Change, DeleteShape, PutShape, UpdateShape } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column, Table } from "../../schema/table.js";
import type { SqlStatement, SqlWrite } from "./command.js";
import { type ColumnWriter, writeConjunct } from "./condition.js";
import type { SqlDialect } from "./dialect.js";
import { columnList, keyCondition, where } from "./select.js";
import { type SqlWriter, sqlWriter } from "./writer.js";

export function compilePut(shape: PutShape, dialect: SqlDialect): SqlWrite {
  const { table } = shape;
  const writer = sqlWriter(dialect);
  const behindTable = columnOf(table, dialect);
  const insert = writeInsert(writer, table, shape.row);
  const rest = table.columns.filter((column) => !column.isKey);
  const replaces = !isNever(shape.over);
  const replace = rest.map(({ name }) => `${dialect.quote(name)} = ${dialect.inserted(dialect.quote(name))}`).join(", ");
  const set = replaces ? replace || touch(table, dialect) : undefined;
  const guard = replaces ? writeConjunct(writer, shape.over, behindTable) : "";
  const text = dialect.upsert({ table, insert, key: keyList(table, dialect), set, where: guard || undefined });
  const before = shape.returning === "old" ? writeBefore(shape, dialect) : undefined;
  return Object.freeze({ kind: "write", shape, statement: writer.finish(text), before, givesRows: false });
}

export function compileUpdate(shape: UpdateShape, dialect: SqlDialect): SqlWrite {
  const { table } = shape;
  const writer = sqlWriter(dialect);
  const returning = shape.returning === "new" ? ` RETURNING ${columnList(dialect, table.columns)}` : "";
  const before = shape.returning === "old" ? writeBefore(shape, dialect) : undefined;
  const finish = (text: string): SqlWrite =>
    Object.freeze({ kind: "write", shape, statement: writer.finish(text + returning), before, givesRows: returning !== "" });

  if (shape.insert !== undefined) {
    // Inside an upsert a bare name could mean the row that was to be inserted.
    const behindTable = columnOf(table, dialect);
    const insert = writeInsert(writer, table, shape.insert);
    const set = writeChanges(writer, table, shape.changes, behindTable);
    const guard = writeConjunct(writer, shape.guard, behindTable);
    return finish(dialect.upsert({ table, insert, key: keyList(table, dialect), set, where: guard || undefined }));
  }
  const name: ColumnWriter = (column) => dialect.quote(column.name);
  const set = writeChanges(writer, table, shape.changes, name);
  return finish(`UPDATE ${dialect.quote(table.name)} SET ${set}${writeTarget(writer, shape)}`);
}

export function compileDelete(shape: DeleteShape, dialect: SqlDialect): SqlWrite {
  const writer = sqlWriter(dialect);
  const returning = shape.returning === "old" ? ` RETURNING ${columnList(dialect, shape.table.columns)}` : "";
  const text = `DELETE FROM ${dialect.quote(shape.table.name)}${writeTarget(writer, shape)}${returning}`;
  return Object.freeze({ kind: "write", shape, statement: writer.finish(text), before: undefined, givesRows: returning !== "" });
}

/** `INSERT INTO t (…) VALUES (…)` of a whole row. */
function writeInsert(writer: SqlWriter, table: Table, row: readonly Slot[]): string {
  const { dialect } = writer;
  const names = table.columns.map((column) => dialect.quote(column.name)).join(", ");
  const values = table.columns.map((column, i) => writer.bind(row[i]!, column)).join(", ");
  return `INSERT INTO ${dialect.quote(table.name)} (${names}) VALUES (${values})`;
}

function writeChanges(writer: SqlWriter, table: Table, changes: readonly Change[], name: ColumnWriter): string {
  const { dialect } = writer;
  const texts = changes.map((change) => `${dialect.quote(change.column.name)} = ${writeChange(writer, change, name)}`);
  return texts.join(", ") || touch(table, dialect);
}

function writeChange(writer: SqlWriter, { column, op, slot }: Change, name: ColumnWriter): string {
  const { dialect } = writer;
  const value = (): string => writer.bind(slot!, column);
  switch (op) {
    case "set":
      return value();
    case "unset":
      return "NULL";
    case "incr":
      return `COALESCE(${name(column)}, 0) + ${value()}`;
    case "append":
      if (column.kind !== "text") break;
      return dialect.concat(`COALESCE(${name(column)}, '')`, value());
    case "prepend":
      if (column.kind !== "text") break;
      return dialect.concat(value(), `COALESCE(${name(column)}, '')`);
    case "add":
    case "del":
      break;
  }
  throw new DbError("internal", `SQL does not write ${op} of a ${column.kind}`, { column: column.name });
}

/** An assignment that changes nothing, where SQL wants one. */
function touch(table: Table, dialect: SqlDialect): string {
  const key = dialect.quote(table.key[0].name);
  return `${key} = ${dialect.quote(table.name)}.${key}`;
}

function writeTarget(writer: SqlWriter, shape: UpdateShape | DeleteShape): string {
  const key = shape.target === "key" ? keyCondition(writer, shape.table, shape.key) : "";
  return where(
    key,
    writer.dialect.goOn ?? "",
    writeConjunct(writer, shape.guard, (column) => writer.dialect.quote(column.name)),
  );
}

/** The rows as they are before the write, held for it. An upsert's guard is not asked for a missing row, nor here. */
function writeBefore(shape: PutShape | UpdateShape, dialect: SqlDialect): SqlStatement {
  const { table } = shape;
  const writer = sqlWriter(dialect);
  const target = shape.verb === "put" ? where(keyCondition(writer, table, shape.key)) : writeTarget(writer, shape);
  return writer.finish(`SELECT ${columnList(dialect, table.columns)} FROM ${dialect.quote(table.name)}${target}${dialect.lock}`);
}

function keyList(table: Table, dialect: SqlDialect): string {
  return table.key.map((column) => dialect.quote(column.name)).join(", ");
}

function columnOf(table: Table, dialect: SqlDialect): ColumnWriter {
  return (column: Column) => `${dialect.quote(table.name)}.${dialect.quote(column.name)}`;
}
