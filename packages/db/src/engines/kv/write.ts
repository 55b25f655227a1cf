// Writes of one row: what cannot be said blindly is read, computed and written if the row is still the same.

import { cancelledError, type Clock, systemClock } from "@bk/core";
import { applyChanges } from "../../reference/apply-changes.js";
import { type Condition, conjuncts, isAlways, isNever, type Slot, testsOf } from "../../reference/condition.js";
import { slotDecoder } from "../decode-slots.js";
import { compileMatcher } from "../../reference/matches.js";
import type { DeleteShape, PutShape, Reply, UpdateShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { encoderOf } from "../../schema/encodings.js";
import { kvCodec, type KvRow, type KvRows, logicalReader, parseRow, valueOf, valuesReader } from "./rows.js";
import type { KvChange, KvResult, KvStore } from "./store.js";

type Run = (values: Values, signal?: AbortSignal) => Promise<Reply>;

const none: Reply = Object.freeze({ rows: [], affected: 0 });
const one: Reply = Object.freeze({ rows: [], affected: 1 });

/** A store and the clock that says when a row's time has come. */
export interface Writer {
  readonly store: KvStore;
  readonly clock: Clock;
}

/**
 * Writes all changes or none, and gives the index of the change whose expectation did not hold, or undefined.
 *
 * @param rows  of the table of each change
 * @throws DbError `already-exists` when a unique value is another row's; one whose time has come is removed
 */
export async function write(
  { store, clock }: Writer,
  rows: readonly KvRows[],
  changes: readonly KvChange[],
  signal?: AbortSignal,
): Promise<number | undefined> {
  for (;;) {
    const result = await store.write(changes, signal);
    if (result.kind === "done") return undefined;
    if (result.kind === "conflict") return result.change;
    const { table } = rows[result.change]!;
    // The owner may be another row of this very write, which nobody has stored yet.
    const { id } = rows[result.change]!;
    const isOurs = changes.some((change) => change.table === id && change.key === result.owner);
    if (!isOurs && (await ownerIsGone({ store, clock }, rows[result.change]!, result, signal))) continue;
    const group = table.uniques.find(({ columns }) => ["u", ...columns.map(({ name }) => name)].join(".") === result.space);
    throw new DbError("already-exists", `a row with this value of ${group?.name ?? result.space} exists`, {
      table: table.name,
      detail: { unique: group?.name ?? result.space },
    });
  }
}

async function ownerIsGone(
  { store, clock }: Writer,
  { table, id }: KvRows,
  { owner }: KvResult & { kind: "taken" },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (table.ttl === undefined) return false;
  const [value] = await store.get(id, [owner], signal);
  if (value === undefined) return true;
  const ends = valueOf(parseRow(value), table.ttl.name);
  if (ends === null || Number(ends) > clock.now()) return false;
  await store.write([{ table: id, key: owner, value: undefined, expect: { value }, links: [] }], signal);
  return true;
}

/** Repeats `attempt` until it gives a reply: others, of whom one was faster, change the same row. */
export async function untilSettled<T>(attempt: () => Promise<T | undefined>, clock: Clock, signal: AbortSignal | undefined): Promise<T> {
  for (let tries = 1; ; tries++) {
    const settled = await attempt();
    if (settled !== undefined) return settled;
    if (signal?.aborted) throw cancelledError(signal);
    // Real time, whatever the clock says: the rivals are other processes.
    if (tries > 1) await systemClock.sleep(clock.random() * Math.min(50, 2 ** tries), signal);
  }
}

interface Found {
  readonly text: string;
  readonly row: KvRow;
}

async function find(store: KvStore, rows: KvRows, key: string, signal: AbortSignal | undefined): Promise<Found | undefined> {
  const [text] = await store.get(rows.id, [key], signal);
  return text === undefined ? undefined : { text, row: parseRow(text) };
}

function pick(slots: readonly Slot[], values: Values): Values {
  return slots.map((slot) => values[slot]!);
}

function compileGuard(rows: KvRows, condition: Condition): (row: KvRow, values: Values) => boolean {
  const tests = [...testsOf(condition)];
  const matches = compileMatcher(condition, (column) => column.index);
  const toLogical = logicalReader(rows.table.columns.filter((column) => tests.some((test) => test.column === column)));
  const decode = slotDecoder({ tests }, kvCodec);
  return (row, values) => matches(toLogical(row), decode(values));
}

export function compilePut(writer: Writer, rows: KvRows, shape: PutShape): Run {
  const { store, clock } = writer;
  const adds = !isAlways(shape.over);
  const isReplaceable = isNever(shape.over) || !adds ? undefined : compileGuard(rows, shape.over);
  const read = valuesReader(rows.table.columns);
  const isBlind = !adds && shape.returning === "none";

  return async (values, signal) => {
    const key = rows.keyOf(pick(shape.key, values));
    const row = pick(shape.row, values);
    if (isBlind) {
      await write(writer, [rows], [rows.changeTo(key, row, clock.now())], signal);
      return one;
    }
    if (adds) {
      const conflict = await write(writer, [rows], [rows.changeTo(key, row, clock.now(), "absent")], signal);
      if (conflict === undefined) return one;
      if (isReplaceable === undefined) return none;
    }
    return untilSettled(
      async () => {
        const old = await find(store, rows, key, signal);
        if (old !== undefined && adds && !isReplaceable!(old.row, values)) return none;
        const expect = old === undefined ? "absent" : { value: old.text };
        const conflict = await write(writer, [rows], [rows.changeTo(key, row, clock.now(), expect)], signal);
        if (conflict !== undefined) return undefined;
        return { rows: old === undefined || shape.returning === "none" ? [] : [read(old.row)], affected: 1 };
      },
      clock,
      signal,
    );
  };
}

/** Writes several rows of different keys in one call of the store: all, or none when one cannot be written. */
export function compilePutGroup(
  writer: Writer,
  rows: KvRows,
  shape: PutShape,
): (group: readonly Values[], signal?: AbortSignal) => Promise<Reply[]> {
  return async (group, signal) => {
    const now = writer.clock.now();
    const expect = isAlways(shape.over) ? undefined : "absent";
    const changes = group.map((values) => rows.changeTo(rows.keyOf(pick(shape.key, values)), pick(shape.row, values), now, expect));
    const conflict = await write(
      writer,
      group.map(() => rows),
      changes,
      signal,
    );
    if (conflict !== undefined) throw new DbError("already-exists", "a row of the group exists", { table: rows.table.name });
    return group.map(() => one);
  };
}

export function compileUpdate(writer: Writer, rows: KvRows, shape: UpdateShape): Run {
  const { store, clock } = writer;
  const { table } = rows;
  const { changes, insert, returning } = shape;
  const isGuarded = conjuncts(shape.guard).length > 0;
  const holds = compileGuard(rows, shape.guard);
  const read = valuesReader(table.columns);
  const toLogical = logicalReader(table.columns);
  const decode = slotDecoder({ changes }, kvCodec);
  const encoders = table.columns.map((column) => encoderOf(column, kvCodec));
  const changed = (row: KvRow, values: Values): Values => {
    const logical = applyChanges(changes, toLogical(row), decode(values));
    return encoders.map((encode, i) => encode(logical[i]));
  };

  return (values, signal) => {
    const key = rows.keyOf(pick(shape.key, values));
    return untilSettled(
      async () => {
        const old = await find(store, rows, key, signal);
        if (old === undefined ? insert === undefined : isGuarded && !holds(old.row, values)) return none;
        const row = old === undefined ? pick(insert!, values) : changed(old.row, values);
        const expect = old === undefined ? "absent" : { value: old.text };
        const change = rows.changeTo(key, row, clock.now(), expect, old?.row);
        if ((await write(writer, [rows], [change], signal)) !== undefined) return undefined;
        const returned = returning === "new" ? row : returning === "old" && old !== undefined ? read(old.row) : undefined;
        return { rows: returned === undefined ? [] : [returned], affected: 1 };
      },
      clock,
      signal,
    );
  };
}

export function compileDelete(writer: Writer, rows: KvRows, shape: DeleteShape): Run {
  const { store, clock } = writer;
  const holds = compileGuard(rows, shape.guard);
  const read = valuesReader(rows.table.columns);
  const isBlind = conjuncts(shape.guard).length === 0 && shape.returning === "none";

  return async (values, signal) => {
    const key = rows.keyOf(pick(shape.key, values));
    if (isBlind) {
      const conflict = await write(writer, [rows], [rows.changeTo(key, undefined, clock.now(), "present")], signal);
      return conflict === undefined ? one : none;
    }
    return untilSettled(
      async () => {
        const old = await find(store, rows, key, signal);
        if (old === undefined || !holds(old.row, values)) return none;
        const change = rows.changeTo(key, undefined, clock.now(), { value: old.text });
        if ((await write(writer, [rows], [change], signal)) !== undefined) return undefined;
        return { rows: shape.returning === "old" ? [read(old.row)] : [], affected: 1 };
      },
      clock,
      signal,
    );
  };
}
