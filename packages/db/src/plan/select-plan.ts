// The planner: which index serves a select, what the engine evaluates, what is left for the core. Once, for all drivers.

import { type Condition, type Slot, type Test, conjuncts } from "../reference/condition.js";
import type { AccessPath, Capabilities, SortColumn } from "../driver.js";
import type { Column, Index, Table } from "../schema/table.js";
import { splitFilter } from "./evaluates.js";

/** What the planner decides about a select, a count or a scan. Depends on the shape of the call alone. */
export interface SelectPlan {
  readonly path: AccessPath | undefined;
  /** Several paths that differ in the value of their first column: read one after the other, in the order of those values. */
  readonly spread: Spread | undefined;
  /** What the engine evaluates. */
  readonly pushed: Condition;
  /** What the core evaluates on the rows that come back; undefined when nothing is left. */
  readonly residual: Condition | undefined;
  /** The total order of the result. */
  readonly order: readonly SortColumn[];
  /** The total order in which the engine is asked for rows; another one than `order` when the core sorts. */
  readonly readOrder: readonly SortColumn[];
  /** The core sorts: all matching rows are read first, within `sortLimit`. */
  readonly coreSort: boolean;
  /** A key or an index narrows what is read; else the whole table may have to be read. */
  readonly narrow: boolean;
}

/** Where the values of `in` on the first column of a path stand. Each read binds one of them in the place of the first. */
export interface Spread {
  readonly column: Column;
  readonly slots: readonly Slot[];
  readonly descending: boolean;
}

interface Candidate {
  readonly index: Index | undefined;
  readonly columns: readonly Column[];
}

/**
 * Plans a select.
 *
 * @param sort  the caller's order; the key columns that it lacks are appended, in the direction of its last column
 */
export function planSelect(table: Table, condition: Condition, sort: readonly SortColumn[], capabilities: Capabilities): SelectPlan {
  const tests = conjuncts(condition);
  const fixed = equalTests(tests);
  const wanted = totalOrder(table, sort, fixed);
  if (capabilities.access === "any") {
    const { pushed, residual } = splitFilter(tests, capabilities, { uses: rangesAfter(wanted) });
    const coreSort = wanted.some(({ column }) => !capabilities.sorts.includes(column.kind));
    const readOrder = coreSort ? keyOrder(table) : wanted;
    const narrow = servedBySomeIndex(table, conjuncts(pushed));
    return { path: undefined, spread: undefined, pushed, residual, order: wanted, readOrder, coreSort, narrow };
  }
  return planByPath(table, tests, sort, wanted, fixed, capabilities);
}

/**
 * How many ranges the rows after a position may be, each of which repeats the filter: two for each column that may be
 * absent, one for each column of a key that is read in several directions.
 */
function rangesAfter(order: readonly SortColumn[]): number {
  const open = order.filter(({ column }) => !column.isKey).length;
  const isMixed = order.some(({ descending }) => descending !== order[0]!.descending);
  return 2 * open + (isMixed ? order.length - open : 1);
}

function planByPath(
  table: Table,
  tests: readonly Condition[],
  sort: readonly SortColumn[],
  wanted: readonly SortColumn[],
  fixed: ReadonlyMap<Column, Test>,
  capabilities: Capabilities,
): SelectPlan {
  const hashFixed = fixed.has(table.key[0]);
  const sorted = sort.length > 0 || (hashFixed && table.range.length > 0);
  const choices = candidates(table).map((candidate) => weigh(candidate, tests, wanted, sorted, fixed, capabilities));
  const best = choices.reduce((a, b) => (b.score > a.score ? b : a));
  const usable = best.score >= 0;
  if (!best.narrow) {
    const spread = planSpread(table, tests, sort, wanted, fixed, capabilities);
    if (spread !== undefined) return spread;
  }
  if (!usable) {
    const { pushed, residual } = splitFilter(tests, capabilities);
    const readOrder = keyOrder(table);
    return {
      path: undefined,
      spread: undefined,
      pushed,
      residual,
      order: sort.length > 0 ? wanted : readOrder,
      readOrder,
      coreSort: sort.length > 0,
      narrow: false,
    };
  }
  const { pushed, residual } = splitFilter(tests, capabilities, { consumed: best.consumed, ofPath: new Set(best.path.columns) });
  const coreSort = sorted && !(best.servesOrder && hasOrder(best.path, capabilities));
  const readOrder = pathOrder(best.path);
  const { path, narrow } = best;
  return { path, spread: undefined, pushed, residual, order: coreSort ? wanted : readOrder, readOrder, coreSort, narrow };
}

/** Most values of an `in` that are read as so many paths. */
const mostPaths = 1024;

/** One path for each value of an `in` on the first column of the key or an index, where no single path narrows what is read. */
function planSpread(
  table: Table,
  tests: readonly Condition[],
  sort: readonly SortColumn[],
  wanted: readonly SortColumn[],
  fixed: ReadonlyMap<Column, Test>,
  capabilities: Capabilities,
): SelectPlan | undefined {
  if (capabilities.paging !== "position") return undefined;
  for (const test of tests) {
    if (!isPlain(test) || test.op !== "in" || test.slots.length > mostPaths) continue;
    const { column, slots } = test;
    const first: Test = { kind: "test", column, op: "eq", slots: [slots[0]!] };
    const own = new Map([...fixed, [column, first] as const]);
    const choices = candidates(table)
      .filter(({ index, columns }) => columns[0] === column && (index === undefined || index.columns[0] === column))
      .map((candidate) => weigh(candidate, tests, wanted, false, own, capabilities));
    if (choices.length === 0) continue;
    const best = choices.reduce((a, b) => (b.score > a.score ? b : a));
    const rest = best.path.columns.slice(best.path.equal.length);
    const varying = wanted.filter((one) => !fixed.has(one.column));
    const open = [column, ...rest.filter((one) => !fixed.has(one))];
    const isOrdered = hasOrder(best.path, capabilities);
    const descending = sort.length > 0 && isOrdered && servesOrder(open, varying, true);
    const coreSort = sort.length > 0 && !descending && !(isOrdered && servesOrder(open, varying, false));
    const path = { ...best.path, descending };
    const consumed = new Set([...best.consumed, test]);
    const { pushed, residual } = splitFilter(tests, capabilities, { consumed, ofPath: new Set(path.columns) });
    const readOrder = rest.map((one) => ({ column: one, descending }));
    const order = coreSort ? wanted : [{ column, descending }, ...readOrder];
    return { path, spread: { column, slots, descending }, pushed, residual, order, readOrder, coreSort, narrow: true };
  }
  return undefined;
}

/** Whether rows come in the order of a path: an engine may keep one by key alone. */
function hasOrder({ index }: AccessPath, { indexOrder }: Capabilities): boolean {
  return index === undefined || indexOrder;
}

function candidates(table: Table): Candidate[] {
  const primary: Candidate = { index: undefined, columns: table.key };
  const secondary = [...table.indexes, ...table.uniques].map((index) => ({
    index,
    columns: [...index.columns, ...table.key.filter((column) => !index.columns.includes(column))],
  }));
  return [primary, ...secondary];
}

interface Choice {
  readonly path: AccessPath;
  /** Tests that the path itself carries out exactly. */
  readonly consumed: ReadonlySet<Condition>;
  readonly servesOrder: boolean;
  /** Equality or a range keeps the read from going over the whole table. */
  readonly narrow: boolean;
  /** Below zero: the engine cannot use the path. */
  readonly score: number;
}

function weigh(
  { index, columns }: Candidate,
  tests: readonly Condition[],
  wanted: readonly SortColumn[],
  sorted: boolean,
  fixed: ReadonlyMap<Column, Test>,
  capabilities: Capabilities,
): Choice {
  const equal: Test[] = [];
  // The columns that an index lacks belong to its entries, but only its own columns are looked up.
  const own = index === undefined ? columns : index.columns;
  for (const column of own) {
    const test = fixed.get(column);
    if (test === undefined) break;
    equal.push(test);
  }
  const next = own[equal.length];
  const range = next === undefined ? undefined : rangeTest(next, tests);
  // A column that equals one value has no say in the order.
  const rest = columns.slice(equal.length).filter((column) => !fixed.has(column));
  const varying = wanted.filter((sort) => !fixed.has(sort.column));
  const forward = servesOrder(rest, varying, false);
  const backward = !forward && servesOrder(rest, varying, true);
  const narrow = equal.length > 0 || (range !== undefined && capabilities.access === "ordered");
  // Without a first column, entries of rows where it is absent would be missed, and a partitioned engine has no order.
  const usable = equal.length > 0 || (capabilities.access === "ordered" && (index === undefined || range !== undefined));
  const ordered = sorted && (forward || backward);
  const score = usable
    ? (narrow ? 1000 : 0) + (ordered ? 200 : 0) + equal.length * 10 + (range === undefined ? 0 : 5) + (index === undefined ? 1 : 0)
    : -1;
  const consumed = new Set<Condition>(equal);
  if (range?.exact) consumed.add(range.test);
  const path: AccessPath = {
    index,
    columns,
    equal: equal.map((test) => test.slots[0]!),
    range: range?.test,
    descending: ordered && backward,
  };
  return { path, consumed, servesOrder: forward || backward, narrow, score };
}

/** Whether reading `rest` in order, or backwards, gives rows in the wanted order. */
function servesOrder(rest: readonly Column[], wanted: readonly SortColumn[], descending: boolean): boolean {
  return rest.length === wanted.length && wanted.every((sort, i) => sort.column === rest[i] && sort.descending === descending);
}

const lowerOps: readonly string[] = ["ge", "gt"];
const upperOps: readonly string[] = ["le", "lt"];

/**
 * The test that bounds a read of `column`, and whether it says all that its origin says. Two bounds become one
 * `between`; strict ones stay in the filter as well.
 */
function rangeTest(column: Column, tests: readonly Condition[]): { test: Test; exact: boolean } | undefined {
  const own = tests.filter((test): test is Test => isPlain(test) && test.column === column);
  const whole = own.find((test) => test.op === "between" || test.op === "begins_with");
  if (whole !== undefined) return { test: whole, exact: true };
  const lower = own.find((test) => lowerOps.includes(test.op));
  const upper = own.find((test) => upperOps.includes(test.op));
  if (lower !== undefined && upper !== undefined)
    return { test: { kind: "test", column, op: "between", slots: [lower.slots[0]!, upper.slots[0]!] }, exact: false };
  const one = lower ?? upper;
  return one === undefined ? undefined : { test: one, exact: true };
}

function isPlain(condition: Condition): condition is Test {
  return condition.kind === "test" && condition.member === undefined;
}

/** The tests by equality that must hold, the first one for each column. */
function equalTests(tests: readonly Condition[]): Map<Column, Test> {
  const found = new Map<Column, Test>();
  for (const test of tests) if (isPlain(test) && test.op === "eq" && !found.has(test.column)) found.set(test.column, test);
  return found;
}

const narrowing: ReadonlySet<string> = new Set(["eq", "in", "gt", "ge", "lt", "le", "between", "begins_with"]);

function servedBySomeIndex(table: Table, tests: readonly Condition[]): boolean {
  const leads = (test: Condition, column: Column): boolean =>
    test.kind === "related" ? test.columns[0] === column : isPlain(test) && test.column === column && narrowing.has(test.op);
  return candidates(table).some(({ columns }) => tests.some((test) => leads(test, columns[0]!)));
}

function totalOrder(table: Table, sort: readonly SortColumn[], fixed: ReadonlyMap<Column, Test>): SortColumn[] {
  const descending = sort.at(-1)?.descending ?? false;
  const given = new Set(sort.map(({ column }) => column));
  const hashFixed = fixed.has(table.key[0]);
  const ties = table.key.filter((column, i) => !given.has(column) && !(i === 0 && hashFixed && table.range.length > 0));
  return [...sort, ...ties.map((column) => ({ column, descending }))];
}

function keyOrder(table: Table): SortColumn[] {
  return table.key.map((column) => ({ column, descending: false }));
}

function pathOrder({ columns, equal, descending }: AccessPath): SortColumn[] {
  const rest = columns.slice(equal.length);
  return (rest.length > 0 ? rest : columns).map((column) => ({ column, descending }));
}
