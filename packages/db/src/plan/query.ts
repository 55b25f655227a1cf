// What select, search, count and scan ask: checked, and planned once for each shape.

import type { BoundTable, Row } from "../compile/bound-table.js";
import type { CallOptions } from "../normalize/call-options.js";
import { type Condition, allOf, anyOf, conditionKey, isNever, testsOf } from "../reference/condition.js";
import { parseFilter } from "../normalize/filter.js";
import { learnFilter, plainFilter } from "../normalize/filter-cache.js";
import type { Codec, SortColumn, Value } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import type { Target } from "../execute/pool.js";
import { type SelectPlan, planSelect } from "./select-plan.js";
import { encoderOf } from "../schema/encodings.js";
import type { Column, Table } from "../schema/table.js";
import type { SearchQuery } from "../reference/search-query.js";
import { parseSelect, parseSort } from "../normalize/order.js";
import { type TokenCodec, questionOf } from "../present/page-token.js";

/** What the reading calls take from the database that they belong to. */
export interface ReadContext {
  readonly tokens: TokenCodec;
  /** Most rows that the core sorts itself. */
  readonly sortLimit: number;
  readonly now: () => number;
  readonly target?: Target | undefined;
}

export interface ReadOptions extends CallOptions {
  readonly select?: readonly string[] | undefined;
  readonly consistent?: boolean | undefined;
}

export function checkConsistent(bound: BoundTable, options: ReadOptions | undefined): boolean {
  return options?.consistent === true && Object.values(bound.pool.driver.capabilities.sees).includes("asked");
}

export interface SelectOptions extends ReadOptions {
  readonly ops?: Readonly<Record<string, string>> | undefined;
  readonly sort?: string | readonly string[] | undefined;
  readonly desc?: boolean | undefined;
  readonly count?: number | undefined;
  readonly start?: string | undefined;
  readonly scan?: boolean | undefined;
  /** Mixed into page tokens: a token made with one scope is `invalid` with another. */
  readonly scope?: string | undefined;
}

export interface Page {
  readonly rows: Row[];
  readonly next?: string;
}

/** Full text that is asked for: as the caller wrote it, and parsed. */
export interface Search {
  readonly text: string;
  readonly query: SearchQuery;
}

/** What a select, count or scan asks, checked and planned. */
export interface Question {
  readonly bound: BoundTable;
  readonly plan: SelectPlan;
  readonly condition: Condition;
  /** Logical values by slot. */
  readonly values: readonly unknown[];
  readonly sort: readonly SortColumn[];
  readonly names: readonly string[] | undefined;
  readonly search: Search | undefined;
  readonly identity: () => string;
  readonly key: string;
  readonly consistent: boolean;
  /** The filter holds for no row, whatever is stored: nothing has to be asked. */
  readonly never: boolean;
}

/** Checks and plans; `call` names the verb in errors and default operators. */
export function ask(
  bound: BoundTable,
  context: ReadContext,
  filter: unknown,
  options: SelectOptions | undefined,
  search?: Search,
): Question {
  const { table, pool } = bound;
  const values: unknown[] = [];
  const asked = conditionOf(bound, filter, values, options?.ops);
  const { sort, sortKey } = sortOf(bound, options);
  const names = options?.select === undefined ? undefined : parseSelect(table, options.select);
  const given = values.length;
  const condition = table.ttl === undefined ? asked : allOf([asked, living(table, values, context.now())]);
  const consistent = checkConsistent(bound, options);
  const key = `${conditionKey(condition)}|${sortKey}|${search === undefined ? "" : "?"}`;
  const plan = bound.kept(`plan ${key}`, () => planSelect(table, condition, sort, pool.driver.capabilities));
  const scope = `${options?.scope ?? ""}${search === undefined ? "" : `?${search.text}`}`;
  const identity = (): string => questionOf(table, asked, values.slice(0, given), sort, scope);
  const shapeKey = `${key}|${names?.join(" ") ?? "*"}|${consistent ? "!" : ""}`;
  return { bound, plan, condition, values, sort, names, search, identity, key: shapeKey, consistent, never: isNever(condition) };
}

function conditionOf(bound: BoundTable, filter: unknown, values: unknown[], ops: SelectOptions["ops"]): Condition {
  const { table, filters } = bound;
  const known = ops === undefined ? plainFilter(filters, filter, values) : undefined;
  if (known !== undefined) return known;
  const condition = parseFilter(table, filter === undefined ? {} : filter, values, { call: "select", ops });
  if (ops === undefined) learnFilter(filters, table, filter, condition, values);
  return condition;
}

interface Sort {
  readonly sort: readonly SortColumn[];
  readonly sortKey: string;
}

function sortOf(bound: BoundTable, options: SelectOptions | undefined): Sort {
  const { sort, desc } = options ?? {};
  const make = (): Sort => {
    const parsed = parseSort(bound.table, sort, desc);
    return { sort: parsed, sortKey: parsed.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`).join(",") };
  };
  if (sort !== undefined && typeof sort !== "string") return make();
  return bound.kept(`sort${sort === undefined ? "" : ` ${sort}`}|${String(desc)}`, make);
}

/** The condition that a row's time has not come; nothing for tables without `ttl`. */
export function living(table: Table, values: unknown[], now: number): Condition {
  const { ttl } = table;
  if (ttl === undefined) return allOf([]);
  const slot = values.push(now) - 1;
  return anyOf([
    { kind: "test", column: ttl, op: "null", slots: [] },
    { kind: "test", column: ttl, op: "gt", slots: [slot] },
  ]);
}

/**
 * @param allowed  the caller said that the whole table may be read
 * @param whole    the call reads on to the end even where it has no filter (count, updateAll …)
 * @throws DbError `scan-refused`
 */
export function refuseScan(question: Question, allowed: boolean, whole: boolean): void {
  const { plan, bound } = question;
  if (allowed || plan.narrow || question.never) return;
  if (!bound.table.settings.noscan) {
    if (bound.pool.driver.capabilities.access === "any") return;
    // Without a filter a page is read in the engine's own order, and no further.
    if (!whole && !plan.coreSort) return;
  }
  throw new DbError(
    "scan-refused",
    "no key or index serves this filter, so the whole table would be read; give the hash key, add an index, or pass { scan: true }",
  );
}

const defaultCount = 50;
const maxCount = 10_000;

export function checkCount(count: unknown): number {
  if (count === undefined) return defaultCount;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > maxCount)
    throw invalid(`count must be an integer from 1 to ${maxCount}`);
  return count;
}

export function hasConditions(filter: unknown): boolean {
  return typeof filter === "object" && filter !== null && Object.keys(filter).length > 0;
}

/** Encodes the values of a condition, each as the column of its test is stored. */
export function valueEncoder(condition: Condition, slots: number, codec: Codec): (values: readonly unknown[]) => Value[] {
  const encoders: ((value: unknown) => Value)[] = Array.from({ length: slots }, () => (value) => value as Value);
  for (const { column, op, slots: own, member } of testsOf(condition)) {
    if (member !== undefined) continue;
    const encode = column.kind === "list" && op !== "same" ? elementEncoder(column, codec) : encoderOf(column, codec);
    for (const slot of own) encoders[slot] = encode;
  }
  return (values) => encoders.map((encode, slot) => encode(values[slot]));
}

function elementEncoder(column: Column, codec: Codec): (value: unknown) => Value {
  const kind = column.element ?? "text";
  return encoderOf({ ...column, kind, element: undefined, isSet: false }, codec);
}
