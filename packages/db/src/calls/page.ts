// Reading the pages of a query: in the engine's order, or sorted here.

import { valueEncoder } from "../compile/bind.js";
import type { Prepared } from "../compile/prepared.js";
import { selectShape } from "../compile/shapes.js";
import type { Reply, Value, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { cursorOrder } from "../present/page-token.js";
import { type Presenter, presenterOf, valuesOf } from "../present/presenter.js";
import { testsOf } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { orderComparator } from "../reference/order.js";
import { searchMatcher } from "../reference/search-query.js";
import { encoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import type { Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { Query } from "./query.js";

export interface Page {
  readonly rows: Row[];
  readonly next?: string;
}

type StoredRow = readonly Value[];

/** Reads one page of a query that may be asked, from the beginning or a page token. */
export async function pageOf(query: Query, context: CallContext, count: number, start: string | undefined): Promise<Page> {
  const { rows, next } = await storedPage(query, context, count, start);
  const { present } = pageReader(query).presenter;
  const shown = rows.map((row) => present(row));
  return next === undefined ? { rows: shown } : { rows: shown, next };
}

/** The same page as the engine gave it, each row with the columns that {@link fetchedBy} names. */
export async function storedPage(
  query: Query,
  context: CallContext,
  count: number,
  start: string | undefined,
): Promise<{ readonly rows: readonly StoredRow[]; readonly next?: string }> {
  if (query.never) return { rows: [] };
  const reader = pageReader(query);
  const order = query.plan.coreSort || !reader.usesCursor ? query.plan.order : cursorOrder;
  const position = start === undefined ? undefined : await context.tokens.decode(query.identity(), start, order);
  const { rows, last } = await readPage(query, reader, context, count, position);
  return last === undefined ? { rows } : { rows, next: await context.tokens.encode(query.identity(), last, order) };
}

/** Stored rows of a query in pages of `size`, each with the columns that the reader fetches. */
export async function* storedPages(query: Query, context: CallContext, size: number): AsyncGenerator<readonly StoredRow[]> {
  if (query.never) return;
  const reader = pageReader(query);
  let position: readonly unknown[] | undefined;
  do {
    const page = await readPage(query, reader, context, size, position);
    if (page.rows.length > 0) yield page.rows;
    position = page.last;
  } while (position !== undefined);
}

/** The columns of the rows that {@link storedPages} gives. */
export function fetchedBy(query: Query): readonly Column[] {
  return pageReader(query).presenter.columns;
}

function readPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  position: readonly unknown[] | undefined,
): Promise<StoredPage> {
  if (query.plan.coreSort) return sortedPage(query, reader, context, count, position);
  if (query.plan.spread !== undefined) return spreadPage(query, reader, context, count, position);
  if (reader.usesCursor) return cursorPage(query, reader, context, count, position);
  return orderedPage(query, reader, context, count, position, reader.encodeValues(query.values));
}

/** What reading pages of one shape needs, made once for each. */
interface PageReader {
  readonly presenter: Presenter;
  readonly first: Prepared;
  readonly rest: Prepared;
  readonly usesCursor: boolean;
  /** Encodes the values of the filter, by slot. */
  readonly encodeValues: (values: readonly unknown[]) => Value[];
  /** The position of a fetched row in the result's order, logical. */
  readonly positionOf: (row: StoredRow) => unknown[];
  readonly readPositionOf: (row: StoredRow) => unknown[];
  readonly encodeReadPosition: (position: readonly unknown[]) => Value[];
  readonly matches: ((row: StoredRow, values: readonly unknown[]) => boolean) | undefined;
}

function pageReader(query: Query): PageReader {
  return query.bound.kept(`read ${query.key}`, () => makePageReader(query));
}

function makePageReader(query: Query): PageReader {
  const { bound, plan, condition, names, values, consistent, search } = query;
  const { table, codec, pool } = bound;
  const tested = plan.residual === undefined ? [] : [...testsOf(plan.residual)].map((test) => test.column);
  const searched = search === undefined ? [] : table.search;
  const order = plan.order.map(({ column }) => column);
  const readOrder = plan.readOrder.map(({ column }) => column);
  const extra = [...order, ...readOrder, ...tested, ...searched];
  const presenter: Presenter =
    names === undefined ? { columns: table.columns, present: bound.decodeRow } : presenterOf(table, codec, names, extra);
  const { columns } = presenter;
  const usesCursor = pool.capabilities.paging === "cursor";
  const shape = { columns, values: values.length, consistent, searches: search !== undefined && pool.capabilities.search };
  const encoders = readOrder.map((column) => encoderOf(column, codec));
  return {
    presenter,
    first: pool.prepare(selectShape(table, plan, { ...shape, continues: false })),
    rest: pool.prepare(selectShape(table, plan, { ...shape, continues: usesCursor ? "cursor" : "position" })),
    usesCursor,
    encodeValues: valueEncoder(condition, values.length, codec),
    positionOf: valuesOf(codec, columns, order),
    readPositionOf: valuesOf(codec, columns, readOrder),
    encodeReadPosition: (position) => position.map((value, i) => encoders[i]!(value)),
    matches: rowMatcher(query, columns),
  };
}

function rowMatcher({ plan, bound }: Query, columns: readonly Column[]): PageReader["matches"] {
  if (plan.residual === undefined) return undefined;
  const needed = [...new Set([...testsOf(plan.residual)].map((test) => test.column))];
  const read = valuesOf(bound.codec, columns, needed);
  const matches = compileMatcher(plan.residual, (column) => needed.indexOf(column));
  return (row, values) => matches(read(row), values);
}

/** Full-text words are checked on what the engine gave: engines cut words in ways of their own. */
function wordMatcher({ search, bound }: Query, columns: readonly Column[]): ((row: StoredRow) => boolean) | undefined {
  if (search === undefined) return undefined;
  const read = valuesOf(bound.codec, columns, bound.table.search);
  return (row) => searchMatcher(search.query, read(row) as (string | null)[]);
}

interface StoredPage {
  readonly rows: readonly StoredRow[];
  /** The position after which the next page begins, when there is one. */
  readonly last: readonly unknown[] | undefined;
}

const smallestBatch = 100;
const largestBatch = 2000;

/** A page of rows that the engine gives in order; asks again until the page is full or the rows have run out. */
async function orderedPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  start: readonly unknown[] | undefined,
  fixed: readonly Value[],
): Promise<StoredPage> {
  // One row more than wanted tells whether there is a next page.
  const wanted = count + 1;
  const rows: StoredRow[] = [];
  const filtering = reader.matches !== undefined || query.search !== undefined;
  let batch = filtering ? Math.max(wanted, smallestBatch) : wanted;
  let position: Values | undefined = start === undefined ? undefined : reader.encodeReadPosition(start);
  const fetch = fetcher(query, reader, context, fixed);
  while (rows.length < wanted) {
    const limit = filtering ? batch : wanted - rows.length;
    const fetched = fetch(limit, position);
    const { found, next } = fetched instanceof Promise ? await fetched : fetched;
    for (let i = 0; i < found.length && rows.length < wanted; i++) rows.push(found[i]!.row);
    if (next === undefined) break;
    position = next;
    batch = Math.min(batch * 2, largestBatch);
    if (filtering) await otherWork();
  }
  return storedPageOf(rows, wanted, reader);
}

/** The page of what was read; `wanted` is one row more than a page has. */
function storedPageOf(rows: StoredRow[], wanted: number, { positionOf }: PageReader): StoredPage {
  const full = rows.length === wanted;
  if (full) rows.pop();
  return { rows, last: full ? positionOf(rows.at(-1)!) : undefined };
}

/** Paths that are read at the same time. */
const pathsAtOnce = 8;

/** A page of several paths, one after the other in the order of the values of their first column. */
async function spreadPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  start: readonly unknown[] | undefined,
): Promise<StoredPage> {
  const bindings = pathBindings(query, reader, start?.[0]);
  const wanted = count + 1;
  const rows: StoredRow[] = [];
  for (let i = 0; i < bindings.length && rows.length < wanted; i += pathsAtOnce) {
    const pages = await Promise.all(
      bindings.slice(i, i + pathsAtOnce).map(({ fixed, isStart }) => {
        const position = isStart ? start?.slice(1) : undefined;
        return orderedPage(query, reader, context, wanted, position, fixed);
      }),
    );
    for (const page of pages) rows.push(...page.rows.slice(0, wanted - rows.length));
  }
  return storedPageOf(rows, wanted, reader);
}

/**
 * The values of the filter for each path of a query that is spread over several, in their order.
 *
 * @param from  the value of the path in which to go on; those before it are done
 */
export function pathBindings(
  query: Query,
  { encodeValues }: Pick<PageReader, "encodeValues">,
  from?: unknown,
): { readonly fixed: readonly Value[]; readonly isStart: boolean }[] {
  const { values, plan } = query;
  if (plan.spread === undefined) return [{ fixed: encodeValues(values), isStart: true }];
  const { column, slots, descending } = plan.spread;
  const compare = orderComparator([{ column, descending }]);
  const members = slots.map((slot) => values[slot]).sort((a, b) => compare([a], [b]));
  const distinct = members.filter((member, i) => i === 0 || compare([members[i - 1]], [member]) !== 0);
  const left = from === undefined ? distinct : distinct.filter((member) => compare([member], [from]) >= 0);
  const first = slots[0]!;
  return left.map((member) => ({
    fixed: encodeValues(values.with(first, member)),
    isStart: from !== undefined && compare([member], [from]) === 0,
  }));
}

/**
 * A page of an engine whose mark is a text of its own. A page ends where a request ends, so that the mark alone says where
 * the next one begins, whatever is written or deleted meanwhile: a request that gave more than was wanted is made again for
 * the rows up to the last one that was.
 */
async function cursorPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  start: readonly unknown[] | undefined,
): Promise<StoredPage> {
  const rows: StoredRow[] = [];
  const filtering = reader.matches !== undefined || query.search !== undefined;
  const ask = fetcher(query, reader, context, reader.encodeValues(query.values));
  let cursor = start === undefined ? undefined : [start[0] as string];
  let limit = filtering ? Math.max(count, smallestBatch) : count;
  while (rows.length < count) {
    const wanted = count - rows.length;
    const { found, next } = await ask(filtering ? limit : wanted, cursor);
    if (found.length > wanted) {
      limit = found[wanted - 1]!.at + 1;
      continue;
    }
    for (const { row } of found) rows.push(row);
    if (next === undefined) return { rows, last: undefined };
    cursor = next as string[];
    limit = Math.max(limit, smallestBatch);
    if (filtering) await otherWork();
  }
  return { rows, last: (await hasMore(ask, cursor, filtering ? smallestBatch : 1)) ? cursor : undefined };
}

async function hasMore(ask: ReturnType<typeof fetcher>, from: Values | undefined, limit: number): Promise<boolean> {
  let cursor = from;
  do {
    const { found, next } = await ask(limit, cursor);
    if (found.length > 0) return true;
    cursor = next;
  } while (cursor !== undefined);
  return false;
}

/** Lets what else this process does have its turn in a long read of an engine that answers at once. */
function otherWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

interface Fetched {
  /** The matching rows among those that came, each with its place among them all. */
  readonly found: readonly { readonly row: StoredRow; readonly at: number }[];
  /** Where to go on; undefined when there are no more. */
  readonly next: Values | undefined;
}

/** Makes a function that asks the engine for `limit` rows after a position and leaves out those that do not match. */
function fetcher(
  query: Query,
  reader: PageReader,
  context: CallContext,
  fixed: readonly Value[],
): (limit: number, position: Values | undefined) => Fetched | Promise<Fetched> {
  const { bound, values, search } = query;
  const words = wordMatcher(query, reader.presenter.columns);
  const { matches } = reader;
  const accept = (reply: Reply, limit: number): Fetched => {
    const { rows } = reply;
    const { length } = rows;
    const found: { row: StoredRow; at: number }[] = [];
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      if ((matches === undefined || matches(row, values)) && (words === undefined || words(row))) found.push({ row, at });
    }
    if (reader.usesCursor) return { found, next: reply.cursor === undefined ? undefined : [reply.cursor] };
    if (reply.next !== undefined) return { found, next: reply.next };
    return { found, next: length < limit ? undefined : reader.encodeReadPosition(reader.readPositionOf(rows.at(-1)!)) };
  };
  return (limit, position) => {
    const bindings = [...fixed, limit, search?.text ?? null];
    if (position !== undefined) bindings.push(...position);
    const reply = bound.pool.send(position === undefined ? reader.first : reader.rest, bindings, context);
    return reply instanceof Promise ? reply.then((done) => accept(done, limit)) : accept(reply, limit);
  };
}

/** A page in an order that the engine does not have: all matching rows are read, within `sortLimit`, and sorted here. */
async function sortedPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  start: readonly unknown[] | undefined,
): Promise<StoredPage> {
  const { sortLimit } = context;
  const found: { row: StoredRow; place: unknown[] }[] = [];
  const compare = orderComparator(query.plan.order);
  for (const { fixed } of pathBindings(query, reader)) {
    const fetch = fetcher(query, reader, context, fixed);
    let position: Values | undefined;
    do {
      const page = await fetch(Math.min(sortLimit + 1, largestBatch), position);
      for (const { row } of page.found) found.push({ row, place: reader.positionOf(row) });
      if (found.length > sortLimit) throw tooManyToSort(sortLimit);
      position = page.next;
      if (position !== undefined) await otherWork();
    } while (position !== undefined);
  }
  found.sort((a, b) => compare(a.place, b.place));
  const from = start === undefined ? 0 : found.findIndex(({ place }) => compare(place, start) > 0);
  const rows = from < 0 ? [] : found.slice(from, from + count);
  const more = from >= 0 && found.length > from + count;
  return { rows: rows.map(({ row }) => row), last: more ? rows.at(-1)!.place : undefined };
}

function tooManyToSort(sortLimit: number): DbError {
  return new DbError(
    "unsupported",
    `this order is not that of a key or index, and more than ${sortLimit} rows would have to be sorted; narrow the filter, sort by an index, or raise sortLimit`,
    { detail: { capability: "sorts" } },
  );
}
