// What has happened to the rows of one table, for those who watch it: the latest changes, numbered in order.

import { onAbort } from "@bk/core";

import type { RowEvent } from "../../driver.js";
import type { Table } from "../../schema/table.js";
import type { StoredRow } from "./stored-row.js";

/** One write of one row; undefined: there was none, or there is none any more. */
export interface StoredChange {
  readonly before: StoredRow | undefined;
  readonly after: StoredRow | undefined;
}

/** Changes that are kept: who is further behind is told to read the rows again. */
const mostKept = 1000;

export class Feed {
  readonly #id: string;
  readonly #kept: StoredChange[] = [];
  /** The number of the next change. */
  #end = 0;
  readonly #wakers = new Set<() => void>();

  /** @param id  told apart from every other feed by it: cursors of a store that is gone mean nothing here */
  constructor(id: string) {
    this.#id = id;
  }

  get end(): number {
    return this.#end;
  }

  add(changes: readonly StoredChange[]): void {
    if (changes.length === 0) return;
    this.#end += changes.length;
    for (const change of changes.slice(-mostKept)) this.#kept.push(change);
    this.#kept.splice(0, this.#kept.length - mostKept);
    for (const wake of this.#wakers) wake();
  }

  /** The changes from a number on; undefined when some of them are no longer kept. */
  since(from: number): readonly StoredChange[] | undefined {
    const start = from - (this.#end - this.#kept.length);
    return start < 0 ? undefined : this.#kept.slice(start);
  }

  /** Behind the change before `next`. */
  cursorAt(next: number): string {
    return `${this.#id}-${next}`;
  }

  /** The number of the change that follows a cursor; undefined for one that is not of this feed. */
  after(cursor: string): number | undefined {
    const [id, next] = cursor.split("-");
    const number = Number(next);
    return id === this.#id && Number.isInteger(number) && number >= 0 && number <= this.#end ? number : undefined;
  }

  /** Waits for the next change, or until the signal aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.#wakers.add(wake);
    const stop = onAbort(signal, wake);
    await woken;
    stop();
    this.#wakers.delete(wake);
  }
}

/** The changes of a feed as events, with the columns of `table`. */
export async function* eventsOf(
  feed: Feed,
  table: Table,
  from: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly RowEvent[], void, undefined> {
  let at = from === undefined ? undefined : feed.after(from);
  while (!signal.aborted) {
    const changes = at === undefined ? undefined : feed.since(at);
    if (at === undefined || changes === undefined) {
      at = feed.end;
      yield [{ kind: "reset", cursor: feed.cursorAt(at) }];
    } else if (changes.length === 0) await feed.next(signal);
    else {
      const first = at + 1;
      at += changes.length;
      yield changes.map((change, i) => eventOf(table, change, feed.cursorAt(first + i)));
    }
  }
}

function eventOf(table: Table, { before, after }: StoredChange, cursor: string): RowEvent {
  const valuesOf = (row: StoredRow) => table.columns.map(({ name }) => row.get(name) ?? null);
  const row = (after ?? before)!;
  return {
    kind: after === undefined ? "delete" : "put",
    key: table.key.map(({ name }) => row.get(name) ?? null),
    ...(before === undefined ? {} : { before: valuesOf(before) }),
    ...(after === undefined ? {} : { after: valuesOf(after) }),
    cursor,
  };
}
