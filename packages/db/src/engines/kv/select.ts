// Reads: a row by key, and ranges with what the path leaves of the filter.

import { cancelledError } from "@bk/core";
import { conjuncts, testsOf } from "../../reference/condition.js";
import { slotDecoder } from "../decode-slots.js";
import { compileMatcher } from "../../reference/matches.js";
import type { AggregateShape, GetShape, Reply, SelectShape, Values } from "../../driver.js";
import { boundSlots, compileBounds } from "./bounds.js";
import { kvCodec, type KvRow, type KvRows, logicalReader, parseRow, valuesReader } from "./rows.js";
import { justAfter, type KvRange, type KvStore } from "./store.js";

type Run = (values: Values, signal?: AbortSignal) => Promise<Reply>;

// Rows read at once: the least with a filter, of which many may fall away, and the most.
const minPage = 64;
const maxPage = 250;

const missing: Reply = Object.freeze({ rows: [], affected: 0 });

/** Gets: of one row, and of several by one call of the store. */
export function compileGet(
  store: KvStore,
  rows: KvRows,
  shape: GetShape,
): { run: Run; runGroup: (group: readonly Values[], signal?: AbortSignal) => Promise<Reply[]> } {
  const read = valuesReader(shape.columns);
  const keyOf = (values: Values): string => rows.keyOf(shape.key.map((slot) => values[slot]!));
  const matcherOf = shape.guard && compileFilter({ table: shape.table, filter: shape.guard });
  const replyOf = (text: string | undefined, values: Values): Reply => {
    if (text === undefined) return missing;
    const row = parseRow(text);
    return matcherOf?.(values)(row) === false ? missing : { rows: [read(row)], affected: 0 };
  };
  return {
    run: async (values, signal) => replyOf((await store.get(rows.id, [keyOf(values)], signal))[0], values),
    runGroup: async (group, signal) => (await store.get(rows.id, group.map(keyOf), signal)).map((text, i) => replyOf(text, group[i]!)),
  };
}

export function compileSelect(store: KvStore, rows: KvRows, shape: SelectShape): Run {
  const { path } = shape;
  const boundsOf = compileBounds(shape);
  const filtered = conjuncts(shape.filter).length > 0;
  const matcherOf = compileFilter(shape);
  const read = valuesReader(shape.columns);
  const descending = path?.descending ?? false;
  const decode = slotDecoder({ tests: path?.range === undefined ? [] : [path.range], columns: boundSlots(shape) }, kvCodec);

  return async (values, signal) => {
    const bounds = boundsOf(decode(values));
    const matches = filtered ? matcherOf(values) : undefined;
    const limit = shape.limit === undefined ? Infinity : Number(values[shape.limit]);
    const found = readRange(store, rows.id, bounds, { limit, descending, matches }, signal);
    const result: Values[] = [];
    for await (const row of found) result.push(read(row));
    return { rows: result, affected: 0 };
  };
}

/** Counts without reading rows, where the store can. */
export function compileCount(store: KvStore, rows: KvRows, shape: AggregateShape): Run {
  const { table, path } = shape;
  const bounded = { table, path, after: undefined, order: [] };
  const boundsOf = compileBounds(bounded);
  const filtered = conjuncts(shape.filter).length > 0;
  const matcherOf = compileFilter(shape);
  const decode = slotDecoder({ tests: path?.range === undefined ? [] : [path.range], columns: boundSlots(bounded) }, kvCodec);

  return async (values, signal) => {
    const bounds = boundsOf(decode(values));
    if (!filtered && table.ttl === undefined && store.count !== undefined)
      return { rows: [[await store.count(rows.id, bounds, signal)]], affected: 0 };
    const matches = filtered ? matcherOf(values) : undefined;
    const found = readRange(store, rows.id, bounds, { limit: Infinity, descending: false, matches }, signal);
    return { rows: [[await lengthOf(found)]], affected: 0 };
  };
}

/** Makes a function of the call's values that tests rows. */
function compileFilter({ table, filter }: Pick<SelectShape, "table" | "filter">): (values: Values) => (row: KvRow) => boolean {
  const tests = [...testsOf(filter)];
  const matches = compileMatcher(filter, (column) => column.index);
  const toLogical = logicalReader(table.columns.filter((column) => tests.some((test) => test.column === column)));
  const decode = slotDecoder({ tests }, kvCodec);
  return (values) => {
    const logicalValues = decode(values);
    return (row) => matches(toLogical(row), logicalValues);
  };
}

interface Reading {
  readonly limit: number;
  readonly descending: boolean;
  readonly matches: ((row: KvRow) => boolean) | undefined;
}

/** Reads a range page by page until `limit` rows match or it ends. */
async function* readRange(
  store: KvStore,
  id: string,
  bounds: KvRange,
  { limit, descending, matches }: Reading,
  signal: AbortSignal | undefined,
): AsyncGenerator<KvRow> {
  let range = bounds;
  let wanted = limit;
  while (wanted > 0) {
    if (signal?.aborted) throw cancelledError(signal);
    const size = Math.min(maxPage, matches === undefined ? wanted : Math.max(minPage, 2 * wanted));
    const page = await store.range(id, range, { descending, limit: size }, signal);
    for (const { value } of page.entries) {
      const row = parseRow(value);
      if (matches?.(row) === false) continue;
      yield row;
      if (--wanted === 0) return;
    }
    if (page.end === undefined) return;
    range = descending ? { ...range, to: page.end } : { ...range, from: justAfter(page.end) };
  }
}

async function lengthOf(rows: AsyncIterable<unknown>): Promise<number> {
  let length = 0;
  for await (const _row of rows) length++;
  return length;
}
