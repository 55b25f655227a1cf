// Selects: filters, an order and the position after which to go on, in one search.

import type { Reply, SelectShape, SortColumn, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { isNever } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import { type ElasticCommand, noRows } from "./command.js";
import { fieldOf, haveSameStart, isLong, member, rowOf, type Source, valueOf } from "./document.js";
import type { Engine } from "./engine.js";
import { allOf, bind, describing, everything, type Query, queryOf } from "./query.js";
import { isSearchAfter, rowsAfter, searchAfter } from "./position.js";
import { searchQuery } from "./search.js";
import { sourceFields } from "./source-filter.js";

/** Most rows of one search, `index.max_result_window` of the server. */
const mostRows = 10_000;

interface Hits {
  readonly hits?: { readonly hits?: readonly { readonly _source?: Source }[] };
}

export function compileSelect(shape: SelectShape): ElasticCommand {
  const { table, columns, filter, order, after, limit, match, consistent } = shape;
  const read = [...new Set([...columns, ...order.map(({ column }) => column)])];
  const fields = sourceFields(table, read);
  const sort = order.map(sortOf);
  const longSorts = order.map(({ column }, at) => ({ column, at })).filter(({ column }) => column.kind === "text");

  const bodyOf = (values: Values, size: number): object => {
    const found = match === undefined ? everything : searchQuery(table, String(values[match]));
    const filtered = queryOf(filter, bind(values));
    const position = after?.map((slot) => values[slot] ?? null);
    const isMark = position !== undefined && isSearchAfter(order, position);
    const rest = position === undefined || isMark ? everything : rowsAfter(order, position);
    const query = allOf([filtered, found, rest].filter((part) => part !== everything));
    return {
      query,
      sort,
      size,
      track_total_hits: false,
      ...(fields === undefined ? {} : { _source: fields }),
      ...(isMark ? { search_after: searchAfter(order, position) } : {}),
    };
  };

  const run = async (engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply> => {
    if (isNever(filter)) return noRows;
    const index = engine.nameOf(table);
    const wanted = limit === undefined ? Infinity : Number(values[limit]);
    const size = Math.min(wanted, mostRows);
    const body = JSON.stringify(bodyOf(values, size));
    await engine.fresh.before(index, consistent);
    const { hits } = await engine.send<Hits>({ method: "POST", path: `/${index}/_search`, query: searchParameters, body }, signal);
    const sources = (hits?.hits ?? []).map(({ _source }) => _source ?? withoutSource());
    const start = after?.map((slot) => values[slot] ?? null);
    for (const { column, at } of longSorts) refuseLongTies(column, sources, start?.[at]);
    const rows = sources.map((source) => rowOf(columns, source));
    // The order is told by the columns themselves, not by what the index has of them.
    const last = sources.length === size && size < wanted ? sources.at(-1) : undefined;
    if (last === undefined) return { rows, affected: 0 };
    return {
      rows,
      affected: 0,
      next: rowOf(
        order.map(({ column }) => column),
        last,
      ),
    };
  };

  return {
    table: table.name,
    describe: (engine) => ({
      POST: `/${engine.nameOf(table)}/_search`,
      body: {
        query: queryOf(filter, describing),
        ...(match === undefined ? {} : { search: { slot: match } }),
        sort,
        ...(limit === undefined ? {} : { size: { slot: limit } }),
        ...(fields === undefined ? {} : { _source: fields }),
        ...(after === undefined ? {} : { search_after: after.map((slot) => ({ slot })) }),
      },
    }),
    run,
  };
}

// A page of the shards that answered would be another one.
export const searchParameters = "allow_partial_search_results=false&filter_path=hits.hits._source";

function sortOf({ column, descending }: SortColumn): Query {
  return { [fieldOf(column)]: { order: descending ? "desc" : "asc", missing: descending ? "_last" : "_first" } };
}

/** Of texts that begin with the same 8,000 characters the index does not know which comes first. */
function refuseLongTies(column: Column, sources: readonly Source[], start: Value | undefined): void {
  let before = start;
  for (const source of sources) {
    const here = member(source, column.name);
    if (typeof here !== "string" || !isLong(here)) {
      before = null;
      continue;
    }
    const text = valueOf(column, source) as string;
    if (typeof before === "string" && before !== text && isLong(before) && haveSameStart(before, text)) throw longTie(column);
    before = text;
  }
}

function longTie({ name }: Column): DbError {
  return new DbError("unsupported", "texts that begin with the same 8,000 characters cannot be sorted; sort by another column", {
    column: name,
    outcome: "none",
    detail: { capability: "sorts" },
  });
}

function withoutSource(): never {
  throw new DbError("drift", "the index keeps no _source, from which rows are read", { outcome: "none" });
}
