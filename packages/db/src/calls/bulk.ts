// bulk: many writes by few requests. Items of one table and kind go to the engine together; what one request cannot
// carry (hooks, guards, transactions, options) goes as calls of its own.

import { nextTurn } from "@bk/core";

import type { CallEvent } from "../execute/tracing.js";
import type { Prepared } from "../compile/prepared.js";
import type { Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { BulkItem } from "../normalize/bulk-items.js";
import { snapshot } from "../normalize/snapshot.js";
import type { BoundTable } from "./bound-table.js";
import type { Touched } from "./cached-rows.js";
import type { CallContext, WriteResult } from "./context.js";
import { plainDelete } from "./delete.js";
import type { Forgetter } from "./forget.js";
import type { PlainWrite } from "./plain-write.js";
import { plainPut } from "./put.js";
import { plainChange } from "./update-fast.js";

export type BulkResult = WriteResult | { readonly error: DbError };

/** What `bulk` needs of the database that it belongs to. */
export interface BulkHome {
  /** The call as tracers know it. */
  readonly trace: CallEvent | undefined;
  /** Undefined where the database has no cache. */
  readonly forgetter: Forgetter | undefined;
  /** The table of an item where it may go with others: no hooks, no transaction. @throws DbError */
  plain(item: BulkItem): { readonly bound: BoundTable; readonly context: CallContext } | undefined;
  /** The item as a call of its own. */
  alone(item: BulkItem): Promise<WriteResult>;
}

/** Items of groups that are under way at the same time; more wait, so that a long list does not fill the memory. */
const window = 5_000;
/** Items that go as calls of their own, at the same time. */
const mostAlone = 500;

/**
 * Carries the items out, those on one row in their order; a result for each.
 *
 * @param items  a list of its own: what has its turn later is copied in it, whatever the caller does with its objects meanwhile
 */
export function runBulk(items: BulkItem[], home: BulkHome): Promise<BulkResult[]> {
  if (home.forgetter === undefined) return runItems(items, home, undefined);
  return home.forgetter.after(undefined, (touched) => runItems(items, home, touched), {
    isCertain: (results) => results.every((result) => !("error" in result) || result.error.outcome !== "unknown"),
  });
}

async function runItems(items: BulkItem[], home: BulkHome, touched: Touched | undefined): Promise<BulkResult[]> {
  const results: BulkResult[] = [];
  const step = stepMaker(home);
  let sending: Promise<void> | undefined;
  for (let at = 0; at < items.length;) {
    const wave = new Wave(touched);
    const isFirst = at === 0;
    at = fillWave(wave, items, at, step, results);
    if (isFirst) for (let later = at; later < items.length; later++) items[later] = snapshot(items[later]!);
    // While the engine has one wave, the next one is made.
    await sending;
    if (wave.size > 0) {
      sending = wave.send(items, results, home.trace);
      // Whoever waits for it gets its error.
      sending.catch(() => undefined);
    } else if (at < items.length) at = await runAlone(items, at, step, home, results);
    // Other work of this process has its turn.
    if (at < items.length) await nextTurn();
  }
  await sending;
  return results;
}

/** The item's command; undefined where it must go alone; or what is wrong with it. */
type StepMaker = (at: number, item: BulkItem) => PlainWrite | { readonly error: DbError } | undefined;

/** Makes steps, the last of them once: a wave that cannot take it leaves it to the next one. */
function stepMaker(home: BulkHome): StepMaker {
  let lastAt = -1;
  let last: ReturnType<StepMaker>;
  return (at, item) => {
    if (at !== lastAt) {
      last = stepOf(home, item);
      lastAt = at;
    }
    return last;
  };
}

function stepOf(home: BulkHome, item: BulkItem): ReturnType<StepMaker> {
  if (item.options !== undefined) return undefined;
  const place = home.plain(item);
  if (place === undefined) return undefined;
  const { bound, context } = place;
  try {
    return plainOf(bound, context, item);
  } catch (error) {
    return { error: bound.pool.error(error, { verb: item.op, table: bound.table }) };
  }
}

function plainOf(bound: BoundTable, context: CallContext, { op, row, key }: BulkItem): PlainWrite | undefined {
  switch (op) {
    case "add":
    case "put":
      return plainPut(bound, context, op, row);
    case "update":
      return plainChange(bound, context, op, row);
    case "del":
      return plainDelete(bound, key);
    case "incr":
      return undefined;
  }
}

/** Takes items until one is on a row that the wave has, must go alone, or the wave is full; gives the next item's place. */
function fillWave(wave: Wave, items: readonly BulkItem[], from: number, step: StepMaker, results: BulkResult[]): number {
  let at = from;
  for (; at < items.length && wave.size < window; at++) {
    const made = step(at, items[at]!);
    if (made === undefined) break;
    if ("error" in made) results[at] = made;
    else if (!wave.add(at, made)) break;
  }
  return at;
}

async function runAlone(items: readonly BulkItem[], from: number, step: StepMaker, home: BulkHome, results: BulkResult[]): Promise<number> {
  const running: Promise<void>[] = [];
  let at = from;
  for (; at < items.length && running.length < mostAlone && step(at, items[at]!) === undefined; at++) {
    const place = at;
    running.push(
      home.alone(items[at]!).then(
        (result) => void (results[place] = result),
        (error: unknown) => void (results[place] = { error: asDbError(error) }),
      ),
    );
  }
  await Promise.all(running);
  return at;
}

function asDbError(error: unknown): DbError {
  // The calls reject with nothing else; anything else is a fault of ours and must not look like an item's own error.
  if (error instanceof DbError) return error;
  throw error;
}

interface Group {
  readonly bound: BoundTable;
  readonly prepared: Prepared;
  readonly finish: (reply: Reply) => WriteResult;
  readonly values: Values[];
  readonly rows: string[];
  readonly places: number[];
}

/** Items that may be carried out in any order: no two of them are on one row. */
class Wave {
  size = 0;
  readonly #groups = new Map<Prepared, Group>();
  readonly #rows = new Map<BoundTable, Set<string>>();
  readonly #touched: Touched | undefined;

  constructor(touched: Touched | undefined) {
    this.#touched = touched;
  }

  /** False when the wave has a write of the row already. */
  add(place: number, { bound, prepared, finish, values, key }: PlainWrite): boolean {
    let rows = this.#rows.get(bound);
    if (rows === undefined) this.#rows.set(bound, (rows = new Set()));
    const row = bound.rowText(key);
    const { size } = rows;
    if (rows.add(row).size === size) return false;
    let group = this.#groups.get(prepared);
    if (group === undefined) this.#groups.set(prepared, (group = { bound, prepared, finish, values: [], rows: [], places: [] }));
    if (bound.cached !== undefined) this.#touched?.add(bound.cached, key);
    group.values.push(values);
    group.rows.push(row);
    group.places.push(place);
    this.size++;
    return true;
  }

  /** Sends all, each group behind the writes of its rows that were called before. */
  async send(items: readonly BulkItem[], results: BulkResult[], trace: CallEvent | undefined): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => sendGroup(group, items, results, trace)));
  }
}

async function sendGroup(
  { bound, prepared, finish, values, rows, places }: Group,
  items: readonly BulkItem[],
  results: BulkResult[],
  trace: CallEvent | undefined,
): Promise<void> {
  const { pool, table } = bound;
  const replies = await bound.orderedMany(rows, () => pool.sendMany(prepared, values, { trace }));
  for (let i = 0; i < replies.length; i++) {
    const place = places[i]!;
    const reply = replies[i]!;
    try {
      if (reply instanceof Error) throw reply;
      results[place] = finish(reply);
    } catch (error) {
      results[place] = { error: pool.error(error, { verb: items[place]!.op, table }) };
    }
  }
}
