// Which statements may take long: what no index bounds, on tables of some size.

import type { AggregateShape, DeleteShape, SelectShape, Shape, SortColumn, UpdateShape } from "../../driver.js";
import { type Condition, conjuncts, type Test } from "../../reference/condition.js";
import { quoteDouble } from "../../engines/sql/dialect.js";
import type { Column, Index, Table } from "../../schema/table.js";
import type { SqliteHandle, SqliteStatement } from "./handle.js";

/** Shapes that a thread may carry out. */
export type LongShape = SelectShape | AggregateShape | UpdateShape | DeleteShape;

/** Whether the rows that a statement of this shape looks at are bounded by nothing but the size of the table. */
export function mayBeLong(shape: Shape): shape is LongShape {
  switch (shape.verb) {
    case "select":
      return shape.match !== undefined || shape.limit === undefined || !isBounded(shape.table, conjuncts(shape.filter), shape.order);
    case "aggregate":
      return !hasOneRow(shape.table, equalColumns(conjuncts(shape.filter)));
    case "update":
    case "delete":
      return shape.target === "filter" && shape.returning === "none" && !hasOneRow(shape.table, equalColumns(conjuncts(shape.guard)));
    default:
      return false;
  }
}

/** Whether the key or an index leads to the rows of a page, and no further: all tests and the order are those of its columns. */
function isBounded(table: Table, tests: readonly Condition[], order: readonly SortColumn[]): boolean {
  const equal = equalColumns(tests);
  if (hasOneRow(table, equal) || isListOfKeys(table, tests, equal)) return true;
  return [table.key, ...[...table.indexes, ...table.uniques].map((index) => columnsOf(table, index))].some((columns) =>
    bounds(columns, tests, equal, order),
  );
}

/** The columns of an index, which all but unique ones have in the store with those of the key behind them. */
function columnsOf({ key }: Table, { columns, unique }: Index): readonly Column[] {
  return unique ? columns : [...columns, ...key.filter((column) => !columns.includes(column))];
}

function hasOneRow({ key, uniques }: Table, equal: ReadonlySet<Column>): boolean {
  return [key, ...uniques.map(({ columns }) => columns)].some((columns) => columns.every((column) => equal.has(column)));
}

/** Each value of the list is one row. */
function isListOfKeys(table: Table, tests: readonly Condition[], equal: ReadonlySet<Column>): boolean {
  return tests.some((test) => isTest(test) && test.op === "in" && hasOneRow(table, new Set([...equal, test.column])));
}

const rangeOps: ReadonlySet<string> = new Set(["gt", "ge", "lt", "le", "between", "begins_with"]);

function bounds(
  columns: readonly Column[],
  tests: readonly Condition[],
  equal: ReadonlySet<Column>,
  order: readonly SortColumn[],
): boolean {
  const first = columns.findIndex((column) => !equal.has(column));
  const fixed = columns.slice(0, first < 0 ? columns.length : first);
  const next = first < 0 ? undefined : columns[first];
  const isServed = (test: Condition): boolean =>
    isTest(test) && ((test.op === "eq" && fixed.includes(test.column)) || (rangeOps.has(test.op) && test.column === next));
  if (!tests.every(isServed)) return false;
  const open = order.filter(({ column }) => !equal.has(column));
  const rest = columns.slice(fixed.length);
  return open.every(({ column, descending }, i) => column === rest[i] && descending === open[0]!.descending);
}

function equalColumns(tests: readonly Condition[]): ReadonlySet<Column> {
  return new Set(tests.filter(isTest).flatMap(({ op, column }) => (op === "eq" ? [column] : [])));
}

function isTest(condition: Condition): condition is Test {
  return condition.kind === "test" && condition.member === undefined;
}

/** A table with no more rows than that is read in a few milliseconds whatever is asked of it. */
const smallRows = 1000;

/** `numbered`: large, and its rows have the numbers by which a statement can ask now and then whether to go on. */
export type TableSize = "small" | "large" | "numbered";

/**
 * Makes a function that tells how large a table is, roughly: at the price of a few steps in trees, until it is large.
 *
 * @param fromBytes  the size of the file from which on there are large tables; 0: all are
 */
export function tableSizes(handle: SqliteHandle, fromBytes: number): (table: string) => TableSize {
  const known = new Map<string, TableSize>();
  const spans = new Map<string, SqliteStatement>();
  let pages: SqliteStatement | undefined;
  let pageBytes = 0;

  function fileIsSmall(): boolean {
    if (pages === undefined) {
      pages = handle.prepare("PRAGMA page_count");
      pageBytes = numberOf(handle.prepare("PRAGMA page_size"));
    }
    return numberOf(pages) * pageBytes < fromBytes;
  }

  function sizeOf(table: string): TableSize {
    try {
      let span = spans.get(table);
      if (span === undefined) {
        const of = (end: string): string => `(SELECT ${end}(_rowid_) FROM ${quoteDouble(table)})`;
        spans.set(table, (span = handle.prepare(`SELECT ${of("max")} - ${of("min")}`)));
      }
      return fromBytes > 0 && numberOf(span) < smallRows ? "small" : "numbered";
    } catch {
      // It is missing, of which the statement itself tells, or was made by others without row numbers.
      return "large";
    }
  }

  return (table) => {
    const found = known.get(table);
    if (found !== undefined) return found;
    if (fileIsSmall()) return "small";
    const size = sizeOf(table);
    if (size === "numbered") known.set(table, size);
    return size;
  };
}

function numberOf(statement: SqliteStatement): number {
  return Number(statement.get([])?.[0] ?? 0);
}
