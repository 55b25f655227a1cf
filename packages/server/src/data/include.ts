// Rows of other tables that a read gives along (`_include`), as far as the caller may see them: the rows, their columns, and what
// tells which row belongs to which.

import type { Grants } from "@bk/auth/row-rules";
import type { DeclaredReference } from "@bk/db";

import { badRequest } from "../error-response.js";
import type { DataLimits } from "./controls.js";
import { filterOf } from "./filter.js";
import type { CallOptions, Row } from "./served-db.js";
import { type Caller, isIn, readable, refersTo, refuse, requireSeen, type ServedTable, visibleRow } from "./served-table.js";
import { toJson } from "./to-json.js";

/** Rows of a table as they are shown. */
interface Showing {
  readonly table: ServedTable;
  readonly read: Grants;
  /** The columns that were asked for; undefined: all. */
  readonly select: readonly string[] | undefined;
  readonly includes: readonly Include[];
}

/** One inclusion that was checked. */
export interface Include extends Showing {
  readonly name: string;
  /** What the database calls it: no column has this name, so that none is overwritten that decides what is seen. */
  readonly alias: string;
  readonly isMany: boolean;
  /** The columns of the row that tell what belongs to it: where they are not seen, neither is what is included. */
  readonly from: readonly string[];
  readonly option: Readonly<Record<string, unknown>>;
  /** Most rows that it adds to one row. */
  readonly rows: number;
}

/** Who asks, and within which limits. */
interface Asking {
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly caller: Caller;
  readonly limits: DataLimits;
}

/** Most rows that what is included may add to one row. */
const mostRows = 100;
/** Rows that refer to one, where the request does not say. */
const defaultCount = 10;
const deepest = 3;

/**
 * What a request includes in rows of a table.
 *
 * @throws HttpError 400, naming `_include`, for what is no inclusion or more than a reply should hold; 403 for tables and columns
 *   that the caller may not see
 */
export function includesOf(asking: Asking, table: ServedTable, read: Grants, given: unknown, depth = 1): readonly Include[] {
  if (!isObject(given)) throw wrong("must be names of references, or a JSON object of what is to be included");
  if (depth > deepest) throw wrong(`is nested more than ${deepest} deep`);
  const includes = Object.entries(given).map(([name, options], i) => includeOf(asking, table, read, { name, options, i, depth }));
  if (rowsWith(includes) > mostRows + 1) throw wrong(`asks for more than ${mostRows} rows for each row; lower the counts`);
  return includes;
}

interface Given {
  readonly name: string;
  readonly options: unknown;
  readonly i: number;
  readonly depth: number;
}

const ofOne: readonly string[] = ["by", "select", "include"];
const ofMany: readonly string[] = ["from", "by", "select", "filter", "sort", "count", "include"];

function includeOf(asking: Asking, table: ServedTable, read: Grants, { name, options, i, depth }: Given): Include {
  const shown = name.slice(0, 50);
  if (!/^[A-Za-z]\w{0,47}$/.test(name)) throw wrong(`${JSON.stringify(shown)} is no name`);
  const own = options === true ? {} : options;
  if (!isObject(own)) throw wrong(`${shown} must be true or an object`);
  const isMany = own["from"] !== undefined;
  const unknown = Object.keys(own).find((option) => !(isMany ? ofMany : ofOne).includes(option));
  if (unknown !== undefined)
    throw wrong(`${shown} takes ${(isMany ? ofMany : ofOne).join(", ")}, and not ${JSON.stringify(unknown.slice(0, 50))}`);
  const source = isMany ? tableNamed(asking, own["from"], shown) : table;
  const reference = referenceNamed(source, own["by"] ?? (isMany ? undefined : name), shown);
  if (isMany && reference.table !== table.name)
    throw wrong(`${shown}: ${reference.name} of ${source.name} does not refer to ${table.name}`);
  if (table.columns.has(name) && (isMany || reference.columns.length > 1 || reference.columns[0] !== name))
    throw wrong(`${shown} is the name of a column; choose another one, with by`);
  const target = isMany ? source : tableNamed(asking, reference.table, shown);
  const targetRead = readable(target, asking.caller, "_include");
  if (!isMany && !refersTo(target, asking.caller)) refuse(asking.caller, `${target.name} is not open to this account`, "_include");
  // What tells which rows belong together is told by the reply.
  const from = isMany ? reference.key : reference.columns;
  for (const column of from) requireSeen(table, read.some, column, "included by");
  const nested = own["include"] === undefined ? [] : includesOf(asking, target, targetRead, own["include"], depth + 1);
  const select = selectOf(target, targetRead, own["select"], shown);
  const many = isMany ? optionsOfMany(asking, target, targetRead, reference, own) : { options: {}, count: 1 };
  const option = {
    by: reference.name,
    ...(isMany ? { from: target.name } : {}),
    ...(select === undefined ? {} : { select: [...new Set([...select, ...targetRead.deciding])] }),
    ...many.options,
    ...includeOption(nested),
  };
  const alias = aliasOf(table, i);
  return {
    name,
    alias,
    isMany,
    table: target,
    read: targetRead,
    select,
    includes: nested,
    from,
    option,
    rows: many.count * rowsWith(nested),
  };
}

function optionsOfMany(
  { limits }: Asking,
  target: ServedTable,
  read: Grants,
  reference: DeclaredReference,
  given: Readonly<Record<string, unknown>>,
): { options: Record<string, unknown>; count: number } {
  const { filter, sort, count = defaultCount } = given;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > mostRows)
    throw wrong(`count must be an integer from 1 to ${mostRows}`);
  // Where the columns that refer are not seen of some rows, these are not found by them.
  const found = read.covering((columns) => reference.columns.every((column) => isIn(columns, target, column)));
  const seen = (found ?? read).every;
  for (const column of reference.columns) requireSeen(target, seen, column, "included by");
  if (filter !== undefined && !isObject(filter)) throw wrong("filter must be an object of columns and values");
  const fields = new Map(Object.entries(filter ?? {}).map(([name, json]) => [name, { json }]));
  const asked = filterOf(target, fields, { seen, limits });
  const sorts = sort === undefined ? undefined : typeof sort === "string" ? sort.split(",") : sort;
  if (sorts !== undefined) {
    if (!isNames(sorts)) throw wrong("sort must be a list of column names");
    for (const name of sorts) requireSeen(target, seen, name.replace(/^-/, ""), "sorted by");
  }
  const conditions = [...(filter === undefined ? [] : [asked]), ...(found === read || found?.where === undefined ? [] : [found.where])];
  return {
    options: {
      count,
      ...(sorts === undefined ? {} : { sort: sorts }),
      ...(conditions.length === 0 ? {} : { filter: conditions.length === 1 ? conditions[0] : { $and: conditions } }),
    },
    count,
  };
}

function selectOf(target: ServedTable, read: Grants, given: unknown, shown: string): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const names = typeof given === "string" ? given.split(",") : given;
  if (!isNames(names)) throw wrong(`${shown}: select must be a list of column names`);
  for (const name of names) requireSeen(target, read.some, name, "read");
  return names;
}

function tableNamed({ tables }: Asking, name: unknown, shown: string): ServedTable {
  const table = typeof name === "string" ? tables.get(name) : undefined;
  if (table === undefined) throw wrong(`${shown}: unknown table`);
  return table;
}

function referenceNamed(table: ServedTable, name: unknown, shown: string): DeclaredReference {
  const found = table.references.find((reference) => reference.name === name);
  if (found === undefined) throw wrong(`${shown}: ${table.name} has no such reference; by names one`);
  return found;
}

function aliasOf({ columns }: ServedTable, i: number): string {
  let alias = `included${i}`;
  while (columns.has(alias)) alias += "_";
  return alias;
}

/** The database's option for what is included. */
export function includeOption(includes: readonly Include[]): CallOptions {
  if (includes.length === 0) return {};
  return { include: Object.fromEntries(includes.map(({ alias, option }) => [alias, option])) };
}

/** Most rows that one row is with what is included in it. */
export function rowsWith(includes: readonly Include[]): number {
  return includes.reduce((sum, { rows }) => sum + rows, 1);
}

/** The row as the caller may see it; undefined when nothing of it may be seen. */
export function shownRow({ table, read, select, includes }: Showing, row: Row): Row | undefined {
  const seen = read.columnsIn(row);
  if (seen.names.size === 0 && !seen.rest) return undefined;
  const own = includes.length === 0 ? row : withoutIncluded(row, includes);
  const shown = visibleRow(table, own, seen);
  if (select !== undefined) for (const column of read.deciding) if (!select.includes(column)) delete shown[column];
  const json = toJson(table, shown);
  for (const include of includes)
    if (include.from.every((column) => isIn(seen, table, column))) json[include.name] = shownValue(include, row[include.alias]);
  return json;
}

function withoutIncluded(row: Row, includes: readonly Include[]): Row {
  const own = { ...row };
  for (const { alias } of includes) delete own[alias];
  return own;
}

function shownValue(include: Include, value: unknown): unknown {
  if (!include.isMany) return value === null ? null : (shownRow(include, value as Row) ?? null);
  return (value as Row[]).map((row) => shownRow(include, row)).filter((row) => row !== undefined);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= 200 && value.every((name) => typeof name === "string" && name !== "");
}

function wrong(problem: string): Error {
  return badRequest(`_include ${problem}`, "_include");
}
