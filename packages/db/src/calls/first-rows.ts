// The first rows of each of several selects: what rows that refer to others are read by.

import { turnGiver } from "@bk/core";

import type { Values } from "../driver.js";
import { BatchSize } from "./batch-size.js";
import type { CallContext } from "./context.js";
import { storedPage } from "./page.js";
import { accepter, fetcher, pageReader, type PageReader, type StoredRow } from "./page-reader.js";
import type { Query } from "./query.js";

// Rows that are asked for at once where the core leaves some out: the least of each select, and the most.
const smallestBatch = 32;
const largestBatch = 2000;
/** Selects at the same time that are not one read. */
const atOnce = 8;

/** At most `count` rows of each query, in its order; queries of one shape are read together where the engine can. */
export async function firstRows(
  queries: readonly Query[],
  context: CallContext,
  count: number,
): Promise<readonly (readonly StoredRow[])[]> {
  const pages: (readonly StoredRow[])[] = queries.map(() => []);
  const byShape = new Map<string, number[]>();
  queries.forEach(({ shape: { key }, never }, at) => {
    if (never) return;
    const places = byShape.get(key);
    if (places === undefined) byShape.set(key, [at]);
    else places.push(at);
  });
  for (const places of byShape.values()) {
    const alike = places.map((at) => queries[at]!);
    const own = readsInOrder(alike[0]!) ? await readTogether(alike, context, count) : await readApart(alike, context, count);
    places.forEach((at, i) => (pages[at] = own[i]!));
  }
  return pages;
}

/** Whether one read, and those that go on from it, give the rows in order. */
function readsInOrder(query: Query): boolean {
  return !query.plan.coreSort && query.plan.spread === undefined && !pageReader(query).usesCursor;
}

async function readTogether(queries: readonly Query[], context: CallContext, count: number): Promise<(readonly StoredRow[])[]> {
  const [first] = queries;
  const reader = pageReader(first!);
  const size = reader.matches === undefined ? undefined : new BatchSize(reader.weight, largestBatch, largestBatch);
  const limit = size === undefined ? count : Math.max(2 * count, smallestBatch, Math.floor(size.rows / queries.length));
  const bindings = queries.map(({ values }) => [...reader.encodeValues(values), limit, null]);
  const replies = await first!.bound.pool.readMany(reader.first, bindings, context);
  const pages: (readonly StoredRow[])[] = [];
  for (const [i, query] of queries.entries()) {
    const { rows: found, next } = accepter(query, reader, size)(replies[i]!, limit);
    const rows = [...found];
    if (rows.length < count && next !== undefined) await readOn(query, reader, context, rows, count, next);
    pages.push(rows.slice(0, count));
  }
  return pages;
}

/** Adds the rows after a position, until there are `count`. */
async function readOn(
  query: Query,
  reader: PageReader,
  context: CallContext,
  rows: StoredRow[],
  count: number,
  from: Values,
): Promise<void> {
  const size = new BatchSize(reader.weight, largestBatch, largestBatch);
  const fetch = fetcher(query, reader, context, reader.encodeValues(query.values), size);
  const otherWork = turnGiver(context.clock);
  let position: Values | undefined = from;
  while (rows.length < count && position !== undefined) {
    const { rows: found, next } = await fetch(reader.matches === undefined ? count - rows.length : size.rows, position);
    for (const row of found) rows.push(row);
    position = next;
    await otherWork();
  }
}

async function readApart(queries: readonly Query[], context: CallContext, count: number): Promise<(readonly StoredRow[])[]> {
  const pages: (readonly StoredRow[])[] = [];
  for (let i = 0; i < queries.length; i += atOnce) {
    const some = await Promise.all(queries.slice(i, i + atOnce).map((query) => storedPage(query, context, count, undefined)));
    for (const { rows } of some) pages.push(rows);
  }
  return pages;
}
