// The reading calls: get, list, select, search, count and scan.

import { type BoundTable, type Row, firstRow, slotsOf } from "../compile/bound-table.js";
import type { CallOptions } from "../normalize/call-options.js";
import type { AggregateShape, Reply } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import { checkKey } from "../normalize/row.js";
import { pageOf, presenterOf, rowsOf } from "./pages.js";
import {
  type Page,
  type Question,
  type ReadContext,
  type ReadOptions,
  type SelectOptions,
  ask,
  checkConsistent,
  checkCount,
  hasConditions,
  refuseScan,
  valueEncoder,
} from "../plan/query.js";
import type { Prepared } from "../execute/pool.js";
import { compileArrayDecoder } from "../schema/encodings.js";
import { parseSearch } from "../reference/search-query.js";
import { parseSelect } from "../normalize/order.js";

/** One row by its whole key, or undefined. */
export function getRow(
  bound: BoundTable,
  context: ReadContext,
  key: unknown,
  options?: ReadOptions,
): Row | undefined | Promise<Row | undefined> {
  const values = bound.encodeKey(checkKey(bound.rules, key));
  const reader = getReader(bound, options);
  const reply = bound.pool.send(reader.prepared, values, options, context.target);
  return reply instanceof Promise ? reply.then((done) => reader.present(done, context)) : reader.present(reply, context);
}

interface GetReader {
  readonly prepared: Prepared;
  readonly present: (reply: Reply, context: ReadContext) => Row | undefined;
}

function getReader(bound: BoundTable, options: ReadOptions | undefined): GetReader {
  const consistent = checkConsistent(bound, options);
  if (options?.select === undefined) return bound.kept(consistent ? "get!" : "get", () => makeGetReader(bound, undefined, consistent));
  const names = parseSelect(bound.table, options.select);
  return bound.kept(`get${consistent ? "!" : ""} ${names.join(" ")}`, () => makeGetReader(bound, names, consistent));
}

function makeGetReader(bound: BoundTable, names: readonly string[] | undefined, consistent: boolean): GetReader {
  const { table } = bound;
  const { ttl } = table;
  const presenter = presenterOf(bound, names, ttl === undefined ? [] : [ttl]);
  const prepared = bound.pool.prepare({ verb: "get", table, columns: presenter.columns, key: slotsOf(table.key), consistent });
  const expires = ttl === undefined ? -1 : presenter.columns.indexOf(ttl);
  const decodeTtl = ttl === undefined ? undefined : compileArrayDecoder([ttl], bound.codec);
  const present = (reply: Reply, context: ReadContext): Row | undefined => {
    const row = firstRow(reply);
    if (row === undefined) return undefined;
    if (decodeTtl !== undefined && isOver(decodeTtl([row[expires]!])[0], context.now())) return undefined;
    return presenter.present(row);
  };
  return { prepared, present };
}

/** Whether a row with this `ttl` value is a missing row. */
export function isOver(expires: unknown, now: number): boolean {
  return typeof expires === "number" && expires <= now;
}

/** Many rows by key, in the order asked, missing ones left out; a key that is asked twice twice. */
export async function listRows(bound: BoundTable, context: ReadContext, keys: unknown, options?: ReadOptions): Promise<Row[]> {
  if (!Array.isArray(keys)) throw invalid("list takes an array of keys");
  const reader = getReader(bound, options);
  const encoded = Array.from(keys, (key: unknown) => bound.encodeKey(checkKey(bound.rules, key)));
  const replies = await Promise.all(bound.pool.sendGroup(reader.prepared, encoded, options, context.target));
  return replies.map((reply) => reader.present(reply, context)).filter((row) => row !== undefined);
}

/** One page of rows by filter. */
export async function selectPage(bound: BoundTable, context: ReadContext, filter: unknown, options?: SelectOptions): Promise<Page> {
  const count = checkCount(options?.count);
  const question = ask(bound, context, filter, options);
  refuseScan(question, options?.scan === true, hasConditions(filter));
  return pageOf(question, context, count, options);
}

/** One page of the rows whose `search` columns hold the words of `text`, in key order unless sorted. */
export async function searchPage(
  bound: BoundTable,
  context: ReadContext,
  text: unknown,
  options?: SelectOptions & { filter?: unknown },
): Promise<Page> {
  const { table, pool } = bound;
  if (!pool.driver.capabilities.search)
    throw new DbError("unsupported", "this driver has no full-text search (capability search); use select with contains", {
      detail: { capability: "search" },
    });
  if (table.search.length === 0) throw invalid(`no column of ${table.name} is declared with search: true`);
  if (typeof text !== "string") throw invalid("search takes the words to look for as a text");
  const count = checkCount(options?.count);
  const question = ask(bound, context, options?.filter, options, { text, query: parseSearch(text) });
  return pageOf(question, context, count, options);
}

export interface CountOptions extends SelectOptions {
  readonly all?: boolean | undefined;
}

/** How many rows a filter matches. */
export async function countRows(bound: BoundTable, context: ReadContext, filter: unknown, options?: CountOptions): Promise<number> {
  const question = ask(bound, context, filter, { ...options, sort: undefined, select: bound.table.key.map((column) => column.name) });
  refuseScan(question, options?.scan === true || options?.all === true, true);
  if (question.never) return 0;
  if (question.plan.residual === undefined && bound.pool.driver.capabilities.aggregates.count)
    return countByEngine(question, context, options);
  let count = 0;
  for await (const rows of rowsOf(question, context, 1000, options)) count += rows.length;
  return count;
}

async function countByEngine(question: Question, context: ReadContext, options: CallOptions | undefined): Promise<number> {
  const { bound, plan, condition, values, consistent } = question;
  const { pool, table, codec } = bound;
  const counter = bound.kept(`count ${question.key}`, () => {
    const shape: AggregateShape = {
      verb: "aggregate",
      table,
      path: plan.path,
      filter: plan.pushed,
      groupBy: [],
      aggregates: [{ op: "count", column: undefined }],
      order: [],
      after: undefined,
      limit: undefined,
      consistent,
    };
    return { prepared: pool.prepare(shape), encode: valueEncoder(condition, values.length, codec) };
  });
  const reply = await pool.send(counter.prepared, counter.encode(values), options, context.target);
  return Number(reply.rows[0]?.[0] ?? 0);
}

export interface ScanOptions extends SelectOptions {
  /** Most rows in all; default: no limit. */
  readonly limit?: number | undefined;
}

/** Every matching row, page by page; only one page is held at a time. */
export async function* scanPages(bound: BoundTable, context: ReadContext, filter: unknown, options?: ScanOptions): AsyncGenerator<Row[]> {
  const size = options?.count === undefined ? 500 : checkCount(options.count);
  const question = ask(bound, context, filter, options);
  yield* rowsOf(question, context, size, options);
}
