import type { Condition, Related, Slot, Test } from "../../reference/condition.js";
import type { TestOperator } from "../../schema/operators.js";
import { DbError } from "../../errors.js";
import type { Column } from "../../schema/table.js";
import type { TestWriter } from "./dialect.js";
import type { SqlWriter } from "./writer.js";

const compare =
  (sign: string): TestWriter =>
  (column, bind) =>
    `${column} ${sign} ${bind(0)}`;

const equal = compare("=");

// A comparison with NULL is NULL, which counts as false at every place a condition has; there is no NOT above tests.
const standard: { readonly [op in TestOperator]?: TestWriter } = {
  ne: compare("<>"),
  gt: compare(">"),
  ge: compare(">="),
  lt: compare("<"),
  le: compare("<="),
  between: (column, bind) => `${column} BETWEEN ${bind(0)} AND ${bind(1)}`,
  not_between: (column, bind) => `${column} NOT BETWEEN ${bind(0)} AND ${bind(1)}`,
  null: (column) => `${column} IS NULL`,
  not_null: (column) => `${column} IS NOT NULL`,
  // A range instead of LIKE: exact, served by an index, and nothing in the text is special.
  begins_with: (column, bind) => `${column} >= ${bind(0)} AND ${column} < ${bind(1)}`,
  not_begins_with: (column, bind) => `(${column} < ${bind(0)} OR ${column} >= ${bind(1)})`,
};

/** How columns are written: bare, or behind their table where a name alone would be ambiguous. */
export type ColumnWriter = (column: Column) => string;

/**
 * Writes a condition; empty text when it always holds.
 *
 * @throws DbError `internal` for an operator that the dialect does not write: capabilities and dialect disagree
 */
export function writeCondition(writer: SqlWriter, condition: Condition, name: ColumnWriter): string {
  if (condition.kind === "test") return writeTest(writer, condition, name);
  if (condition.kind === "related") return writeRelated(writer, condition, name);
  if (condition.parts.length === 0) return condition.kind === "and" ? "" : "1 = 0";
  const parts = condition.parts.map((part) => {
    const text = writeCondition(writer, part, name);
    if (text === "") return condition.kind === "or" ? "1 = 1" : "";
    return part.kind === "or" && part.parts.length > 1 ? `(${text})` : text;
  });
  return parts.filter((text) => text !== "").join(condition.kind === "and" ? " AND " : " OR ");
}

/** A name alone means a column of the innermost table that has it, which is the one that is asked. */
function writeRelated(writer: SqlWriter, { columns, table, condition }: Related, name: ColumnWriter): string {
  const { dialect } = writer;
  const bare: ColumnWriter = (column) => dialect.quote(column.name);
  const outer = columns.map(name).join(", ");
  const inner = writeConjunct(writer, condition, bare);
  const keys = `SELECT ${table.key.map(bare).join(", ")} FROM ${dialect.quote(table.name)}${inner === "" ? "" : ` WHERE ${inner}`}`;
  return `${columns.length === 1 ? outer : `(${outer})`} IN (${keys})`;
}

/** Writes a condition to stand between ANDs; empty text when it always holds. */
export function writeConjunct(writer: SqlWriter, condition: Condition, name: ColumnWriter): string {
  const text = writeCondition(writer, condition, name);
  return condition.kind === "or" && condition.parts.length > 1 ? `(${text})` : text;
}

function writeTest(writer: SqlWriter, test: Test, name: ColumnWriter): string {
  const { column, op, slots } = test;
  const sql = name(column);
  const bind = (place: number): string => writer.bindTested(slots[place]!, elementOf(test) ? undefined : column);
  if (op === "eq") return writeEqual(writer, sql, slots[0]!, column);
  if (op === "in" || op === "not_in") return `${sql} ${op === "in" ? "IN" : "NOT IN"} (${slots.map((_, i) => bind(i)).join(", ")})`;
  if (elementOf(test) && writer.dialect.listContains) {
    const found = writer.dialect.listContains(sql, bind, column);
    return op === "contains" ? found : `${sql} IS NOT NULL AND NOT ${found}`;
  }
  const write = writer.dialect.tests[op] ?? standard[op];
  if (!write) throw new DbError("internal", `the ${writer.dialect.name} dialect does not write ${op}`, { column: column.name });
  return write(sql, byOrder.has(op) ? (place) => writer.dialect.inOrder(column, bind(place)) : bind, column);
}

/** That a column has the value of a slot. */
export function writeEqual(writer: SqlWriter, sql: string, slot: Slot, column: Column): string {
  const { comparesValues, tests } = writer.dialect;
  const write = comparesValues && column.kind === "text" && !writer.equatesFirst(column) ? tests.same : (tests.eq ?? equal);
  return write(sql, () => writer.bindTested(slot, column), column);
}

const byOrder: ReadonlySet<TestOperator> = new Set([
  "gt",
  "ge",
  "lt",
  "le",
  "between",
  "not_between",
  "begins_with",
  "not_begins_with",
] as const);

/** The value is an element of the column's list, not a value of the column. */
function elementOf(test: Test): boolean {
  return test.column.kind === "list" && (test.op === "contains" || test.op === "not_contains");
}
