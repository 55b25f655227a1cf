// Writes of one row: what cannot be said blindly is read, computed and written if the row is still the same.

import { cancelledError, type Clock, systemClock } from "@bk/core";
import { isAlways, isNever, type Slot } from "../../reference/condition.js";
import { compileRowChanges, compileRowTest } from "../stored-rows.js";
import type { DeleteShape, MemberReply, PutShape, Reply, UpdateShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { followWrite } from "./after-write.js";
import { after, type Awaitable } from "./at-once.js";
import { type Known, missingIndex, readStored } from "./definition.js";
import { type KvRow, kvRows, parseRow, valueOf, valuesReader } from "./rows.js";
import { isDone } from "./row-store.js";
import type { KvChange, KvCheck, KvExpectation, KvResult, KvRowChange, KvRowOutcome, KvRowStore, KvStore } from "./store.js";
import type { KvTable } from "./table.js";

type Run = (values: Values, signal?: AbortSignal) => Awaitable<Reply>;

const none: Reply = Object.freeze({ rows: [], affected: 0 });
const one: Reply = Object.freeze({ rows: [], affected: 1 });

/** A store and the clock that says when a row has expired. */
export interface Writer {
  readonly store: KvStore;
  readonly clock: Clock;
}

/** One row's write: its stored values in order of `table.columns`, or undefined to remove it. */
export interface RowWrite {
  readonly table: KvTable;
  readonly key: string;
  readonly row: Values | undefined;
  /** The row that is changed: its columns that this definition of the table does not have stay. */
  readonly old?: KvRow | undefined;
  /** The row as it is stored, whatever definition it was written with: only its links are made anew. */
  readonly text?: string;
  /** By version where the store has versions. */
  readonly expect?: KvExpectation | { readonly version: string } | undefined;
}

/**
 * Writes all rows or none, with the links of all indexes that the store knows of. Gives the index of the write whose
 * expectation did not hold, or undefined.
 *
 * @throws DbError `already-exists` when a unique value is another row's; one that has expired is removed
 */
export function write(writer: Writer, writes: readonly RowWrite[], signal?: AbortSignal): Awaitable<number | undefined> {
  const { byRow } = writer.store;
  if (byRow !== undefined)
    return after(writeEach(writer, byRow, writes, signal), (outcomes) => {
      const conflict = outcomes.findIndex((outcome) => !isDone(outcome));
      return conflict < 0 ? undefined : conflict;
    });
  const tables = tablesOf(writes);
  const attempt = (): Awaitable<number | undefined> =>
    after(allKnown(tables), (known) => {
      const now = writer.clock.now();
      const changes = writes.map((row) => changeOf(row, known(row.table), now)) as KvChange[];
      const checks = tables.map((table): KvCheck => known(table).check);
      return after(writer.store.write(changes, checks, signal), (result) => {
        switch (result.kind) {
          case "done":
            return undefined;
          case "conflict":
            return result.change;
          case "stale":
            tables[result.check]!.forget();
            return attempt();
          case "taken":
            return after(freeTaken(writer, writes, known, result, signal), attempt);
        }
      });
    });
  return attempt();
}

/** Writes rows of one table, each by itself, and gives what became of each. */
export function writeEach(
  writer: Writer,
  byRow: KvRowStore,
  writes: readonly RowWrite[],
  signal?: AbortSignal,
): Awaitable<readonly KvRowOutcome[]> {
  const { table } = writes[0]!;
  return after(table.known(), (known) => {
    const now = writer.clock.now();
    const written = byRow.write(writes.map((row) => changeOf(row, known, now)) as KvRowChange[], signal);
    return byRow.makeSpace === undefined
      ? after(written, (outcomes) => followWrite(() => settleLinks(writer, writes, outcomes, known, signal)))
      : written;
  });
}

/**
 * Makes the links of rows anew if the table has got an index since its definition was read: nothing checks it in the writes.
 * Whoever makes an index writes the rows again that were there when it was known, so that none is left out.
 */
async function settleLinks(
  writer: Writer,
  writes: readonly RowWrite[],
  outcomes: readonly KvRowOutcome[],
  known: Known,
  signal: AbortSignal | undefined,
): Promise<readonly KvRowOutcome[]> {
  const { table } = writes[0]!;
  if (!outcomes.includes("done")) return outcomes;
  const stored = await readStored(writer.store, table.place, signal);
  if (stored === undefined || stored.version === known.version) return outcomes;
  table.forget();
  for (const [i, { key, row }] of writes.entries())
    if (outcomes[i] === "done" && row !== undefined) await relinkAlone(writer, table, key, signal);
  return outcomes;
}

/** Writes a row again as it is, with the links that the store knows of now. */
export async function relinkAlone(writer: Writer, own: KvTable, key: string, signal: AbortSignal | undefined): Promise<void> {
  await untilSettled(async () => {
    const found = await find(writer.store, own, key, signal);
    if (found === undefined) return true;
    return (await write(writer, [asItIs(own, key, found.row, found.text, found.version)], signal)) === undefined ? true : undefined;
  }, signal);
}

/** The write of a row as it is. */
export function asItIs(own: KvTable, key: string, old: KvRow, text: string, version: string | undefined): RowWrite {
  return { table: own, key, row: own.table.columns.map(({ name }) => valueOf(old, name)), old, text, expect: asFound({ text, version }) };
}

function tablesOf(writes: readonly RowWrite[]): readonly KvTable[] {
  const { table } = writes[0]!;
  return writes.every((write) => write.table === table) ? [table] : [...new Set(writes.map((write) => write.table))];
}

type KnownTables = (table: KvTable) => Known;

function allKnown(tables: readonly KvTable[]): Awaitable<KnownTables> {
  if (tables.length === 1) return after(tables[0]!.known(), (known) => () => known);
  const all = tables.map((table) => table.known());
  const toMap = (known: readonly Known[]): KnownTables => {
    const byTable = new Map(tables.map((table, i) => [table, known[i]!]));
    return (table) => byTable.get(table)!;
  };
  return all.some((known) => known instanceof Promise) ? Promise.all(all.map(async (known) => known)).then(toMap) : toMap(all as Known[]);
}

function changeOf(
  { table, key, row, old, text, expect }: RowWrite,
  known: Known,
  now: number,
): Omit<KvChange, "expect"> & Pick<RowWrite, "expect"> {
  if (row === undefined) return { table: table.id, key, value: undefined, expect, links: [] };
  // A row that is written again as it is gets the links of a group that is being made.
  if (known.unenforced !== undefined && text === undefined) throw missingIndex(table.table, known.unenforced);
  return {
    table: table.id,
    key,
    value: text ?? table.textOf(row, old),
    expect,
    links: known.linksOf(row, old),
    expiresInMs: known.expiryOf(row, old, now),
  };
}

/** Removes the row that has a unique value, if it has expired. */
function freeTaken(
  { store, clock }: Writer,
  writes: readonly RowWrite[],
  known: KnownTables,
  { change, space, owner }: KvResult & { kind: "taken" },
  signal: AbortSignal | undefined,
): Awaitable<unknown> {
  const { table } = writes[change]!;
  const { definition, check } = known(table);
  const name = definition.indexes[space]?.name ?? space;
  const refuse = (): never => {
    throw new DbError("already-exists", `a row with this value of ${name} exists`, { table: table.table.name, detail: { unique: name } });
  };
  const { ttl } = definition;
  // The owner may be another row of this very write, which nobody has stored yet.
  if (ttl === undefined || writes.some((other) => other.table === table && other.key === owner)) return refuse();
  return after(store.get(table.id, [owner], signal), ([value]) => {
    if (value === undefined) return;
    const ends = valueOf(parseRow(value), ttl);
    if (ends === null || Number(ends) > clock.now()) return refuse();
    return store.write([{ table: table.id, key: owner, value: undefined, expect: { value }, links: [] }], [check], signal);
  });
}

// As the core's own loop of this kind.
const mostTries = 500;

/**
 * Repeats `attempt` until it gives a result: others, of whom one was faster, change the same row.
 *
 * @throws DbError `limited` when others were faster again and again
 */
export function untilSettled<T>(attempt: () => Awaitable<T | undefined>, signal: AbortSignal | undefined): Awaitable<T> {
  const first = attempt();
  return !(first instanceof Promise) && first !== undefined ? first : tryAgain(first, attempt, signal);
}

async function tryAgain<T>(
  first: Awaitable<T | undefined>,
  attempt: () => Awaitable<T | undefined>,
  signal: AbortSignal | undefined,
): Promise<T> {
  let settled = await first;
  for (let tries = 1; settled === undefined; tries++) {
    if (signal?.aborted) throw cancelledError(signal);
    if (tries === mostTries)
      throw new DbError("limited", `others changed the row ${mostTries} times while this call computed its new value`, { outcome: "none" });
    // Real time, whatever the clock says: the rivals are other processes.
    if (tries > 1) await systemClock.sleep(systemClock.random() * Math.min(50, 2 ** tries), signal);
    settled = await attempt();
  }
  return settled;
}

interface Found {
  readonly text: string;
  readonly row: KvRow;
  /** Where the store has versions. */
  readonly version: string | undefined;
}

export function find(store: KvStore, table: KvTable, key: string, signal: AbortSignal | undefined): Awaitable<Found | undefined> {
  if (store.byRow !== undefined)
    return after(
      store.byRow.read(table.id, [key], signal),
      ([found]) => found && { text: found.value, row: parseRow(found.value), version: found.version },
    );
  return after(store.get(table.id, [key], signal), ([text]) =>
    text === undefined ? undefined : { text, row: parseRow(text), version: undefined },
  );
}

/** That a row is as it was found. */
export function asFound(old: Pick<Found, "text" | "version"> | undefined): RowWrite["expect"] {
  if (old === undefined) return "absent";
  return old.version === undefined ? { value: old.text } : { version: old.version };
}

/** What `ifVersion` is compared with: the row itself where the store has no versions. */
function versionOf(old: Found | undefined): string | undefined {
  return old === undefined ? undefined : (old.version ?? old.text);
}

/** Writes a row if it is still as it was found; the reply is undefined when it is not. */
function writeIfSame(
  writer: Writer,
  row: RowWrite,
  old: Found | undefined,
  reply: Reply,
  signal: AbortSignal | undefined,
): Awaitable<Reply | undefined> {
  const written = write(writer, [{ ...row, expect: asFound(old) }], signal);
  return after(written, (conflict) => (conflict === undefined ? reply : undefined));
}

function pick(slots: readonly Slot[], values: Values): Values {
  return slots.map((slot) => values[slot]!);
}

function changed(row: Values | undefined): Reply {
  return row === undefined ? one : { rows: [row], affected: 1 };
}

export function compilePut(writer: Writer, table: KvTable, shape: PutShape): Run {
  const { over, returning, ifVersion } = shape;
  const mayReplace = compileRowTest(over, kvRows);
  const read = valuesReader(table.table.columns);
  const isBlind = returning === "none" && ifVersion === undefined;

  return (values, signal) => {
    const own: RowWrite = { table, key: table.keyOf(pick(shape.key, values)), row: pick(shape.row, values) };
    if (isBlind && isAlways(over)) return after(write(writer, [own], signal), () => one);
    const afterReading = (): Awaitable<Reply> =>
      untilSettled(
        () =>
          after(find(writer.store, table, own.key, signal), (old) => {
            if (ifVersion !== undefined && (versionOf(old) ?? null) !== values[ifVersion]) return none;
            if (old !== undefined && !mayReplace(values)(old.row)) return none;
            return writeIfSame(writer, own, old, changed(old === undefined || returning === "none" ? undefined : read(old.row)), signal);
          }),
        signal,
      );
    // Most rows that may not replace another one are new.
    if (!isBlind || isAlways(over)) return afterReading();
    return after(write(writer, [{ ...own, expect: "absent" }], signal), (conflict) => {
      if (conflict === undefined) return one;
      return isNever(over) ? none : afterReading();
    });
  };
}

/**
 * Writes several rows of different keys in one call of the store: all, or none when one cannot be written; in a row store
 * each by itself.
 */
export function compilePutGroup(
  writer: Writer,
  table: KvTable,
  shape: PutShape,
): (group: readonly Values[], signal?: AbortSignal) => Awaitable<readonly MemberReply[]> {
  const expect = isAlways(shape.over) ? undefined : ("absent" as const);
  const { byRow } = writer.store;
  const alone = byRow && compilePut(writer, table, shape);
  return (group, signal) => {
    const writes = group.map((values) => ({ table, key: table.keyOf(pick(shape.key, values)), row: pick(shape.row, values), expect }));
    if (byRow !== undefined)
      return after(writeEach(writer, byRow, writes, signal), (outcomes) =>
        Promise.all(
          outcomes.map(async (outcome, i): Promise<MemberReply> => {
            if (typeof outcome === "object") return outcome;
            if (outcome === "done") return one;
            // A row that is there may be one that has expired.
            return isNever(shape.over) ? none : settled(() => alone!(group[i]!, signal));
          }),
        ),
      );
    return after(write(writer, writes, signal), (conflict) => {
      if (conflict !== undefined) throw new DbError("already-exists", "a row of the group exists", { table: table.table.name });
      return group.map(() => one);
    });
  };
}

async function settled(work: () => Awaitable<Reply>): Promise<MemberReply> {
  try {
    return await work();
  } catch (error) {
    return { error };
  }
}

export function compileUpdate(writer: Writer, table: KvTable, shape: UpdateShape): Run {
  const { changes, insert, returning, ifVersion } = shape;
  const { columns } = table.table;
  const holds = compileRowTest(shape.guard, kvRows);
  const read = valuesReader(columns);
  const change = compileRowChanges(columns, changes, kvRows);

  return (values, signal) => {
    const key = table.keyOf(pick(shape.key, values));
    return untilSettled(
      () =>
        after(find(writer.store, table, key, signal), (old) => {
          if (ifVersion !== undefined && versionOf(old) !== values[ifVersion]) return none;
          if (old === undefined ? insert === undefined : !holds(values)(old.row)) return none;
          const row = old === undefined ? pick(insert!, values) : change(old.row, values);
          const returned = returning === "new" ? row : returning === "old" && old !== undefined ? read(old.row) : undefined;
          return writeIfSame(writer, { table, key, row, old: old?.row }, old, changed(returned), signal);
        }),
      signal,
    );
  };
}

export function compileDelete(writer: Writer, table: KvTable, shape: DeleteShape): Run {
  const holds = compileRowTest(shape.guard, kvRows);
  const read = valuesReader(table.table.columns);
  const isBlind = isAlways(shape.guard) && shape.ifVersion === undefined && shape.returning === "none";

  return (values, signal) => {
    const own: RowWrite = { table, key: table.keyOf(pick(shape.key, values)), row: undefined };
    if (isBlind) return after(write(writer, [{ ...own, expect: "present" }], signal), (conflict) => (conflict === undefined ? one : none));
    return untilSettled(
      () =>
        after(find(writer.store, table, own.key, signal), (old) => {
          if (old === undefined || !holds(values)(old.row)) return none;
          if (shape.ifVersion !== undefined && versionOf(old) !== values[shape.ifVersion]) return none;
          return writeIfSame(writer, own, old, changed(shape.returning === "old" ? read(old.row) : undefined), signal);
        }),
      signal,
    );
  };
}
