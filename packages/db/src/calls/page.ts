// Reading the pages of a query: in the engine's order, or sorted here.

import { turnGiver } from "@bk/core";

import type { SortColumn, Value, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { cursorOrder } from "../present/page-token.js";
import { valuesOf } from "../present/presenter.js";
import { orderComparator } from "../reference/order.js";
import type { Column } from "../schema/table.js";
import { BatchSize } from "./batch-size.js";
import type { Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { FirstOf } from "./first-of.js";
import { type Fetch, type Fetched, fetcher, pageReader, type PageReader, pathBindings, type StoredRow } from "./page-reader.js";
import type { Query } from "./query.js";

export interface Page {
  readonly rows: Row[];
  readonly next?: string;
}

/** What is to be read along with rows of a table. */
export interface Includes {
  /** The columns whose values are wanted of each row. */
  readonly needs: readonly Column[];
  /**
   * Reads what is included, and sets it in the rows.
   *
   * @param values  of `needs`, for each row
   */
  addTo(rows: readonly Row[], values: readonly (readonly unknown[])[], context: CallContext): Promise<void>;
}

/**
 * Reads one page of a query that may be asked, from the beginning or a page token. Answers at once where the engine does
 * and no token has to be read or made.
 *
 * @param size  takes note of what the rows weigh
 */
export function pageOf(
  query: Query,
  context: CallContext,
  count: number,
  start: string | undefined,
  size?: BatchSize,
): Page | Promise<Page> {
  if (query.never && start === undefined) return { rows: [] };
  const reader = pageReader(query);
  const show = (rows: readonly StoredRow[]): Row[] => {
    size?.saw(rows);
    return presented(reader, rows);
  };
  if (start === undefined) {
    const page = readPage(query, reader, context, count, undefined);
    if (!(page instanceof Promise) && page.last === undefined) return { rows: show(page.rows) };
    return withNext(withToken(query, reader, context, page), show);
  }
  return withNext(storedPage(query, context, count, start), show);
}

/** A page with what is included in its rows. */
export async function pageIncluding(
  query: Query,
  context: CallContext,
  count: number,
  start: string | undefined,
  includes: Includes,
  size?: BatchSize,
): Promise<Page> {
  const { rows, next } = await storedPage(query, context, count, start);
  size?.saw(rows);
  const reader = pageReader(query);
  const shown = presented(reader, rows);
  await includes.addTo(shown, rows.map(valuesOf(query.bound.codec, reader.presenter.columns, includes.needs)), context);
  return next === undefined ? { rows: shown } : { rows: shown, next };
}

async function withNext(reading: Promise<PageWithToken>, show: (rows: readonly StoredRow[]) => Row[]): Promise<Page> {
  const { rows, next } = await reading;
  const shown = show(rows);
  return next === undefined ? { rows: shown } : { rows: shown, next };
}

function presented({ presenter: { present } }: PageReader, stored: readonly StoredRow[]): Row[] {
  const rows = new Array<Row>(stored.length);
  for (let i = 0; i < stored.length; i++) rows[i] = present(stored[i]!);
  return rows;
}

interface PageWithToken {
  readonly rows: readonly StoredRow[];
  readonly next?: string;
}

/** The same page as the engine gave it, each row with the columns that {@link fetchedBy} names. */
export async function storedPage(query: Query, context: CallContext, count: number, start: string | undefined): Promise<PageWithToken> {
  if (query.never) {
    if (start !== undefined) await context.tokens.check(query.identity(), start);
    return { rows: [] };
  }
  const reader = pageReader(query);
  const position = start === undefined ? undefined : await context.tokens.decode(query.identity(), start, tokenOrder(query, reader));
  return withToken(query, reader, context, readPage(query, reader, context, count, position));
}

async function withToken(
  query: Query,
  reader: PageReader,
  context: CallContext,
  page: StoredPage | Promise<StoredPage>,
): Promise<PageWithToken> {
  const { rows, last } = page instanceof Promise ? await page : page;
  if (last === undefined) return { rows };
  return { rows, next: await context.tokens.encode(query.identity(), last, tokenOrder(query, reader)) };
}

/** The columns that a position has values of. */
function tokenOrder({ plan }: Query, { usesCursor }: PageReader): readonly SortColumn[] {
  return plan.coreSort || !usesCursor ? plan.order : cursorOrder;
}

/** All stored rows of a query, some at a time and in no order that is promised, each with the columns that {@link fetchedBy} names. */
export async function* storedRows(query: Query, context: CallContext): AsyncGenerator<readonly StoredRow[]> {
  if (query.never) return;
  const reader = pageReader(query);
  const size = wholeRead(reader);
  const otherWork = turnGiver(context.clock);
  for (const { fixed } of pathBindings(query, reader)) {
    const fetch = fetcher(query, reader, context, fixed, size);
    let position: Values | undefined;
    do {
      const fetched = fetch(size.rows, position);
      const { rows, next } = fetched instanceof Promise ? await fetched : fetched;
      if (rows.length > 0) yield rows;
      position = next;
      const turn = otherWork();
      if (turn !== undefined) await turn;
    } while (position !== undefined);
  }
}

/** How many rows the pages of a read that goes on to the end have, where the caller did not say it. */
export function pageSize(query: Query): BatchSize {
  return wholeRead(pageReader(query));
}

function wholeRead({ weight }: PageReader, most = largestBatch): BatchSize {
  return new BatchSize(weight, most, most);
}

/** The columns of the rows that {@link storedRows} gives. */
export function fetchedBy(query: Query): readonly Column[] {
  return pageReader(query).presenter.columns;
}

function readPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  position: readonly unknown[] | undefined,
): StoredPage | Promise<StoredPage> {
  if (query.plan.coreSort) return sortedPage(query, reader, context, count, position);
  if (query.plan.spread !== undefined) return spreadPage(query, reader, context, count, position);
  if (reader.usesCursor) return cursorPage(query, reader, context, count, position);
  return orderedPage(query, reader, context, count, position, reader.encodeValues(query.values));
}

interface StoredPage {
  readonly rows: readonly StoredRow[];
  /** The position after which the next page begins, when there is one. */
  readonly last: readonly unknown[] | undefined;
}

// Rows that the core asks for at once: the least where it filters, and the most.
const smallestBatch = 100;
const largestBatch = 2000;

/** A page of rows that the engine gives in order; asks again until the page is full or the rows have run out. */
function orderedPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  start: readonly unknown[] | undefined,
  fixed: readonly Value[],
): StoredPage | Promise<StoredPage> {
  // One row more than wanted tells whether there is a next page.
  const wanted = count + 1;
  const size = isFiltered(query, reader) ? filteredRead(reader, wanted, largestBatch) : undefined;
  const otherWork = size && turnGiver(context.clock);
  const fetch = fetcher(query, reader, context, fixed, size);
  const first = fetch(size?.rows ?? wanted, start === undefined ? undefined : reader.encodeReadPosition(start));
  const goOn = async (begin: Fetched): Promise<StoredPage> => {
    const rows = [...begin.rows];
    for (let { next } = begin; next !== undefined && rows.length < wanted;) {
      const turn = otherWork?.();
      if (turn !== undefined) await turn;
      const more = await fetch(size?.rows ?? wanted - rows.length, next);
      for (const row of more.rows) rows.push(row);
      next = more.next;
    }
    return storedPageOf(rows, wanted, reader);
  };
  // Most pages are read by one request.
  const isAll = ({ rows, next }: Fetched): boolean => next === undefined || rows.length >= wanted;
  const finish = (begin: Fetched): StoredPage | Promise<StoredPage> =>
    isAll(begin) ? storedPageOf(begin.rows, wanted, reader) : goOn(begin);
  return first instanceof Promise ? first.then(finish) : finish(first);
}

/** The page of what was read; `wanted` is one row more than a page has. */
function storedPageOf(read: readonly StoredRow[], wanted: number, { positionOf }: PageReader): StoredPage {
  if (read.length < wanted) return { rows: read, last: undefined };
  const rows = read.slice(0, wanted - 1);
  return { rows, last: positionOf(rows.at(-1)!) };
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
      bindings.slice(i, i + pathsAtOnce).map(async ({ fixed, isStart }) => {
        const position = isStart ? start?.slice(1) : undefined;
        return orderedPage(query, reader, context, wanted, position, fixed);
      }),
    );
    for (const page of pages) rows.push(...page.rows.slice(0, wanted - rows.length));
  }
  return storedPageOf(rows, wanted, reader);
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
  const size = isFiltered(query, reader) ? filteredRead(reader, count, smallestBatch) : undefined;
  const otherWork = size && turnGiver(context.clock);
  const ask = fetcher(query, reader, context, reader.encodeValues(query.values), size);
  let cursor = start === undefined ? undefined : [start[0] as string];
  // Of a request that is made again.
  let limit: number | undefined;
  while (rows.length < count) {
    const wanted = count - rows.length;
    const { rows: found, places, next } = await ask(limit ?? size?.rows ?? wanted, cursor);
    if (found.length > wanted) {
      limit = (places?.[wanted - 1] ?? wanted - 1) + 1;
      continue;
    }
    for (const row of found) rows.push(row);
    if (next === undefined) return { rows, last: undefined };
    cursor = next as string[];
    limit = undefined;
    await otherWork?.();
  }
  return { rows, last: (await hasMore(ask, cursor, size)) ? cursor : undefined };
}

async function hasMore(ask: Fetch, from: Values | undefined, size: BatchSize | undefined): Promise<boolean> {
  let cursor = from;
  do {
    const { rows, next } = await ask(size?.rows ?? 1, cursor);
    if (rows.length > 0) return true;
    cursor = next;
  } while (cursor !== undefined);
  return false;
}

function filteredRead({ weight }: PageReader, wanted: number, most: number): BatchSize {
  return new BatchSize(weight, Math.max(wanted, smallestBatch), Math.max(wanted, most));
}

/** Whether the core leaves out some of the rows that the engine gives. */
function isFiltered({ search }: Query, { matches }: PageReader): boolean {
  return matches !== undefined || search !== undefined;
}

/**
 * A page in an order that the engine does not have: all matching rows are read, within `sortLimit`, and those of the page
 * are kept.
 */
async function sortedPage(
  query: Query,
  reader: PageReader,
  context: CallContext,
  count: number,
  start: readonly unknown[] | undefined,
): Promise<StoredPage> {
  const { sortLimit } = context;
  const compare = orderComparator(query.plan.order);
  const first = new FirstOf<Placed>(count + 1, (a, b) => compare(a.place, b.place));
  const size = wholeRead(reader, Math.min(sortLimit + 1, largestBatch));
  const otherWork = turnGiver(context.clock);
  let matching = 0;
  for (const { fixed } of pathBindings(query, reader)) {
    const fetch = fetcher(query, reader, context, fixed, size);
    let position: Values | undefined;
    do {
      const { rows, next } = await fetch(size.rows, position);
      matching += rows.length;
      if (matching > sortLimit) throw tooManyToSort(sortLimit);
      for (const row of rows) {
        const place = reader.positionOf(row);
        if (start === undefined || compare(place, start) > 0) first.add({ row, place });
      }
      position = next;
      await otherWork();
    } while (position !== undefined);
  }
  const rows = first.items.slice(0, count);
  return { rows: rows.map(({ row }) => row), last: first.items.length > count ? rows.at(-1)!.place : undefined };
}

interface Placed {
  readonly row: StoredRow;
  readonly place: readonly unknown[];
}

function tooManyToSort(sortLimit: number): DbError {
  return new DbError(
    "unsupported",
    `this order is not that of a key or index, and more than ${sortLimit} rows would have to be sorted; narrow the filter, sort by an index, or raise sortLimit`,
    { detail: { capability: "sorts" } },
  );
}
