// What select, search, count and scan ask: checked, and planned once for each shape.

import type { SortColumn } from "../driver.js";
import { DbError } from "../errors.js";
import { learnFilter, plainFilter } from "../normalize/filter-cache.js";
import { parseFilter } from "../normalize/filter.js";
import { parseSelect, parseSort } from "../normalize/order.js";
import { refuseScan } from "../plan/scan-rule.js";
import { type SelectPlan, planSelect } from "../plan/select-plan.js";
import { conditionText, queryIdentity } from "../present/page-token.js";
import { allOf, type Condition, conditionKey, isNever } from "../reference/condition.js";
import type { SearchQuery } from "../reference/search-query.js";
import type { Column } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { SelectOptions } from "./options.js";
import { visibleRows } from "./visible.js";

/** What a query is about beside its condition. */
export interface QueryOptions extends SelectOptions {
  /** In place of `select`: columns that the core needs itself, whether or not the caller may read them. */
  readonly columns?: readonly Column[];
}

/** Full text that is asked for: as the caller wrote it, and parsed. */
export interface Search {
  readonly text: string;
  readonly query: SearchQuery;
}

export interface Query {
  readonly bound: BoundTable;
  readonly plan: SelectPlan;
  readonly condition: Condition;
  /** Logical values by slot. */
  readonly values: readonly unknown[];
  readonly sort: readonly SortColumn[];
  /** The columns that are given; undefined: all. */
  readonly selected: readonly Column[] | undefined;
  /** Columns that are fetched besides. */
  readonly extra: readonly Column[];
  readonly search: Search | undefined;
  /** Equal for queries that one page token may go on with. */
  readonly identity: () => string;
  readonly shape: QueryShape;
  readonly consistent: boolean;
  /** The filter holds for no row, whatever is stored: nothing has to be asked. */
  readonly never: boolean;
}

/** What queries that differ in values alone have in common. */
interface QueryShape {
  readonly key: string;
  readonly plan: SelectPlan;
  /** What reads its pages, kept here by page.ts. */
  readonly reader: { made?: unknown };
}

/** Whether a read has to ask for what it must see; engines that always see it are not asked. */
export function seesAsked(bound: BoundTable): boolean {
  const { get, select, index } = bound.pool.capabilities.sees;
  return get === "asked" || select === "asked" || index === "asked";
}

/**
 * @throws DbError `unsupported` where a caller asks to see every acknowledged write, and the engine's reads of this kind cannot
 *   be made to
 */
export function refuseLate({ pool }: BoundTable, read: "get" | "select" | "index"): void {
  if (pool.capabilities.sees[read] !== "late") return;
  const what = read === "get" ? "reads by key" : read === "select" ? "selects" : "reads of an index";
  throw new DbError(
    "unsupported",
    `${what} may miss the latest writes here, and cannot be made to see them (capability sees); leave consistent out, or get the row by its key`,
    { detail: { capability: "sees" } },
  );
}

export function queryOf(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  options: QueryOptions | undefined,
  search?: Search,
): Query {
  const values: unknown[] = [];
  const condition = readFilter(bound, filter, values, options?.ops);
  return plannedQuery(bound, context, condition, values, options, search);
}

/** The query of a filter that was read before; of the rows that there are. */
export function plannedQuery(
  bound: BoundTable,
  context: CallContext,
  asked: Condition,
  given: readonly unknown[],
  options: QueryOptions | undefined,
  search?: Search,
): Query {
  const { table, pool, scope } = bound;
  const { sort, sortKey } = sortOf(bound, options);
  const selected = selectedBy(bound, options);
  const isWhole = table.ttl === undefined && scope === undefined;
  const values = isWhole ? given : [...given];
  const condition = isWhole ? asked : allOf([asked, visibleRows(bound, context, values as unknown[])]);
  const consistent = options?.consistent === true && seesAsked(bound);
  const makeShape = (): QueryShape => {
    const key = `${conditionKey(condition)}|${sortKey}|${search === undefined ? "" : "?"}`;
    const plan = bound.kept(`plan ${key}`, () => planSelect(table, condition, sort, pool.capabilities));
    return { key: `${key}|${selected?.map(({ name }) => name).join(" ") ?? "*"}|${consistent ? "!" : ""}`, plan, reader: {} };
  };
  const isPlain = search === undefined && selected === undefined && !consistent && condition === asked;
  const shape = isPlain ? keptShape(bound, condition, sortKey, makeShape) : makeShape();
  const { plan } = shape;
  if (options?.consistent === true) refuseLate(bound, plan.path?.index === undefined ? "select" : "index");
  const deleted = table.deletedAt === undefined || scope?.deletedAt !== undefined ? "" : "deleted";
  const identity = (): string =>
    queryIdentity(table, asked, given, sort, [scopeText(context.scope), deleted, search === undefined ? "" : `?${search.text}`]);
  return { bound, plan, condition, values, sort, selected, extra: [], search, identity, shape, consistent, never: isNever(condition) };
}

/** The same query, of which these columns are fetched too. */
export function withColumns(query: Query, extra: readonly Column[]): Query {
  if (extra.length === 0 || query.selected === undefined) return query;
  const { shape } = query;
  return { ...query, extra, shape: { ...shape, key: `${shape.key}+${extra.map(({ name }) => name).join(" ")}`, reader: {} } };
}

/** Text that is equal for equal scopes: pages go on only in the scope that they began in. */
function scopeText(scope: CallContext["scope"]): string {
  if (scope === undefined) return "";
  const { shape, values, tokensOf = "" } = scope;
  return JSON.stringify([shape.key, conditionText(shape.where, values), tokensOf]);
}

function selectedBy({ readable, defaultColumns }: BoundTable, options: QueryOptions | undefined): readonly Column[] | undefined {
  if (options?.columns !== undefined) return options.columns;
  return options?.select === undefined ? defaultColumns : parseSelect(readable, options.select);
}

const shapesOf = new WeakMap<BoundTable, WeakMap<Condition, Map<string, QueryShape>>>();

/** The shape of a query by its condition itself, which is kept for repeated calls: no key is put together to find it. */
function keptShape(bound: BoundTable, condition: Condition, sortKey: string, make: () => QueryShape): QueryShape {
  let shapes = shapesOf.get(bound);
  if (shapes === undefined) shapesOf.set(bound, (shapes = new WeakMap()));
  let bySort = shapes.get(condition);
  if (bySort === undefined) shapes.set(condition, (bySort = new Map()));
  let shape = bySort.get(sortKey);
  if (shape === undefined) {
    shape = make();
    if (bySort.size < mostOrders) bySort.set(sortKey, shape);
  }
  return shape;
}

/** Shapes that are kept for one condition. */
const mostOrders = 50;

/** The condition of a caller's filter, in which the columns' own operators apply; values are appended. */
export function readFilter(bound: BoundTable, filter: unknown, values: unknown[], ops: SelectOptions["ops"]): Condition {
  const { readable, filters } = bound;
  const known = ops === undefined ? plainFilter(filters, filter, values) : undefined;
  if (known !== undefined) return known;
  const condition = parseFilter(readable, filter === undefined ? {} : filter, values, { call: "select", ops });
  if (ops === undefined) learnFilter(filters, readable, filter, condition, values);
  return condition;
}

interface Sort {
  readonly sort: readonly SortColumn[];
  readonly sortKey: string;
}

function sortOf(bound: BoundTable, options: SelectOptions | undefined): Sort {
  const { sort, desc } = options ?? {};
  const make = (): Sort => {
    const parsed = parseSort(bound.readable, sort, desc);
    return { sort: parsed, sortKey: parsed.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`).join(",") };
  };
  if (sort !== undefined && typeof sort !== "string") return make();
  return bound.kept(desc === undefined ? (sort === undefined ? "sort" : `sort ${sort}`) : `sort ${sort ?? ""}|${String(desc)}`, make);
}

/** @throws DbError `scan-refused` where the query would read the whole table and nobody said so */
export function refuseQuery({ bound, plan, never }: Query, allowed: boolean, whole: boolean): void {
  if (!never) refuseScan(bound.table, plan, bound.pool.capabilities, allowed, whole);
}
