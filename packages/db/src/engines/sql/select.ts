import { type Slot, testsOf } from "../../reference/condition.js";
import type { GetShape, SelectShape, SortColumn, Values } from "../../driver.js";
import type { Column, Table } from "../../schema/table.js";
import type { SqlRead, SqlStatement } from "./command.js";
import { writeConjunct, writeEqual } from "./condition.js";
import type { SqlDialect } from "./dialect.js";
import { nullsOf, openOrder, type Place, type Run, runsAfter, writeRun } from "./keyset.js";
import { type SqlWriter, sqlWriter } from "./writer.js";

/** The columns as a SELECT or RETURNING lists them. */
export function columnList(dialect: SqlDialect, columns: readonly Column[]): string {
  return listOf(columns.map((column) => dialect.read(column, dialect.quote(column.name))));
}

/** A row without columns still is a row. */
function listOf(items: readonly string[]): string {
  return items.length === 0 ? "NULL" : items.join(", ");
}

/** The condition that the key has these values. */
export function keyCondition(writer: SqlWriter, table: Table, key: readonly Slot[]): string {
  return table.key.map((column, i) => writeEqual(writer, writer.dialect.quote(column.name), key[i]!, column)).join(" AND ");
}

/** ` WHERE …` of the parts that are not empty; empty text when all are. */
export function where(...parts: readonly string[]): string {
  const present = parts.filter((part) => part !== "");
  return present.length === 0 ? "" : ` WHERE ${present.join(" AND ")}`;
}

export function compileGet(shape: GetShape, dialect: SqlDialect): SqlRead {
  const writer = sqlWriter(dialect);
  const target = where(
    keyCondition(writer, shape.table, shape.key),
    shape.guard === undefined ? "" : writeConjunct(writer, shape.guard, (column) => dialect.quote(column.name)),
  );
  const text = `SELECT ${columnList(dialect, shape.columns)} FROM ${dialect.quote(shape.table.name)}${target}`;
  return Object.freeze({
    kind: "read",
    shape,
    statement: writer.finish(shape.lock ? text + dialect.lock : text),
    choose: undefined,
    gather: undefined,
  });
}

export function compileSelect(shape: SelectShape, dialect: SqlDialect): SqlRead {
  const items = shape.columns.map((column) => dialect.read(column, dialect.quote(column.name)));
  return Object.freeze({ kind: "read", shape, ...compileRows(shape, items, "", dialect), gather: undefined });
}

/** A page of rows, or of groups of rows. */
type RowsShape = Pick<SelectShape, "table" | "filter" | "order" | "after" | "limit"> & Partial<Pick<SelectShape, "match">>;

/**
 * The statements of a page.
 *
 * @param items  what the list of the SELECT gives
 * @param group  ` GROUP BY …` or empty
 */
export function compileRows(
  shape: RowsShape,
  items: readonly string[],
  group: string,
  dialect: SqlDialect,
): Pick<SqlRead, "statement" | "choose"> {
  const open = openOrder(shape.order, shape.filter);
  const order = open.map(({ column }) => column);
  const { after, match } = shape;
  const places = after === undefined ? [] : open.map(({ column, place }): Place => ({ ...column, slot: after[place]! }));
  const nullable = places.filter((place) => !place.column.isKey);

  const make = (searching: boolean, isNull: (place: Place) => boolean): SqlStatement => {
    const runs = after === undefined ? undefined : runsAfter(places, isNull);
    return writeRows(shape, { items, group, order, runs, searching, isNull }, dialect);
  };

  const statement = make(match !== undefined, () => false);
  if (nullable.length === 0 && match === undefined) return { statement, choose: undefined };

  // Which values of the position are null, and whether the query has words to look for, changes the text.
  const made = new Map<string, SqlStatement>();
  const choose = (values: Values): SqlStatement => {
    const searching = match !== undefined && dialect.search?.(values[match] as string) !== undefined;
    const use = `${searching} ${nullsOf(nullable, values)}`;
    let chosen = made.get(use);
    if (chosen === undefined) made.set(use, (chosen = make(searching, (place) => values[place.slot] === null)));
    return chosen;
  };
  return { statement, choose };
}

/** Whether at most one of the key and the indexes serves the filter or the order: the planner has nothing to choose by values. */
function hasOnePath({ table, filter, order }: RowsShape): boolean {
  const used = new Set([...testsOf(filter)].map(({ column }) => column));
  if (order[0] !== undefined) used.add(order[0].column);
  const paths = [table.key, ...table.indexes.map(({ columns }) => columns), ...table.uniques.map(({ columns }) => columns)];
  return paths.filter(([first]) => first !== undefined && used.has(first)).length < 2;
}

/** What a page is written of, beside its shape. */
interface RowsText {
  readonly items: readonly string[];
  readonly group: string;
  readonly order: readonly SortColumn[];
  readonly runs: readonly Run[] | undefined;
  readonly searching: boolean;
  readonly isNull: (place: Place) => boolean;
}

function writeRows(shape: RowsShape, { items, group, order, runs, searching, isNull }: RowsText, dialect: SqlDialect): SqlStatement {
  const writer = sqlWriter(dialect, hasOnePath(shape));
  const name = (column: Column): string => dialect.quote(column.name);
  const rows = (columns: string, run: string | Run | undefined): string => {
    const conditions = where(
      dialect.goOn ?? "",
      searching && dialect.match ? dialect.match(shape.table, () => writer.bindSearch(shape.match!)) : "",
      writeConjunct(writer, shape.filter, name),
      typeof run === "object" ? writeRun(writer, run, isNull) : (run ?? ""),
    );
    return `SELECT ${columns} FROM ${dialect.quote(shape.table.name)}${conditions}${group}`;
  };
  const page = (names: readonly string[]): string => {
    const terms = order.map((term, i) => orderTerm(dialect, term, names[i]!));
    const by = terms.length === 0 ? "" : ` ORDER BY ${terms.join(", ")}`;
    return shape.limit === undefined ? by : `${by} LIMIT ${writer.bindCount(shape.limit)}`;
  };

  const names = order.map(({ column }) => name(column));
  if (runs === undefined || runs.length < 2) {
    const text = rows(listOf(items), runs?.length === 0 ? "1 = 0" : runs?.[0]);
    return writer.finish(text + page(names));
  }

  // Each run is read from the index on its own, no further than a page; what is sorted then is a few pages, whatever came before.
  const given = items.map((item, i) => `${item} AS ${dialect.quote(`c$${i}`)}`);
  // Names with `$` are no columns of the app, which ORDER BY would take for these.
  const sorted = order.map((_, i) => dialect.quote(`o$${i}`));
  const columns = [...given, ...names.map((column, i) => `${column} AS ${sorted[i]!}`)].join(", ");
  const parts = runs.map((run, i) => `SELECT * FROM (${rows(columns, run)}${page(names)}) AS ${dialect.quote(`r${i}`)}`);
  const list = listOf(items.map((_, i) => dialect.quote(`c$${i}`)));
  return writer.finish(`SELECT ${list} FROM (${parts.join(" UNION ALL ")}) AS ${dialect.quote("page")}${page(sorted)}`);
}

function orderTerm(dialect: SqlDialect, { column, descending }: SortColumn, sql: string): string {
  const nulls = dialect.nulls === "first" || column.isKey ? "" : descending ? " NULLS LAST" : " NULLS FIRST";
  return `${dialect.inOrder(column, sql)}${descending ? " DESC" : ""}${nulls}`;
}
