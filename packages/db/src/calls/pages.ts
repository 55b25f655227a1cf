// Reading the pages of a question: in the engine's order, or sorted here.

import { type BoundTable, type Row, slotsOf } from "../compile/bound-table.js";
import type { CallOptions } from "../normalize/call-options.js";
import { testsOf } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import type { Reply, SelectShape, SortColumn, Value, Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { Prepared } from "../execute/pool.js";
import { type Page, type Question, type ReadContext, type SelectOptions, valueEncoder } from "../plan/query.js";
import { comparatorOf } from "../schema/compare.js";
import { compileArrayDecoder, compileRowDecoder, encoderOf } from "../schema/encodings.js";
import { fetchedColumns } from "../present/selection.js";
import type { Column } from "../schema/table.js";
import { searchMatcher } from "../reference/search-query.js";

export interface Presenter {
  /** What has to be fetched: the selected columns first. */
  readonly columns: readonly Column[];
  readonly present: (row: readonly Value[]) => Row;
}

/**
 * How rows are fetched and shown.
 *
 * @param names  the selected columns; undefined: all declared ones
 * @param extra  columns that the core needs besides
 */
export function presenterOf(bound: BoundTable, names: readonly string[] | undefined, extra: readonly Column[]): Presenter {
  const { table, codec } = bound;
  if (names === undefined) return { columns: table.columns, present: bound.decodeRow };
  const selected = names.map((name) => table.byName.get(name)!);
  const fetched = fetchedColumns(table, selected);
  const columns = [...fetched, ...new Set(extra.filter((column) => !fetched.includes(column)))];
  return { columns, present: compileRowDecoder(table, selected, codec, { fetched: columns }) };
}

/** Reads one page of a question that may be asked. */
export async function pageOf(question: Question, context: ReadContext, count: number, options: SelectOptions | undefined): Promise<Page> {
  const { plan } = question;
  if (question.never) return { rows: [] };
  const position = options?.start === undefined ? undefined : context.tokens.decode(question.identity(), options.start, plan.order);
  const reader = pageReader(question);
  const { rows, last } = plan.coreSort
    ? await sortedPage(question, reader, context, count, position, options)
    : await orderedPage(question, reader, context, count, position, options);
  const shown = rows.map((row) => reader.presenter.present(row));
  return last === undefined ? { rows: shown } : { rows: shown, next: context.tokens.encode(question.identity(), last, plan.order) };
}

/** What reading pages of one shape needs, made once for each. */
interface PageReader {
  readonly presenter: Presenter;
  readonly first: Prepared;
  readonly rest: Prepared;
  /** Encodes the values of the filter, by slot. */
  readonly encodeValues: (values: readonly unknown[]) => Value[];
  /** The position of a fetched row in the result's order, logical. */
  readonly positionOf: (row: readonly Value[]) => unknown[];
  readonly readPositionOf: (row: readonly Value[]) => unknown[];
  readonly encodeReadPosition: (position: readonly unknown[]) => Value[];
  readonly matches: ((row: readonly Value[], values: readonly unknown[]) => boolean) | undefined;
}

function pageReader(question: Question): PageReader {
  return question.bound.kept(`read ${question.key}`, () => makePageReader(question));
}

function makePageReader(question: Question): PageReader {
  const { bound, plan, condition, names, values, consistent } = question;
  const { table, codec, pool } = bound;
  const tested = plan.residual === undefined ? [] : [...testsOf(plan.residual)].map((test) => test.column);
  const searched = question.search === undefined ? [] : table.search;
  const order = plan.order.map(({ column }) => column);
  const readOrder = plan.readOrder.map(({ column }) => column);
  const presenter = presenterOf(bound, names, [...order, ...readOrder, ...tested, ...searched]);
  const { columns } = presenter;
  const limit = values.length;
  const match = question.search === undefined || !pool.driver.capabilities.search ? undefined : limit + 1;
  const shape = (isRest: boolean): SelectShape => ({
    verb: "select",
    table,
    columns,
    path: plan.path,
    filter: plan.pushed,
    order: plan.readOrder,
    after: isRest ? slotsOf(readOrder, limit + 2) : undefined,
    limit,
    match,
    consistent,
  });
  const encoders = readOrder.map((column) => encoderOf(column, codec));
  return {
    presenter,
    first: pool.prepare(shape(false)),
    rest: pool.prepare(shape(true)),
    encodeValues: valueEncoder(condition, values.length, codec),
    positionOf: placeReader(bound, columns, order),
    readPositionOf: placeReader(bound, columns, readOrder),
    encodeReadPosition: (position) => position.map((value, i) => encoders[i]!(value)),
    matches: rowMatcher(question, columns),
  };
}

function placeReader(bound: BoundTable, columns: readonly Column[], wanted: readonly Column[]): (row: readonly Value[]) => unknown[] {
  const decode = compileArrayDecoder(wanted, bound.codec);
  const places = wanted.map((column) => columns.indexOf(column));
  return (row) => decode(places.map((place) => row[place]!));
}

function rowMatcher(question: Question, columns: readonly Column[]): PageReader["matches"] {
  const { plan, bound } = question;
  if (plan.residual === undefined) return undefined;
  const needed = [...new Set([...testsOf(plan.residual)].map((test) => test.column))];
  const read = placeReader(bound, columns, needed);
  const matches = compileMatcher(plan.residual, (column) => needed.indexOf(column));
  return (row, values) => matches(read(row), values);
}

/** Full-text words are checked on what the engine gave: engines cut words in ways of their own. */
function wordMatcher(question: Question, columns: readonly Column[]): ((row: readonly Value[]) => boolean) | undefined {
  const { search, bound } = question;
  if (search === undefined) return undefined;
  const read = placeReader(bound, columns, bound.table.search);
  return (row) => searchMatcher(search.query, read(row) as (string | null)[]);
}

/** The shown rows of a question in pages of `size`, from the beginning or `options.start` to the end. */
export async function* rowsOf(
  question: Question,
  context: ReadContext,
  size: number,
  options: SelectOptions | undefined,
): AsyncGenerator<Row[]> {
  let start = options?.start;
  do {
    const page: Page = await pageOf(question, context, size, { ...options, start });
    if (page.rows.length > 0) yield page.rows;
    start = page.next;
  } while (start !== undefined);
}

interface RawPage {
  readonly rows: readonly (readonly Value[])[];
  /** The position after which the next page begins, when there is one. */
  readonly last: readonly unknown[] | undefined;
}

const smallestBatch = 100;
const largestBatch = 2000;

/** A page of rows that the engine gives in order; asks again until the page is full or the rows have run out. */
async function orderedPage(
  question: Question,
  reader: PageReader,
  context: ReadContext,
  count: number,
  start: readonly unknown[] | undefined,
  options: CallOptions | undefined,
): Promise<RawPage> {
  // One row more than wanted tells whether there is a next page.
  const wanted = count + 1;
  const rows: (readonly Value[])[] = [];
  const filtering = reader.matches !== undefined || question.search !== undefined;
  let batch = filtering ? Math.max(wanted, smallestBatch) : wanted;
  let position: Values | undefined = start === undefined ? undefined : reader.encodeReadPosition(start);
  const fetch = fetcher(question, reader, context, options);
  while (rows.length < wanted) {
    const limit = filtering ? batch : wanted - rows.length;
    const fetched = fetch(limit, position);
    const { found, next } = fetched instanceof Promise ? await fetched : fetched;
    for (let i = 0; i < found.length && rows.length < wanted; i++) rows.push(found[i]!);
    if (next === undefined) break;
    position = next;
    batch = Math.min(batch * 2, largestBatch);
  }
  const full = rows.length === wanted;
  if (full) rows.pop();
  return { rows, last: full ? reader.positionOf(rows.at(-1)!) : undefined };
}

interface Fetched {
  /** The matching rows among those that came. */
  readonly found: readonly (readonly Value[])[];
  /** Where to go on; undefined when there are no more. */
  readonly next: Values | undefined;
}

/** Makes a function that asks the engine for `limit` rows after a position and leaves out those that do not match. */
function fetcher(
  question: Question,
  reader: PageReader,
  context: ReadContext,
  options: CallOptions | undefined,
): (limit: number, position: Values | undefined) => Fetched | Promise<Fetched> {
  const { bound, values, search } = question;
  const words = wordMatcher(question, reader.presenter.columns);
  const fixed = reader.encodeValues(values);
  const { matches } = reader;
  const accept = (reply: Reply, limit: number): Fetched => {
    const { rows } = reply;
    const found =
      matches === undefined && words === undefined
        ? rows
        : rows.filter((row) => (matches === undefined || matches(row, values)) && (words === undefined || words(row)));
    if (reply.next !== undefined) return { found, next: reply.next };
    return { found, next: rows.length < limit ? undefined : reader.encodeReadPosition(reader.readPositionOf(rows.at(-1)!)) };
  };
  return (limit, position) => {
    const bindings = [...fixed, limit, search?.text ?? null];
    if (position !== undefined) bindings.push(...position);
    const reply = bound.pool.send(position === undefined ? reader.first : reader.rest, bindings, options, context.target);
    return reply instanceof Promise ? reply.then((done) => accept(done, limit)) : accept(reply, limit);
  };
}

/** A page in an order that the engine does not have: all matching rows are read, within `sortLimit`, and sorted here. */
async function sortedPage(
  question: Question,
  reader: PageReader,
  context: ReadContext,
  count: number,
  start: readonly unknown[] | undefined,
  options: CallOptions | undefined,
): Promise<RawPage> {
  const { sortLimit } = context;
  const found: { row: readonly Value[]; place: unknown[] }[] = [];
  const compare = orderComparator(question.plan.order);
  const fetch = fetcher(question, reader, context, options);
  let position: Values | undefined;
  do {
    const page = await fetch(Math.min(sortLimit + 1, largestBatch), position);
    for (const row of page.found) found.push({ row, place: reader.positionOf(row) });
    if (found.length > sortLimit) throw tooManyToSort(sortLimit);
    position = page.next;
  } while (position !== undefined);
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

/** Compares positions: nulls before all values, ascending. */
export function orderComparator(order: readonly SortColumn[]): (a: readonly unknown[], b: readonly unknown[]) => number {
  const steps = order.map(({ column, descending }) => ({ compare: comparatorOf(column.kind), sign: descending ? -1 : 1 }));
  return (a, b) => {
    for (let i = 0; i < steps.length; i++) {
      const [x, y] = [a[i] ?? null, b[i] ?? null];
      const { compare, sign } = steps[i]!;
      const result = x === null || y === null ? Number(x !== null) - Number(y !== null) : compare(x, y);
      if (result !== 0) return result * sign;
    }
    return 0;
  };
}
