// Reads: a row by key, and ranges with what the path leaves of the filter.

import { cancelledError, type Clock, turnGiver } from "@bk/core";
import { type Condition, isAlways } from "../../reference/condition.js";
import { compileRowTest } from "../stored-rows.js";
import type { AggregateShape, GetShape, Reply, SelectShape, Values } from "../../driver.js";
import { compileBounds } from "./bounds.js";
import { after, type Awaitable, repeat } from "./at-once.js";
import { indexIn, type Known, missingIndex } from "./definition.js";
import { type KvRow, kvRows, parseRow, valuesReader } from "./rows.js";
import { justAfter, type KvPage, type KvRange, type KvStore } from "./store.js";
import type { KvTable } from "./table.js";

/** What reads need of the engine. */
export interface Reader {
  readonly store: KvStore;
  readonly clock: Clock;
}

type Run = (values: Values, signal?: AbortSignal) => Awaitable<Reply>;

// Rows read at once: the least with a filter, of which many may fall away, and the most; and roughly the most bytes of them.
const minPage = 64;
const maxPage = 250;
const maxBytes = 4 * 1024 * 1024;

const missing: Reply = Object.freeze({ rows: [], affected: 0 });

/** Gets: of one row, and of several by one call of the store. */
export function compileGet(
  store: KvStore,
  own: KvTable,
  shape: GetShape,
): { run: Run; runGroup?: (group: readonly Values[], signal?: AbortSignal) => Awaitable<Reply[]> } {
  const read = valuesReader(shape.columns);
  const keyOf = (values: Values): string => own.keyOf(shape.key.map((slot) => values[slot]!));
  const matcherOf = shape.guard && compileFilter(shape.guard);
  const replyOf = (text: string | undefined, values: Values, version?: string): Reply => {
    if (text === undefined) return missing;
    const row = parseRow(text);
    if (matcherOf?.(values)(row) === false) return missing;
    const rows = [read(row)];
    return shape.version ? { rows, affected: 0, versions: [version ?? text] } : { rows, affected: 0 };
  };
  const get = (keys: readonly string[], signal: AbortSignal | undefined): Awaitable<readonly (string | undefined)[]> =>
    after(own.known(), () => store.get(own.id, keys, signal));
  const { byRow } = store;
  if (byRow !== undefined && shape.version)
    return {
      run: (values, signal) =>
        after(own.known(), () =>
          after(byRow.read(own.id, [keyOf(values)], signal), ([found]) => replyOf(found?.value, values, found?.version)),
        ),
    };
  return {
    run: (values, signal) => after(get([keyOf(values)], signal), ([text]) => replyOf(text, values)),
    runGroup: (group, signal) => after(get(group.map(keyOf), signal), (texts) => texts.map((text, i) => replyOf(text, group[i]!))),
  };
}

export function compileSelect({ store, clock }: Reader, own: KvTable, shape: SelectShape): Run {
  const boundsOf = compileBounds(shape);
  const matcherOf = compileFilter(shape.filter);
  const read = valuesReader(shape.columns);
  const size: PageSize = { fitting: minPage };
  const descending = shape.path?.descending ?? false;

  return (values, signal) =>
    after(knownWithIndex(own, shape), (): Awaitable<Reply> => {
      const limit = shape.limit === undefined ? Infinity : Number(values[shape.limit]);
      const found: Values[] = [];
      const take = (row: KvRow): void => void found.push(read(row));
      const matches = matcherOf?.(values);
      const reading = readRange(store, own.id, boundsOf(values), { limit, descending, matches, take, clock, size }, signal);
      return after(reading, () => ({ rows: found, affected: 0 }));
    });
}

/** Counts without reading rows, where the store can. */
export function compileCount({ store, clock }: Reader, own: KvTable, shape: AggregateShape): Run {
  const { table, path } = shape;
  const boundsOf = compileBounds({ table, path, after: undefined, order: [] });
  const matcherOf = compileFilter(shape.filter);
  const size: PageSize = { fitting: minPage };
  const reply = (count: number): Reply => ({ rows: [[count]], affected: 0 });

  return (values, signal) =>
    after(knownWithIndex(own, shape), (): Awaitable<Reply> => {
      const bounds = boundsOf(values);
      if (matcherOf === undefined && table.ttl === undefined && store.count !== undefined)
        return after(store.count(own.id, bounds, signal), reply);
      let count = 0;
      const take = (): void => void count++;
      const matches = matcherOf?.(values);
      const reading = readRange(store, own.id, bounds, { limit: Infinity, descending: false, matches, take, clock, size }, signal);
      return after(reading, () => reply(count));
    });
}

/** What is known of the table, which must have the index that is to be read. */
function knownWithIndex(own: KvTable, { table, path }: Pick<SelectShape, "table" | "path">): Awaitable<Known> {
  const index = path?.index;
  if (index === undefined) return own.known();
  return after(own.known(), (known) => {
    if (indexIn(known.definition, index)?.ready === true) return known;
    throw missingIndex(table, index);
  });
}

/** Makes a function of the call's values that tests rows; undefined where there is nothing to test. */
function compileFilter(filter: Condition): ((values: Values) => (row: KvRow) => boolean) | undefined {
  return isAlways(filter) ? undefined : compileRowTest(filter, kvRows);
}

/** How many rows are read at once, by what the rows of earlier reads of the same shape have weighed; `minPage` before any. */
interface PageSize {
  fitting: number;
}

interface Reading {
  readonly limit: number;
  readonly descending: boolean;
  readonly matches: ((row: KvRow) => boolean) | undefined;
  readonly take: (row: KvRow) => void;
  readonly clock: Clock;
  readonly size: PageSize;
}

/** Reads a range page by page until `limit` rows match or it ends; other work has its turn beside a store that answers at once. */
function readRange(
  store: KvStore,
  id: string,
  bounds: KvRange,
  { limit, descending, matches, take, clock, size }: Reading,
  signal: AbortSignal | undefined,
): Awaitable<true> {
  let range = bounds;
  let wanted = limit;
  const otherWork = turnGiver(clock);
  return repeat((): Awaitable<true | undefined> => {
    if (wanted <= 0) return true;
    if (signal?.aborted) throw cancelledError(signal);
    const most = Math.min(size.fitting, matches === undefined ? wanted : Math.max(minPage, 2 * wanted));
    return after(store.range(id, range, { descending, limit: most }, signal), ({ entries, end }) => {
      noteSize(size, entries);
      for (const { value } of entries) {
        const row = parseRow(value);
        if (matches?.(row) === false) continue;
        take(row);
        if (--wanted === 0) return true;
      }
      if (end === undefined) return true;
      range = descending ? { ...range, to: end } : { ...range, from: justAfter(end) };
      return otherWork()?.then(() => undefined);
    });
  });
}

function noteSize(size: PageSize, entries: KvPage["entries"]): void {
  let bytes = 0;
  for (const { value } of entries) bytes += value.length;
  // A page may be empty, of entries whose rows are gone.
  if (bytes > 0) size.fitting = Math.max(1, Math.min(maxPage, Math.floor((maxBytes * entries.length) / bytes)));
}
