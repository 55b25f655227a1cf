// What SQL engines differ in. The compiler writes everything else.

import type { TestOperator } from "../../schema/operators.js";
import type { StoredTable, Value, Values } from "../../driver.js";
import type { Column, Index, Table } from "../../schema/table.js";

/** What a column is used for, where its native type depends on it (engines that bound the size of what they index). */
export type ColumnRole = "key" | "indexed" | "plain";

/**
 * Writes one comparison.
 *
 * @param column  the column as SQL, quoted
 * @param bind    gives the placeholder of the test's value number `place`; call it in the order of the text, as often as needed
 */
export type TestWriter = (column: string, bind: (place: number) => string, of: Column) => string;

/** An insert that meets a row with its key. */
export interface Upsert {
  readonly table: Table;
  /** `INSERT INTO … VALUES (…)`. */
  readonly insert: string;
  /** The key columns, quoted, joined by commas. */
  readonly key: string;
  /** Assignments to the row that is there; undefined: it stays as it is. */
  readonly set: string | undefined;
  /** Condition under which they are made; undefined: always. */
  readonly where: string | undefined;
}

/** A value that is computed over rows, in one part or in several that are put together. */
export interface SqlComputed {
  readonly parts: readonly string[];
  /** Makes the value of its parts, none of which is null. */
  readonly join?: (parts: Values) => Value;
}

export interface SqlDialect {
  readonly name: string;

  /** A name as an identifier that the engine takes literally. */
  quote(name: string): string;
  /** `positional`: each use binds a value again (`?`); `numbered`: a place can be used again (`$1`). */
  readonly placeholders: "positional" | "numbered";
  /** The placeholder of the value number `position`, from 1; with a cast where the engine cannot tell the type. */
  placeholder(position: number, column: Column | undefined): string;
  /**
   * Hides a bound value from the planner, where it would make the plan anew for each value. Absent: it does not, or
   * plans are not kept.
   *
   * @param column  what the value is compared with; undefined: the number of rows
   */
  unseen?(placeholder: string, column: Column | undefined): string;
  /** A stored column as the codec reads it, for the list of a SELECT or RETURNING. */
  read(column: Column, sql: string): string;

  /** Comparisons written in the engine's own way; they add to, or replace, those of `condition.ts`. `same` is required. */
  readonly tests: { readonly [op in TestOperator]?: TestWriter } & { readonly same: TestWriter };
  /**
   * The planner makes `x = y` of `a = x AND a = y`, and compares the two texts without the column's collation: such
   * a column is compared by `=` once in a statement, and by `same` after that.
   */
  readonly comparesValues?: true;
  /** The comparison that a list or set contains an element; absent where it is not claimed. */
  readonly listContains?: TestWriter;
  /** Joins two texts. */
  concat(left: string, right: string): string;

  /** A value that a column is compared with by order, or a column to sort by, so that the order is that of the core. */
  inOrder(column: Column, sql: string): string;
  /** Where the engine itself puts nulls, ascending; the compiler says NULLS FIRST where this is `last`. */
  readonly nulls: "first" | "last";
  /** Whether the planner serves `(a, b) > (?, ?)` from an index; else it is written out, behind a bound on `a`. */
  readonly rowValues: boolean;

  /** The exact sum of an integer or decimal column, however large, as text or a number that is exact. */
  sum(column: Column, sql: string): SqlComputed;
  /** The first or last value of a column by the order of the core. */
  end(op: "min" | "max", column: Column, sql: string): string;

  /** The value that an insert wanted to store, inside the `set` of an upsert. */
  inserted(column: string): string;
  upsert(upsert: Upsert): string;
  /** A condition that holds for every row and ends the statement where it was given up; for statements that may look at many. */
  readonly goOn?: string;
  /** Ends a SELECT whose rows are changed next, in the same transaction. */
  readonly lock: string;

  columnType(column: Column, role: ColumnRole): string;
  /** A column in the list of an index, with its place of nulls where the engine keeps one. */
  indexColumn(column: Column, sql: string): string;
  /** Statements that make a table, if it is missing. */
  createTable(table: Table): readonly string[];
  /** Adds a nullable column. Where the engine has no IF NOT EXISTS, the driver takes its error for success. */
  addColumn(table: Table, column: Column): readonly string[];
  createIndex(table: Table, index: Index): readonly string[];
  /** Makes what full-text search needs; absent where it is not claimed. */
  createSearch?(table: Table): readonly string[];
  /** Limits a select to rows that may match a full-text query: all that match, and perhaps more. */
  match?(table: Table, query: () => string): string;
  /** The engine's query for a text in the grammar of `search/query.ts`; undefined: it cannot narrow the rows down. */
  search?(query: string): string | undefined;

  inspect(table: Table): {
    readonly statements: readonly string[];
    readonly read: (results: readonly (readonly (readonly Value[])[])[]) => StoredTable | undefined;
  };
}

/** Upserts of engines that name the conflict they mean; other unique values that are taken stay errors. */
export function onConflict({ insert, key, set, where }: Upsert): string {
  if (set === undefined) return `${insert} ON CONFLICT (${key}) DO NOTHING`;
  return `${insert} ON CONFLICT (${key}) DO UPDATE SET ${set}${where === undefined ? "" : ` WHERE ${where}`}`;
}

/** Standard quoting of identifiers. */
export function quoteDouble(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The first or last value by the engine's own functions. */
export function plainEnd(op: "min" | "max", _column: Column, sql: string): string {
  return `${op}(${sql})`;
}
