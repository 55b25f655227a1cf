// The options of aggregate: what is computed, by which columns, in which order.

import type { SortColumn } from "../driver.js";
import { invalid } from "../errors.js";
import { numberKinds, orderedKinds } from "../schema/column-kinds.js";
import type { Column, Kind, Table } from "../schema/table.js";
import { checkCount } from "./order.js";
import { unknownColumn } from "./row.js";

export const computedOps = ["sum", "avg", "min", "max"] as const;
export type ComputedOp = (typeof computedOps)[number];

/** One value that a group is given with and may be sorted by: the number of its rows, or what is computed of a column. */
export type Computed = { readonly op: "count"; readonly column: undefined } | { readonly op: ComputedOp; readonly column: Column };

/** What a caller asks of the rows of a filter. */
export interface AggregateRequest {
  /** The columns of the groups as they were named; undefined: the rows are one group. */
  readonly by: readonly Column[] | undefined;
  readonly counts: boolean;
  /** By option, as they were named; undefined where the option is left out. */
  readonly computed: { readonly [op in ComputedOp]: readonly Column[] | undefined };
  /** The order of the groups; total, since it ends with the columns of `by`. */
  readonly order: readonly AggregateSort[];
  /** Groups of a page. */
  readonly limit: number;
}

export interface AggregateSort {
  /** A column of `by`, or a value that is computed. */
  readonly of: Column | Computed;
  readonly descending: boolean;
}

export function isColumn(of: Column | Computed): of is Column {
  return !("op" in of);
}

type Given = Readonly<Record<string, unknown>>;

/** Checks the options. @throws DbError `invalid` */
export function parseAggregate(table: Table, options: Given): AggregateRequest {
  const { count } = options;
  if (count !== undefined && typeof count !== "boolean")
    throw invalid("count must be true or false: it asks for the number of rows; limit is the number of groups of a page");
  const by = columnsOf(table, "by", options["by"], orderedKinds);
  const computed = {
    sum: columnsOf(table, "sum", options["sum"], numberKinds),
    avg: columnsOf(table, "avg", options["avg"], numberKinds),
    min: columnsOf(table, "min", options["min"], orderedKinds),
    max: columnsOf(table, "max", options["max"], orderedKinds),
  };
  const isGrouped = by !== undefined && by.length > 0;
  if (!isGrouped && count !== true && computedOps.every((op) => (computed[op] ?? []).length === 0))
    throw invalid("aggregate needs something to compute: by (distinct values), count, sum, avg, min or max");
  if (!isGrouped)
    for (const name of ["sort", "desc", "limit", "start"])
      if (options[name] !== undefined) throw invalid(`the option ${name} is for groups; without by there is one row`);
  const request = { by, counts: count === true, computed };
  const order = parseOrder(table, request, options["sort"], options["desc"] === true);
  return { ...request, order, limit: checkCount(options["limit"], "limit") };
}

const uses: Readonly<Record<"by" | ComputedOp, string>> = {
  by: "groups cannot be made by it",
  sum: "it has no sum",
  avg: "it has no average",
  min: "it has no order",
  max: "it has no order",
};

function columnsOf(table: Table, option: "by" | ComputedOp, given: unknown, kinds: readonly Kind[]): Column[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw invalid(`${option} must be a list of column names`);
  const columns = Array.from(given, (name: unknown) => {
    if (typeof name !== "string") throw invalid(`${option} must be a list of column names`);
    const column = table.byName.get(name);
    if (column === undefined) throw unknownColumn(table, name);
    if (column.index < 0 || !kinds.includes(column.kind))
      throw invalid(`column ${name} is ${column.index < 0 ? "hidden" : `of type ${column.type}`}, so ${uses[option]}`, {
        column: name,
      });
    return column;
  });
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw invalid(`column ${twice.name} is named twice in ${option}`, { column: twice.name });
  return columns;
}

type Request = Pick<AggregateRequest, "by" | "counts" | "computed">;

function parseOrder(table: Table, request: Request, sort: unknown, desc: boolean): AggregateSort[] {
  const given: readonly unknown[] = sort === undefined ? [] : Array.isArray(sort) ? sort : [sort];
  const order: AggregateSort[] = [];
  const seen = new Set<string>();
  for (const name of given) {
    if (typeof name !== "string" || name === "") throw invalid(`sort must be ${sortWords}, or a list of them`);
    const backwards = name.startsWith("-");
    const bare = backwards ? name.slice(1) : name;
    if (seen.has(bare)) throw invalid(`${bare.slice(0, 60)} is named twice in sort`);
    seen.add(bare);
    order.push({ of: sortedBy(table, request, bare), descending: backwards !== desc });
  }
  const last = order.at(-1)?.descending ?? desc;
  const rest = (request.by ?? []).filter((column) => !seen.has(column.name));
  return [...order, ...rest.map((column): AggregateSort => ({ of: column, descending: last }))];
}

const sortWords = "a column of by, count() or what is computed, such as sum(COLUMN), with - in front for descending order";
const computedForm = /^(sum|avg|min|max)\((.*)\)$/;

function sortedBy(table: Table, { by, counts, computed }: Request, name: string): Column | Computed {
  if (name === "count()") {
    if (!counts) throw invalid("sort names count(), so the call needs count: true");
    return { op: "count", column: undefined };
  }
  const [, op, of] = computedForm.exec(name) ?? [];
  const column = table.byName.get(of ?? name);
  if (column === undefined) throw unknownColumn(table, of ?? name);
  if (op === undefined) {
    if (by?.includes(column) === true) return column;
    throw invalid(`sort names ${column.name}, which is not among by; sort takes ${sortWords}`, { column: column.name });
  }
  if (computed[op as ComputedOp]?.includes(column) !== true)
    throw invalid(`sort names ${op}(${column.name}), so the call needs ${op}: ["${column.name}"]`, { column: column.name });
  return { op: op as ComputedOp, column };
}

/** The order as columns, where groups are sorted by columns alone. */
export function columnOrder(order: readonly AggregateSort[]): SortColumn[] | undefined {
  const columns = order.flatMap(({ of, descending }) => (isColumn(of) ? [{ column: of, descending }] : []));
  return columns.length === order.length ? columns : undefined;
}

/** Text that is equal for equal orders of one table. */
export function orderKey(order: readonly AggregateSort[]): string {
  return order
    .map(({ of, descending }) => `${descending ? "-" : ""}${isColumn(of) ? of.name : `${of.op}(${of.column?.name ?? ""})`}`)
    .join(",");
}
