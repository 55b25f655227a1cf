// The first stage for rows and keys: what a caller gives is checked against the table and becomes logical values.

import type { Clock } from "@bk/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { Limits } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import { countsFromZero } from "../schema/absence.js";
import { utf8Length } from "../schema/bytes.js";
import { checkerOf, generatorOf } from "../schema/column-types.js";
import { encodeGeohash } from "../schema/geohash.js";
import { isJoinedText } from "../schema/is-joined-text.js";
import { joinText } from "../schema/join.js";
import { ownMember } from "../schema/plain-object.js";
import type { Column, Join, Table } from "../schema/table.js";
import { type RowProblem, withAllProblems } from "./row-problems.js";

/** Most bytes of UTF-8 that the range parts of a key take together. */
export const maxRangeBytes = 1000;

type Check = (value: unknown) => unknown;

interface ColumnRule {
  readonly column: Column;
  readonly check: Check;
  /** Gives the value of a column that was left out. */
  readonly fill: ((clock: Clock) => unknown) | undefined;
}

/** What the calls on one table need to check rows and keys; made once for each table. */
export interface RowRules {
  readonly table: Table;
  readonly keyBytes: number | undefined;
  readonly indexBytes: number | undefined;
  /** Texts of indexes, where the engine takes none over `indexBytes`. */
  readonly boundedTexts: ReadonlySet<Column>;
  readonly rules: ReadonlyMap<string, ColumnRule>;
  /** Rules of the stored columns, by index. */
  readonly stored: readonly ColumnRule[];
  /** Columns that are made of a latitude and a longitude. */
  readonly geohashes: readonly Column[];
  readonly notEmpty: readonly Column[];
  /** Columns that are made of others: joined ones and geohashes. */
  readonly computed: ReadonlySet<Column>;
  readonly checkKeyPart: readonly Check[];
  /** Parts of joined key columns, by name: keys may be given by them. */
  readonly keyJoins: ReadonlyMap<string, Join>;
}

/** @param limits  what the engine takes; no more than all do where it has a limit below that */
export function rowRules(table: Table, { keyBytes, indexBytes }: Pick<Limits, "keyBytes" | "indexBytes"> = {}): RowRules {
  const ruleOf = (column: Column): ColumnRule => ({ column, check: checkerOf(column), fill: fillOf(column) });
  const rules = new Map([...table.byName.values()].map((column) => [column.name, ruleOf(column)]));
  const stored = table.columns.map((column) => rules.get(column.name) ?? ruleOf(column));
  const keyJoins = new Map<string, Join>();
  for (const join of table.joins) {
    if (join.column.isKey) for (const part of join.parts) if (!part.isKey || part === join.column) keyJoins.set(part.name, join);
  }
  const geohashes = table.columns.filter(
    ({ type, definition: { lat, lon } }) => type === "geohash" && lat !== undefined && lon !== undefined,
  );
  return {
    table,
    keyBytes,
    indexBytes,
    boundedTexts: new Set(indexBytes === undefined ? [] : indexedTexts(table)),
    rules,
    stored,
    geohashes,
    computed: new Set([...geohashes, ...table.joins.map(({ column }) => column)]),
    notEmpty: table.columns.filter(({ definition }) => definition.notEmpty),
    checkKeyPart: table.key.map((column) => checkerOf(column)),
    keyJoins,
  };
}

function indexedTexts({ indexes, uniques }: Table): Column[] {
  return [...indexes, ...uniques].flatMap(({ columns }) => columns.filter(({ kind }) => kind === "text"));
}

/** Checks a text that is to be stored in a column; only where the engine has a limit for it. */
export function checkIndexBytes({ boundedTexts, indexBytes }: RowRules, column: Column, value: unknown): void {
  if (typeof value !== "string" || !boundedTexts.has(column)) return;
  const bytes = utf8Length(value);
  if (bytes <= indexBytes!) return;
  const message = `column ${column.name} is indexed and takes ${bytes} bytes; this engine takes at most ${indexBytes}`;
  throw new DbError("too-large", message, { column: column.name });
}

/** Checks the texts of a whole row's indexes. */
export function checkIndexedTexts(own: RowRules, values: readonly unknown[]): void {
  for (const column of own.boundedTexts) checkIndexBytes(own, column, values[column.index]);
}

function fillOf(column: Column): ColumnRule["fill"] {
  const { value } = column.definition;
  if (value !== undefined) {
    const check = checkerOf(column);
    return value === null ? undefined : () => check(value);
  }
  if (column.type === "counter") return column.kind === "int" && !column.isKey ? () => 0 : undefined;
  return generatorOf(column);
}

/** Values of the stored columns by index, null where absent. */
export type LogicalRow = unknown[];

/**
 * Checks a whole row for an insert: defaults, generated values, `now`, joined columns.
 *
 * @param keepNow  keep given values of `now` columns
 * @throws DbError `invalid` or `too-large`, naming the column
 */
export function checkRow(own: RowRules, row: unknown, clock: Clock, keepNow: boolean): LogicalRow {
  const given = recordOf(own, row);
  try {
    return checkColumns(own, given, clock, keepNow);
  } catch (error) {
    const missing = [...own.notEmpty, ...own.table.key].filter(({ name }) => ownMember(given, name) === undefined);
    throw withAllProblems(error, [...Object.keys(given), ...missing.map(({ name }) => name)], (name) => checkColumn(own, given, name));
  }
}

/** Checks one column of an insert by itself. */
function checkColumn(own: RowRules, given: Readonly<Record<string, unknown>>, name: string): void {
  const { table } = own;
  const value = ownMember(given, name);
  const rule = own.rules.get(name);
  if (rule === undefined) {
    if (value === undefined) return;
    const member = checkOpenName(table, name);
    if (table.rest === undefined) throw unknownColumn(table, name);
    if (value !== null) own.stored[table.rest.index]!.check({ [member]: value });
    return;
  }
  const { column, check, fill } = rule;
  if (column.definition.writeonly) return;
  if (value !== undefined && value !== null) return void check(value);
  const isMade = (value === undefined && fill !== undefined) || column.type === "now" || own.computed.has(column);
  if (isMade) return;
  if (column.isKey) throw keyMissing(table, column);
  if (column.definition.notEmpty) throw mustNotBeEmpty(column);
}

function checkColumns(own: RowRules, given: Readonly<Record<string, unknown>>, clock: Clock, keepNow: boolean): LogicalRow {
  const { table, rules, stored } = own;
  const values: LogicalRow = new Array(stored.length).fill(undefined);
  let hidden: Map<Column, unknown> | undefined;
  let rest: Record<string, unknown> | undefined;
  for (const name in given) {
    const value = given[name];
    if (value === undefined) continue;
    const rule = rules.get(name);
    if (rule === undefined) {
      if (table.rest === undefined) throw unknownColumn(table, name);
      if (value !== null) (rest ??= Object.create(null) as Record<string, unknown>)[checkOpenName(table, name)] = value;
      continue;
    }
    const { column } = rule;
    if (column.definition.writeonly) continue;
    const checked = value === null ? null : rule.check(value);
    if (column.index < 0) (hidden ??= new Map()).set(column, checked);
    else values[column.index] = checked;
  }
  if (rest !== undefined) values[table.rest!.index] = stored[table.rest!.index]!.check(rest);
  for (let i = 0; i < stored.length; i++) fillColumn(stored[i]!, values, clock, keepNow);
  if (table.joins.length > 0) joinColumns(own, values, hidden, clock);
  if (own.geohashes.length > 0) fillGeohashes(own, values, hidden);
  for (const column of own.notEmpty) if (isEmpty(values[column.index])) throw mustNotBeEmpty(column);
  if (own.boundedTexts.size > 0) checkIndexedTexts(own, values);
  const key: unknown[] = [];
  for (let i = 0; i < table.key.length; i++) key.push(values[table.key[i]!.index]);
  checkKeyValues(own, key);
  return values;
}

function recordOf(own: RowRules, row: unknown): Record<string, unknown> {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw invalid("the row must be an object of columns");
  const { check } = own.table.settings;
  return check === undefined ? (row as Record<string, unknown>) : checkedByTable(check, row as Record<string, unknown>);
}

function checkedByTable(schema: StandardSchemaV1, row: Record<string, unknown>): Record<string, unknown> {
  const result = schema["~standard"].validate({ ...row });
  if (result instanceof Promise) {
    // The call fails either way; a later rejection must not end the process.
    result.catch(() => undefined);
    throw invalid("the table's check must be synchronous");
  }
  if (result.issues !== undefined) {
    const problems = result.issues.flatMap(({ message, path }): RowProblem[] => {
      const first = path?.[0];
      return first === undefined ? [] : [{ column: String(typeof first === "object" ? first.key : first), message }];
    });
    throw invalid(
      `the row is refused by the table's check: ${result.issues.map((issue) => issue.message).join("; ")}`,
      problems[0] === undefined ? {} : { column: problems[0].column, detail: { rule: "check", problems } },
    );
  }
  if (typeof result.value !== "object" || result.value === null) throw invalid("the table's check returned no row");
  return result.value as Record<string, unknown>;
}

/** Gives a column of an insert its default, its own value or the time. */
export function fillColumn({ column, fill }: ColumnRule, values: LogicalRow, clock: Clock, keepNow: boolean): void {
  const value = values[column.index];
  if (column.type === "now") {
    const kept = value !== undefined && value !== null && (keepNow || column.isKey);
    if (!kept) values[column.index] = clock.now();
  } else if (value === undefined || (value === null && countsFromZero(column))) values[column.index] = fill?.(clock) ?? null;
}

function joinColumns(own: RowRules, values: LogicalRow, hidden: ReadonlyMap<Column, unknown> | undefined, clock: Clock): void {
  // All parts are taken before any joined column is written: one column may be a part of several.
  const texts = own.table.joins.map((join) => {
    const parts = join.parts.map((part) => {
      if (part.index >= 0) return values[part.index];
      return hidden?.has(part) ? hidden.get(part) : (own.rules.get(part.name)?.fill?.(clock) ?? null);
    });
    const selfMember = join.parts.indexOf(join.column);
    const joined = selfMember < 0 ? undefined : parts[selfMember];
    return isJoinedText(join, joined, parts) ? joined : joinText(join, parts);
  });
  own.table.joins.forEach((join, i) => {
    const selfMember = join.parts.includes(join.column);
    if (texts[i] !== null || selfMember) values[join.column.index] = texts[i] ?? null;
    if (join.column.isKey && values[join.column.index] === null)
      throw invalid(`the key column ${join.column.name} is joined from ${partNames(join)}; give all of them`, { column: join.column.name });
  });
}

function partNames(join: Join): string {
  return join.parts.map((part) => part.name).join(", ");
}

/** Sets each geohash column whose latitude and longitude are there and that has no value of its own. */
export function fillGeohashes({ table, geohashes }: RowRules, values: LogicalRow, hidden: ReadonlyMap<Column, unknown> | undefined): void {
  for (const column of geohashes) {
    const { lat, lon, precision } = column.definition;
    const at = [lat, lon].map((name) => {
      const source = table.byName.get(name!)!;
      return source.index >= 0 ? values[source.index] : hidden?.get(source);
    });
    if (typeof at[0] === "number" && typeof at[1] === "number") values[column.index] = encodeGeohash(at[0], at[1], precision);
  }
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (typeof value !== "object" || value instanceof Date) return false;
  return value instanceof Uint8Array ? value.length === 0 : Object.keys(value).length === 0;
}

/** The error of a `notEmpty` column without a value. */
export function mustNotBeEmpty(column: Column): DbError {
  return invalid(`column ${column.name} must not be empty`, { column: column.name });
}

/** The error of a column that the table does not declare. */
export function unknownColumn(table: Table, name: string): DbError {
  return invalid(
    `unknown column ${JSON.stringify(name.slice(0, 50))}; the columns of ${table.name} are ${[...table.byName.keys()].join(", ")}`,
    {
      column: name.slice(0, 50),
    },
  );
}

/** Undeclared columns of an open table are named as declared ones are. */
export function checkOpenName(table: Table, name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(name)) throw unknownColumn(table, name);
  return name;
}

/**
 * Checks a key: an object of exactly the key columns (or the parts of a joined one), or the bare value of a key of one column.
 *
 * @returns the values of the key columns, in order
 */
export function checkKey(own: RowRules, key: unknown): unknown[] {
  const { table, checkKeyPart } = own;
  if (typeof key !== "object" || key === null || key instanceof Date) {
    if (checkKeyPart.length > 1) throw invalid(`the key must be an object of ${keyNames(table)}`);
    return checkKeyValues(own, [key === null || key === undefined ? key : checkKeyPart[0]!(key)]);
  }
  const given = key as Record<string, unknown>;
  for (const name in given) {
    const column = table.byName.get(name);
    if (column === undefined) throw unknownColumn(table, name);
    if (!column.isKey && !own.keyJoins.has(name))
      throw invalid(`column ${name} is not part of the key ${keyNames(table)}; conditions on other columns go in the option where`, {
        column: name,
      });
  }
  return keyOf(own, given);
}

/** The key values in a row that may have other columns too. */
export function keyOf(own: RowRules, row: Readonly<Record<string, unknown>>): unknown[] {
  try {
    return keyValues(own, row);
  } catch (error) {
    const { table, rules } = own;
    const names = table.key.map(({ name }) => name);
    throw withAllProblems(error, names, (name) => {
      const { column, check } = rules.get(name)!;
      const value = ownMember(row, name);
      if (value !== undefined && value !== null) check(value);
      else if (!own.computed.has(column)) throw keyMissing(table, column);
    });
  }
}

function keyValues(own: RowRules, row: Readonly<Record<string, unknown>>): unknown[] {
  const { table, checkKeyPart } = own;
  const values = table.key.map((column, i) => {
    const value = ownMember(row, column.name);
    if (own.keyJoins.size > 0) {
      const joined = joinedKeyPart(own, column, row);
      if (joined !== undefined) return joined;
    }
    return value === null || value === undefined ? value : checkKeyPart[i]!(value);
  });
  return checkKeyValues(own, values);
}

function joinedKeyPart(own: RowRules, column: Column, row: Readonly<Record<string, unknown>>): string | undefined {
  const join = own.table.joins.find((candidate) => candidate.column === column);
  if (join === undefined) return undefined;
  const given = join.parts.map((part) => ownMember(row, part.name));
  if (given.some((value) => value === undefined || value === null)) return undefined;
  const selfMember = join.parts.indexOf(column);
  // A joined column that is a part of itself: a value that already is the joined text of the other parts stays as it is.
  const parts = join.parts.map((part, i) => own.rules.get(part.name)!.check(given[i]));
  if (selfMember >= 0 && isJoinedText(join, parts[selfMember], parts)) return undefined;
  return joinText(join, parts) ?? undefined;
}

function keyNames(table: Table): string {
  return table.key.map((column) => column.name).join(", ");
}

function keyMissing(table: Table, { name }: Column): DbError {
  return invalid(`the key column ${name} must have a value; the key of ${table.name} is ${keyNames(table)}`, { column: name });
}

/** Checks the values of a key's columns, in order, as a whole. */
export function checkKeyValues(own: RowRules, values: unknown[]): unknown[] {
  const problem = keyProblem(own, values);
  if (problem !== undefined) throw problem;
  return values;
}

/** Whether a row may have a key of these values. */
export function isPossibleKey(own: RowRules, values: readonly unknown[]): boolean {
  return !values.includes(null) && !values.includes("") && keyProblem(own, values) === undefined;
}

function keyProblem({ table, keyBytes }: RowRules, values: readonly unknown[]): DbError | undefined {
  let rangeBytes = 0;
  let hashBytes = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null || value === undefined || value === "") {
      return keyMissing(table, table.key[i]!);
    }
    if (typeof value === "string" && isTooLong(value, table.key[i]!)) return keyTooLong(table.key[i]!);
    if (i > 0) rangeBytes += typeof value === "string" ? utf8Length(value) : 8;
    else if (keyBytes !== undefined) hashBytes = typeof value === "string" ? utf8Length(value) : 8;
  }
  if (keyBytes !== undefined && hashBytes + rangeBytes > keyBytes)
    return new DbError("too-large", `the key takes ${hashBytes + rangeBytes} bytes; this engine takes at most ${keyBytes}`);
  if (rangeBytes > maxRangeBytes)
    return new DbError("too-large", `the range columns of the key take ${rangeBytes} bytes together; at most ${maxRangeBytes} are allowed`);
  return undefined;
}

/** The parts of a joined key are checked one by one; the text that they make together must fit too. */
function isTooLong(text: string, { maxLength }: Column): boolean {
  return maxLength !== undefined && text.length > maxLength && Array.from(text).length > maxLength;
}

function keyTooLong(column: Column): DbError {
  return new DbError("too-large", `the key column ${column.name} must have at most ${column.maxLength} characters`, {
    column: column.name,
  });
}
