// What select, search, count and scan ask: checked, and planned once for each shape.

import type { SortColumn } from "../driver.js";
import { learnFilter, plainFilter } from "../normalize/filter-cache.js";
import { parseFilter } from "../normalize/filter.js";
import { parseSelect, parseSort } from "../normalize/order.js";
import { type SelectPlan, planSelect } from "../plan/select-plan.js";
import { queryIdentity } from "../present/page-token.js";
import { allOf, type Condition, conditionKey, isNever } from "../reference/condition.js";
import { notExpired } from "../reference/expiry.js";
import type { SearchQuery } from "../reference/search-query.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { SelectOptions } from "./options.js";

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
  readonly names: readonly string[] | undefined;
  readonly search: Search | undefined;
  /** Equal for queries that one page token may go on with. */
  readonly identity: () => string;
  readonly key: string;
  readonly consistent: boolean;
  /** The filter holds for no row, whatever is stored: nothing has to be asked. */
  readonly never: boolean;
}

/** Whether a read has to ask for what it must see; engines that always see it are not asked. */
export function seesAsked(bound: BoundTable): boolean {
  const { get, select, index } = bound.pool.capabilities.sees;
  return get === "asked" || select === "asked" || index === "asked";
}

export function queryOf(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  options: SelectOptions | undefined,
  search?: Search,
): Query {
  const values: unknown[] = [];
  const condition = readFilter(bound, filter, values, options?.ops);
  return plannedQuery(bound, context, condition, values, options, search);
}

/** The query of a filter that was read before; rows that have expired are left out. */
export function plannedQuery(
  bound: BoundTable,
  context: CallContext,
  asked: Condition,
  given: readonly unknown[],
  options: SelectOptions | undefined,
  search?: Search,
): Query {
  const { table, pool } = bound;
  const { sort, sortKey } = sortOf(bound, options);
  const names = options?.select === undefined ? undefined : parseSelect(table, options.select);
  const values = table.ttl === undefined ? given : [...given];
  const condition = table.ttl === undefined ? asked : allOf([asked, notExpired(table, values as unknown[], context.now())]);
  const consistent = options?.consistent === true && seesAsked(bound);
  const key = `${conditionKey(condition)}|${sortKey}|${search === undefined ? "" : "?"}`;
  const plan = bound.kept(`plan ${key}`, () => planSelect(table, condition, sort, pool.capabilities));
  const scope = `${options?.scope ?? ""}${search === undefined ? "" : `?${search.text}`}`;
  const identity = (): string => queryIdentity(table, asked, given, sort, scope);
  const shapeKey = `${key}|${names?.join(" ") ?? "*"}|${consistent ? "!" : ""}`;
  return { bound, plan, condition, values, sort, names, search, identity, key: shapeKey, consistent, never: isNever(condition) };
}

/** The condition of a caller's filter, in which the columns' own operators apply; values are appended. */
export function readFilter(bound: BoundTable, filter: unknown, values: unknown[], ops: SelectOptions["ops"]): Condition {
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
