// What pages are made of: the rows that the engine gives after a position, without those that do not match.

import { valueEncoder } from "../compile/bind.js";
import type { Prepared } from "../compile/prepared.js";
import { selectShape } from "../compile/shapes.js";
import type { Reply, Value, Values } from "../driver.js";
import { type Presenter, presenterOf, rowTest, valuesOf } from "../present/presenter.js";
import { testsOf } from "../reference/condition.js";
import { orderComparator } from "../reference/order.js";
import { searchMatcher } from "../reference/search-query.js";
import { encoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import type { BatchSize, RowWeight } from "./batch-size.js";
import type { CallContext } from "./context.js";
import type { Query } from "./query.js";

export type StoredRow = readonly Value[];

/** What reading pages of one shape needs, made once for each. */
export interface PageReader {
  readonly presenter: Presenter;
  readonly first: Prepared;
  readonly rest: Prepared;
  readonly usesCursor: boolean;
  readonly weight: RowWeight;
  /** Encodes the values of the filter, by slot. */
  readonly encodeValues: (values: readonly unknown[]) => Value[];
  /** The position of a fetched row in the result's order, logical. */
  readonly positionOf: (row: StoredRow) => unknown[];
  readonly readPositionOf: (row: StoredRow) => unknown[];
  readonly encodeReadPosition: (position: readonly unknown[]) => Value[];
  readonly matches: ((row: StoredRow, values: readonly unknown[]) => boolean) | undefined;
}

export function pageReader(query: Query): PageReader {
  const { reader } = query.shape;
  // What is read for one shape of query reads for all of them.
  return (reader.made ??= query.bound.kept(`read ${query.shape.key}`, () => makePageReader(query))) as PageReader;
}

function makePageReader(query: Query): PageReader {
  const { bound, plan, condition, selected, values, consistent, search, extra: wanted } = query;
  const { table, codec, pool } = bound;
  const tested = plan.residual === undefined ? [] : [...testsOf(plan.residual)].map((test) => test.column);
  const searched = search === undefined ? [] : table.search;
  const order = plan.order.map(({ column }) => column);
  const readOrder = plan.readOrder.map(({ column }) => column);
  const extra = [...order, ...readOrder, ...tested, ...searched, ...wanted];
  const presenter: Presenter =
    selected === undefined ? { columns: table.columns, present: bound.decodeRow } : presenterOf(table, codec, selected, extra);
  const { columns } = presenter;
  const usesCursor = pool.capabilities.paging === "cursor";
  const shape = { columns, values: values.length, consistent, searches: search !== undefined && pool.capabilities.search };
  const encoders = readOrder.map((column) => encoderOf(column, codec));
  return {
    presenter,
    first: pool.prepare(selectShape(table, plan, { ...shape, continues: false })),
    rest: pool.prepare(selectShape(table, plan, { ...shape, continues: usesCursor ? "cursor" : "position" })),
    usesCursor,
    weight: { bytes: undefined },
    encodeValues: valueEncoder(condition, values.length, codec),
    positionOf: valuesOf(codec, columns, order),
    readPositionOf: valuesOf(codec, columns, readOrder),
    encodeReadPosition: (position) => position.map((value, i) => encoders[i]!(value)),
    matches: plan.residual === undefined ? undefined : rowTest(plan.residual, codec, columns),
  };
}

/** Full-text words are checked on what the engine gave: engines cut words in ways of their own. */
function wordMatcher({ search, bound }: Query, columns: readonly Column[]): ((row: StoredRow) => boolean) | undefined {
  if (search === undefined) return undefined;
  const read = valuesOf(bound.codec, columns, bound.table.search);
  return (row) => searchMatcher(search.query, read(row) as (string | null)[]);
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

export interface Fetched {
  /** The matching rows among those that came. */
  readonly rows: readonly StoredRow[];
  /** The place of each among all that came; undefined: all of them match. */
  readonly places: readonly number[] | undefined;
  /** Where to go on; undefined when there are no more. */
  readonly next: Values | undefined;
}

/** Asks the engine for `limit` rows after a position, and leaves out those that do not match. */
export type Fetch = (limit: number, position: Values | undefined) => Fetched | Promise<Fetched>;

/** @param size  takes note of what comes */
export function fetcher(
  query: Query,
  reader: PageReader,
  context: CallContext,
  fixed: readonly Value[],
  size: BatchSize | undefined,
): Fetch {
  const { bound, search } = query;
  const accept = accepter(query, reader, size);
  return (limit, position) => {
    const bindings = [...fixed, limit, search?.text ?? null];
    if (position !== undefined) bindings.push(...position);
    const reply = bound.pool.send(position === undefined ? reader.first : reader.rest, bindings, context);
    return reply instanceof Promise ? reply.then((done) => accept(done, limit)) : accept(reply, limit);
  };
}

/** Makes a function that leaves out the rows of a reply that do not match. */
export function accepter(query: Query, reader: PageReader, size: BatchSize | undefined): (reply: Reply, limit: number) => Fetched {
  const { values } = query;
  const words = wordMatcher(query, reader.presenter.columns);
  const { matches } = reader;
  const nextOf = ({ rows, cursor, next }: Reply, limit: number): Values | undefined => {
    if (reader.usesCursor) return cursor === undefined ? undefined : [cursor];
    if (next !== undefined) return next;
    return rows.length < limit ? undefined : reader.encodeReadPosition(reader.readPositionOf(rows.at(-1)!));
  };
  return (reply, limit) => {
    const { rows } = reply;
    size?.saw(rows);
    const next = nextOf(reply, limit);
    if (matches === undefined && words === undefined) return { rows, places: undefined, next };
    const places: number[] = [];
    for (let at = 0; at < rows.length; at++)
      if ((matches === undefined || matches(rows[at]!, values)) && (words === undefined || words(rows[at]!))) places.push(at);
    return { rows: places.map((at) => rows[at]!), places, next };
  };
}
