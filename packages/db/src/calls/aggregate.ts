import type { Measure, SortColumn } from "../driver.js";
import { DbError } from "../errors.js";
import { type AggregateRequest, columnOrder, isColumn, orderKey, parseAggregate } from "../normalize/aggregate.js";
import { aggregateRow, computedValue, measuresOf } from "../present/aggregate-row.js";
import { claimsGroups } from "../plan/aggregate-plan.js";
import { orderComparator } from "../reference/order.js";
import type { Column } from "../schema/table.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { type Group, groupsOf, isByEngine, totalsOf } from "./groups.js";
import type { AggregateOptions } from "./options.js";
import type { Page } from "./page.js";
import { plannedQuery, type Query, refuseQuery } from "./query.js";
import { rankOf } from "./rank.js";
import { askedQuery } from "./related.js";

/** One page of groups of the rows that a filter matches, with what is computed over each; without `by` one row over all of them. */
export async function aggregateRows(bound: BoundTable, context: CallContext, filter: unknown, options?: AggregateOptions): Promise<Page> {
  const request = parseAggregate(bound.readable, { ...options });
  const measures = measuresOf(request);
  const by = request.by ?? [];
  const asked = aggregateQuery(bound, context, filter, options, by, measures);
  const found = asked instanceof Promise ? await asked : asked;
  const query = isByEngine(found, by, measures) ? found : unsorted(found, context, options);
  refuseQuery(query, options?.scan === true, true);
  if (by.length === 0) {
    const results = await totalsOf(query, context, measures);
    return { rows: [aggregateRow(request, [], measures)([], results)] };
  }
  const identity = JSON.stringify(["aggregate", found.identity(), orderKey(request.order)]);
  const read = { query, context, request, measures, identity, start: options?.start };
  const order = columnOrder(request.order);
  return order === undefined ? rankedPage(read, by.map(ascending)) : orderedPage(read, order);
}

function ascending(column: Column): SortColumn {
  return { column, descending: false };
}

/** The query whose rows are computed over. Where the engine may make the groups, its plan has room for their order. */
function aggregateQuery(
  bound: BoundTable,
  context: CallContext,
  filter: unknown,
  options: AggregateOptions | undefined,
  by: readonly Column[],
  measures: readonly Measure[],
): Query | Promise<Query> {
  const needed = new Set([...by, ...measures.flatMap(({ column }) => (column === undefined ? [] : [column]))]);
  const columns = needed.size === 0 ? bound.table.key : [...needed];
  const sort = claimsGroups(by, measures, bound.pool.capabilities) ? by.map(({ name }) => name) : undefined;
  const { ops, consistent, scan } = options ?? {};
  return askedQuery(bound, context, filter, { ops, consistent, scan, columns, sort });
}

/** The same rows in whatever order is best to read them, where the core makes the groups. */
function unsorted(query: Query, context: CallContext, options: AggregateOptions | undefined): Query {
  const { bound, condition, values, selected } = query;
  if (query.sort.length === 0) return query;
  return plannedQuery(bound, context, condition, values, {
    ...(selected === undefined ? {} : { columns: selected }),
    consistent: options?.consistent,
  });
}

interface PageRead {
  readonly query: Query;
  readonly context: CallContext;
  readonly request: AggregateRequest;
  readonly measures: readonly Measure[];
  /** Equal for calls that one page token may go on with. */
  readonly identity: string;
  readonly start: string | undefined;
}

/** A page in the order of the columns that the groups are made by. */
async function orderedPage({ query, context, request, measures, identity, start }: PageRead, order: readonly SortColumn[]): Promise<Page> {
  const { limit } = request;
  const after = start === undefined ? undefined : await context.tokens.decode(identity, start, order);
  const groups = await groupsOf(query, context, measures, { order, after, most: limit + 1 });
  const present = aggregateRow(
    request,
    order.map(({ column }) => column),
    measures,
  );
  const rows = groups.slice(0, limit).map(({ place, results }) => present(place, results));
  if (groups.length <= limit) return { rows };
  return { rows, next: await context.tokens.encode(identity, groups[limit - 1]!.place, order) };
}

/** A page in an order of what is computed: all groups are made first, within `sortLimit`, and sorted here. */
async function rankedPage({ query, context, request, measures, identity, start }: PageRead, order: readonly SortColumn[]): Promise<Page> {
  const { limit } = request;
  const { sortLimit } = context;
  const rank = rankOf(request.order);
  const after = start === undefined ? undefined : rank.read(await context.tokens.decode(identity, start, rank.tokenOrder));
  const groups = await groupsOf(query, context, measures, { order, after: undefined, most: sortLimit + 1 });
  if (groups.length > sortLimit) throw tooManyGroups(sortLimit);
  const columns = order.map(({ column }) => column);
  const values = request.order.map(({ of }) => {
    if (!isColumn(of)) {
      const value = computedValue(of, measures);
      return ({ results }: Group) => value(results);
    }
    const at = columns.indexOf(of);
    return ({ place }: Group) => place[at];
  });
  const compare = orderComparator(rank.order);
  const ranked = groups.map((group) => ({ group, rank: values.map((valueOf) => valueOf(group)) })).sort((a, b) => compare(a.rank, b.rank));
  const left = after === undefined ? ranked : ranked.filter((one) => compare(one.rank, after) > 0);
  const present = aggregateRow(request, columns, measures);
  const rows: Row[] = left.slice(0, limit).map(({ group }) => present(group.place, group.results));
  if (left.length <= limit) return { rows };
  return { rows, next: await context.tokens.encode(identity, rank.write(left[limit - 1]!.rank), rank.tokenOrder) };
}

function tooManyGroups(sortLimit: number): DbError {
  return new DbError(
    "unsupported",
    `groups are sorted by what is computed of them only where there are no more than ${sortLimit}; narrow the filter, sort by columns of by, or raise sortLimit`,
    { detail: { capability: "sorts" } },
  );
}
