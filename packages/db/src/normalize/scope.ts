// Scopes: what calls may see and do of a table, as an app writes it; and rows, keys and changes completed within one.

import { DbError, invalid } from "../errors.js";
import { allOf, always, type Condition, conditionKey, conjuncts, shifted } from "../reference/condition.js";
import { deepEqual } from "../schema/deep-equal.js";
import { isPlainObject, ownMember } from "../schema/plain-object.js";
import type { Column, Table } from "../schema/table.js";
import { learnFilter, plainFilter, type PlainFilters } from "./filter-cache.js";
import { parseFilter } from "./filter.js";
import { type RowRules, unknownColumn } from "./row.js";
import { snapshot } from "./snapshot.js";

/** What calls may see and do of one table. */
export interface TableScopeDefinition {
  /** The rows that there are: a part of every read, and the guard of every write. Default: all. */
  readonly where?: unknown;
  /** Values of columns that every row has which is written; nobody gives other ones. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /**
   * The columns that there are for reads, filters, sorts and what writes give back; in an open table `"*"` stands for the
   * ones that are not declared. Default: all.
   */
  readonly select?: readonly string[] | undefined;
  /** The columns that may be written beside the key, `"*"` as in `select`; with an empty list rows are only read. Default: all. */
  readonly update?: readonly string[] | undefined;
}

/** What calls may see and do, by table; `"*"`: of every table that is not named. Others there are not. */
export type ScopeDefinition = Readonly<Record<string, TableScopeDefinition>>;

/** Columns of a table, some of them, and whether the undeclared ones of an open table are among them. */
export interface ColumnSet {
  readonly columns: ReadonlySet<Column>;
  readonly rest: boolean;
}

/** What scopes of one form have in common, whatever their values. */
export interface ScopeShape {
  /** Equal for scopes of one form. */
  readonly key: string;
  /** What holds for the rows; slots from 0. */
  readonly where: Condition;
  /** Number of the condition's values. */
  readonly width: number;
  readonly seen: ColumnSet | undefined;
  readonly written: ColumnSet | undefined;
  /** The columns that are set. */
  readonly fixed: ReadonlySet<Column>;
}

/** A value that rows have, as it is given to a row and as it is stored in one. */
interface SetValue {
  readonly column: Column;
  readonly given: unknown;
  readonly logical: unknown;
  /** The condition says it already, of rows that are there. */
  readonly implied: boolean;
}

/** What calls may see and do of a table: checked, with its values. */
export interface TableScope {
  readonly shape: ScopeShape;
  /** Logical values of the condition, by slot. */
  readonly values: readonly unknown[];
  readonly set: ReadonlyMap<string, SetValue>;
  /** As it was written, for hooks. */
  readonly definition: TableScopeDefinition;
  /** The scope around it. */
  readonly outer: TableScope | undefined;
  /** Mixed into page tokens. */
  readonly tokensOf: string | undefined;
  /** Of another table. @throws DbError `denied` where the scope does not have it */
  readonly siblings: (table: string) => TableScope;
}

const parts: ReadonlySet<string> = new Set(["where", "set", "select", "update"]);
/** In a list of columns: the undeclared ones of an open table. */
const undeclared = "*";

/** @throws DbError `invalid` for what is no scope of these tables */
export function checkScopeForm(definition: unknown, tables: ReadonlyMap<string, unknown>): ScopeDefinition {
  if (!isPlainObject(definition) || Object.keys(definition).length === 0)
    throw invalid("scope takes an object of tables, { photo: { where: { owner: id } } }", { op: "scope" });
  for (const [table, own] of Object.entries(definition)) {
    if (table !== "*" && !tables.has(table))
      throw invalid(`scope: unknown table ${JSON.stringify(table.slice(0, 50))}; there are ${[...tables.keys()].join(", ")}`, {
        op: "scope",
      });
    if (!isPlainObject(own)) throw invalid(`scope: ${table} must be an object with ${[...parts].join(", ")}`, { op: "scope" });
    for (const name of Object.keys(own))
      if (!parts.has(name))
        throw invalid(`scope: ${table} has the unknown part ${JSON.stringify(name.slice(0, 50))}; there are ${[...parts].join(", ")}`, {
          op: "scope",
        });
  }
  return snapshot(definition) as ScopeDefinition;
}

/**
 * The scope of one table, within another one.
 *
 * @throws DbError `invalid`, naming the column, for what is no scope of the table, or goes beyond the outer one
 */
export function tableScope(
  rules: RowRules,
  definition: TableScopeDefinition,
  { outer, tokensOf, siblings }: Pick<TableScope, "outer" | "tokensOf" | "siblings">,
): TableScope {
  const { table } = rules;
  const readable = outer === undefined ? table : readableTable(table, outer.shape.seen);
  const { where, values } = whereOf(readable, definition.where, outer);
  const seen = columnsOf(table, definition.select, "select", outer?.shape.seen);
  const written = columnsOf(table, definition.update, "update", outer?.shape.written);
  if (seen?.columns.size === 0) throw invalid("scope: select needs at least one declared column", { table: table.name });
  const set = setOf(rules, definition.set, where, values, outer);
  const fixed = new Set([...set.values()].map(({ column }) => column));
  const key = [conditionKey(where), keyOf(seen), keyOf(written), [...set.keys()].sort().join(",")].join("|");
  return { shape: { key, where, width: values.length, seen, written, fixed }, values, set, definition, outer, tokensOf, siblings };
}

const filters = new WeakMap<Table, PlainFilters>();

function whereOf(table: Table, where: unknown, outer: TableScope | undefined): { where: Condition; values: unknown[] } {
  const values = outer === undefined ? [] : [...outer.values];
  if (where === undefined) return { where: outer?.shape.where ?? always, values };
  const own: unknown[] = [];
  let known = filters.get(table);
  if (known === undefined) filters.set(table, (known = new Map()));
  let condition = plainFilter(known, where, own);
  if (condition === undefined) {
    condition = parseFilter(table, where, own);
    learnFilter(known, table, where, condition, own);
  }
  if (outer === undefined) return { where: condition, values: own };
  values.push(...own);
  return { where: allOf([outer.shape.where, shifted(condition, outer.shape.width)]), values };
}

function columnsOf(table: Table, names: unknown, part: string, outer: ColumnSet | undefined): ColumnSet | undefined {
  if (names === undefined) return outer;
  if (!Array.isArray(names)) throw invalid(`scope: ${part} of ${table.name} must be a list of column names`, { table: table.name });
  const columns = new Set<Column>();
  let rest = false;
  for (const name of names as unknown[]) {
    if (name === undeclared) {
      if (table.rest === undefined)
        throw invalid(`scope: ${part} of ${table.name} names *, the undeclared columns, and the table is not open`, { table: table.name });
      rest = outer?.rest ?? true;
      continue;
    }
    const column = typeof name === "string" ? table.byName.get(name) : undefined;
    if (column === undefined || outer?.columns.has(column) === false) throw unknownColumn(table, String(name));
    columns.add(column);
  }
  return { columns, rest };
}

function keyOf(set: ColumnSet | undefined): string {
  return set === undefined
    ? ""
    : `${[...set.columns]
        .map(({ name }) => name)
        .sort()
        .join(",")}${set.rest ? ",*" : ""}.`;
}

function setOf(
  rules: RowRules,
  set: unknown,
  where: Condition,
  values: readonly unknown[],
  outer: TableScope | undefined,
): ReadonlyMap<string, SetValue> {
  const { table } = rules;
  if (set === undefined) return outer?.set ?? noValues;
  if (!isPlainObject(set)) throw invalid(`scope: set of ${table.name} must be an object of columns and values`, { table: table.name });
  const all = new Map(outer?.set);
  for (const [name, given] of Object.entries(set)) {
    const rule = rules.rules.get(name);
    if (rule === undefined) throw unknownColumn(table, name);
    const { column } = rule;
    if (given === undefined) throw invalid(`scope: the value of ${name} in set is undefined`, { column: name });
    if (column.type === "now") throw invalid(`scope: set names ${name}, which every write gives the time`, { column: name });
    const logical = given === null ? null : rule.check(given);
    const fixed = outer?.set.get(name);
    if (fixed !== undefined && !deepEqual(fixed.logical, logical)) throw givenOtherwise(name);
    if (fixed === undefined && outer !== undefined && !mayWrite(outer.shape.written, column)) throw notWritten(table, name);
    all.set(name, { column, given, logical, implied: isImplied(where, values, column, logical) });
  }
  return all;
}

const noValues: ReadonlyMap<string, SetValue> = new Map();

function isImplied(where: Condition, values: readonly unknown[], column: Column, logical: unknown): boolean {
  return conjuncts(where).some(
    (test) => test.kind === "test" && test.column === column && test.op === "eq" && deepEqual(values[test.slots[0]!], logical),
  );
}

/** The table as filters, sorts and selections may name its columns. */
export function readableTable(table: Table, seen: ColumnSet | undefined): Table {
  if (seen === undefined) return table;
  const byName = new Map([...table.byName].filter(([, column]) => seen.columns.has(column)));
  return Object.freeze({ ...table, byName, rest: seen.rest ? table.rest : undefined });
}

/** Whether a column that is no part of the key may be written. */
export function mayWrite(written: ColumnSet | undefined, column: Column): boolean {
  return written === undefined || (column.isRest ? written.rest : written.columns.has(column));
}

type Given = Readonly<Record<string, unknown>>;

/**
 * A row for `add` or `put` with the values that the scope sets.
 *
 * @throws DbError `denied`, naming the column, for one that may not be written, and for another value than the one that is set
 */
export function rowWithin(rules: RowRules, scope: TableScope, row: unknown): unknown {
  if (!isRecord(row)) return row;
  checkNames(rules, scope, Object.keys(row));
  return withSetValues(rules, scope, row, () => true);
}

/** Changes with the values that the scope sets, and their operations. */
export interface ChangesWithin {
  readonly row: unknown;
  readonly ops: unknown;
}

/**
 * A row for `update` or `incr`, or the changes of `updateAll`.
 *
 * @param creates  a missing row may be made of it, which has all values that are set
 * @throws DbError `denied`, as {@link rowWithin}
 */
export function changesWithin(
  rules: RowRules,
  scope: TableScope,
  verb: "update" | "incr" | "updateAll",
  row: unknown,
  ops: unknown,
  creates: boolean,
): ChangesWithin {
  if (!isRecord(row)) return { row, ops };
  const { table } = rules;
  const given = isPlainObject(ops) ? ops : {};
  checkNames(rules, scope, [...Object.keys(row), ...Object.keys(given)]);
  refuseTelling(table, scope, verb, row, given);
  for (const name of scope.set.keys()) {
    const op = ownMember(given, name);
    const isGiven = ownMember(row, name) !== undefined;
    if ((op !== undefined && op !== "set") || (verb === "incr" && isGiven && op === undefined && addsUp(scope.set.get(name)!.column)))
      throw givenOtherwise(name);
  }
  const isNamed = ({ column, implied }: SetValue): boolean =>
    verb === "updateAll" ? !isKeyPart(rules, column) && !implied : isKeyPart(rules, column) || creates || !implied;
  const complete = withSetValues(rules, scope, row, isNamed);
  if (verb !== "incr" || complete === row) return { row: complete, ops };
  // `incr` would add to a number that is to be set.
  const sums = [...scope.set].filter(([name, { column }]) => addsUp(column) && !isKeyPart(rules, column) && Object.hasOwn(complete, name));
  return { row: complete, ops: sums.length === 0 ? ops : { ...given, ...Object.fromEntries(sums.map(([name]) => [name, "set"])) } };
}

/** A key in which the scope sets columns: they need not be given. */
export function keyWithin(rules: RowRules, scope: TableScope, key: unknown): unknown {
  if (scope.set.size === 0) return key;
  const fixed = [...scope.set].filter(([, { column }]) => isKeyPart(rules, column));
  if (fixed.length === 0) return key;
  const values = Object.fromEntries(fixed.map(([name, { given }]) => [name, given]));
  if (isPlainObject(key)) return { ...values, ...withoutUndefined(key) };
  // The one column that is left may be given by its bare value.
  const left = rules.table.key.filter(({ name }) => !scope.set.has(name));
  return left.length === 1 && rules.table.key.length > 1 ? { ...values, [left[0]!.name]: key } : key;
}

/** @throws DbError `denied` where rows are only read */
export function mustWrite({ shape: { written } }: TableScope): void {
  if (written !== undefined && written.columns.size === 0 && !written.rest)
    throw deniedByScope("rows of this table are only read within the scope");
}

function withSetValues(rules: RowRules, scope: TableScope, row: Given, isNamed: (value: SetValue) => boolean): Given {
  let complete = row;
  for (const [name, value] of scope.set) {
    const given = ownMember(row, name);
    if (given === undefined) {
      if (isNamed(value)) complete = { ...complete, [name]: value.given };
      continue;
    }
    const logical = given === null ? null : rules.rules.get(name)!.check(given);
    if (!deepEqual(logical, value.logical)) throw givenOtherwise(name);
  }
  return complete;
}

function withoutUndefined(row: Given): Given {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}

function checkNames(rules: RowRules, { shape: { written }, set }: TableScope, names: Iterable<string>): void {
  if (written === undefined) return;
  const { table } = rules;
  for (const name of names) {
    if (set.has(name)) continue;
    const column = table.byName.get(name) ?? table.rest;
    // What is not declared is refused by those who know the columns.
    if (column === undefined || isKeyPart(rules, column) || mayWrite(written, column)) continue;
    throw notWritten(table, name);
  }
}

/** Refuses operations that fail, or not, by what a column holds that is not seen: a sum that does not fit, a string that gets too long. */
function refuseTelling(table: Table, { shape: { seen } }: TableScope, verb: string, row: Given, ops: Given): void {
  if (seen === undefined) return;
  for (const name of new Set([...Object.keys(row), ...Object.keys(ops)])) {
    const column = table.byName.get(name);
    if (column === undefined || seen.columns.has(column)) continue;
    const op = ownMember(ops, name) ?? (verb === "incr" && addsUp(column) ? "incr" : "set");
    if (op !== "set" && op !== "unset")
      throw deniedByScope(`column ${name} of ${table.name} is not seen within the scope; it is set or unset as a whole`, name);
  }
}

function isKeyPart({ keyJoins }: RowRules, column: Column): boolean {
  return column.isKey || keyJoins.has(column.name);
}

function addsUp({ kind }: Column): boolean {
  return kind === "int" || kind === "int64" || kind === "real" || kind === "decimal";
}

function isRecord(value: unknown): value is Given {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notWritten(table: Table, name: string): DbError {
  return deniedByScope(`column ${name.slice(0, 50)} of ${table.name} may not be written within the scope`, name.slice(0, 50));
}

function givenOtherwise(name: string): DbError {
  return deniedByScope(`column ${name} is set by the scope; leave it out`, name);
}

/** A refusal of a scope, which says so in `detail.by`: hooks and engines refuse too. */
export function deniedByScope(message: string, column?: string): DbError {
  return new DbError("denied", message, { ...(column === undefined ? {} : { column }), detail: { by: "scope" } });
}
