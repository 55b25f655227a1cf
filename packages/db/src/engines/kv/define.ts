// Makes what the store shall know of a table, and gives rows the links of an index that is declared later.

import type { DefineShape, Reply, StoredTable } from "../../driver.js";
import { DbError } from "../../errors.js";
import { storedTypeOf } from "../stored-columns.js";
import { encodeKey, textAfterPrefix } from "../../schema/ordered-text.js";
import type { Column, Table } from "../../schema/table.js";
import {
  columnsIn,
  type Definition,
  definitionOf,
  endsIndex,
  endsSpace,
  otherType,
  readStored,
  type StoredIndex,
  storedIndex,
} from "./definition.js";
import { parseRow, spaceOf } from "./rows.js";
import { justAfter, keyOfEntry, type KvChange, type KvStore } from "./store.js";
import type { KvTable } from "./table.js";
import { isDone } from "./row-store.js";
import { asFound, asItIs, relinkAlone, type RowWrite, untilSettled, write, writeEach, type Writer } from "./write.js";

const pageSize = 200;
const nothing: Reply = Object.freeze({ rows: [], affected: 0 });

export async function inspect({ store }: Writer, { table, id, place }: KvTable, signal?: AbortSignal): Promise<Reply> {
  const stored = await readStored(store, place, signal);
  if (stored === undefined) return { ...nothing, stored: undefined };
  const { definition } = stored;
  const gone = new Set<string>();
  for (const [space, { columns }] of Object.entries(definition.indexes))
    if ((await store.byRow?.hasSpace?.(id, space, columnsIn(definition, columns), signal)) === false) gone.add(space);
  return { ...nothing, stored: storedTable(definition, table, gone) };
}

/** What is not ready is not reported, so that whoever syncs next goes on with it. */
function storedTable({ key, columns, indexes, ttl }: Definition, table: Table, gone: ReadonlySet<string>): StoredTable {
  const ready = Object.entries(indexes).filter(([space, index]) => index.ready && space !== endsSpace && !gone.has(space));
  const isKnown = (name: string): boolean => name !== table.ttl?.name || name === ttl;
  return {
    columns: new Map(Object.entries(columns).filter(([name]) => isKnown(name))),
    key,
    indexes: new Map(ready),
  };
}

/** @param keepsEnds  the store does not drop rows by itself: a sweep has to find those that have expired */
export async function define(
  writer: Writer,
  own: KvTable,
  { step }: DefineShape,
  keepsEnds: boolean,
  signal?: AbortSignal,
): Promise<Reply> {
  const { table } = own;
  switch (step.kind) {
    case "table":
      await makeTable(writer, own, keepsEnds, signal);
      break;
    case "column":
      await amend(writer, own, (old) => withColumn(table, old, step.column, keepsEnds), signal);
      if (step.column === table.ttl && keepsEnds) await build(writer, own, endsSpace, signal);
      break;
    case "index": {
      const space = spaceOf(step.index);
      await amend(writer, own, (old) => withIndex(old, space, storedIndex(step.index, false)), signal);
      await build(writer, own, space, signal);
      break;
    }
    case "search":
      throw new DbError("unsupported", "this store has no full-text search", { table: table.name });
  }
  return nothing;
}

/** A table without rows is made with its indexes; nobody can write a row before the store knows the table. */
async function makeTable(writer: Writer, own: KvTable, keepsEnds: boolean, signal: AbortSignal | undefined): Promise<void> {
  const { table } = own;
  const whole = { space: undefined, from: "", to: undefined };
  const { entries } = await writer.store.range(own.id, whole, { descending: false, limit: 1 }, signal);
  const declared = definitionOf(table, entries.length === 0, keepsEnds);
  if (entries.length === 0) for (const space of Object.keys(declared.indexes)) await makeSpace(writer, own, declared, space, signal);
  await amend(
    writer,
    own,
    (old) => (old === undefined ? declared : table.columns.reduce((one, column) => withColumn(table, one, column, keepsEnds), old)),
    signal,
  );
}

function withColumn(table: Table, old: Definition | undefined, column: Column, keepsEnds: boolean): Definition {
  if (old === undefined) throw gone(table);
  const type = Object.hasOwn(old.columns, column.name) ? old.columns[column.name] : undefined;
  if (type !== undefined && type !== storedTypeOf(column)) throw otherType(table, column, type);
  const next = { ...old, columns: { ...old.columns, [column.name]: storedTypeOf(column) } };
  if (column !== table.ttl || old.ttl === column.name) return next;
  return { ...next, ttl: column.name, indexes: { ...old.indexes, ...(keepsEnds ? endsIndex(column, false) : {}) } };
}

function withIndex(old: Definition | undefined, space: string, index: StoredIndex): Definition | undefined {
  if (old === undefined || Object.hasOwn(old.indexes, space)) return old;
  return { ...old, indexes: { ...old.indexes, [space]: index } };
}

function gone({ name }: Table): DbError {
  return new DbError("drift", `table ${name} does not exist in the store any more; call sync() again`, { table: name });
}

/** Changes what the store knows of a table; others may do so at the same time. */
async function amend(
  { store, clock }: Writer,
  own: KvTable,
  change: (old: Definition | undefined) => Definition | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { table, versionKey, definitionKey } = own.place;
  await untilSettled(async () => {
    const old = await readStored(store, own.place, signal);
    const next = change(old?.definition);
    if (next === undefined) throw gone(own.table);
    const text = JSON.stringify(next);
    if (text === old?.text) return true;
    const definition: KvChange = { table, key: definitionKey, value: text, links: [] };
    if (store.byRow !== undefined) {
      const expect = old === undefined ? "absent" : { value: old.text };
      return (await store.write([{ ...definition, expect }], [], signal)).kind === "done" ? true : undefined;
    }
    const rows: KvChange[] = [
      {
        table,
        key: versionKey,
        value: newVersion(old?.version, clock.random()),
        expect: old === undefined ? "absent" : { value: old.version },
        links: [],
      },
      definition,
    ];
    return (await store.write(rows, [], signal)).kind === "done" ? true : undefined;
  }, signal);
  own.forget();
}

/** Grows, and differs from that of a table which was dropped and made anew. */
function newVersion(old: string | undefined, random: number): string {
  return `${Number.parseInt(old ?? "0", 10) + 1}.${random.toString(36).slice(2, 10)}`;
}

/**
 * Gives every row the links of an index, by writing it again as it is. Whoever writes a row meanwhile makes these links,
 * since the store knows of the index, so that a row that has changed since it was read needs nothing more. A unique group
 * that the rows do not allow is forgotten again.
 */
async function build(writer: Writer, own: KvTable, space: string, signal: AbortSignal | undefined): Promise<void> {
  const known = await own.known();
  if (known.definition.indexes[space]?.ready === true) return makeSpace(writer, own, known.definition, space, signal);
  const change = (index: object | undefined) => (old: Definition | undefined) => {
    if (old === undefined) return undefined;
    const { [space]: before, ...others } = old.indexes;
    return { ...old, indexes: before === undefined || index === undefined ? others : { ...others, [space]: { ...before, ...index } } };
  };
  try {
    await makeSpace(writer, own, known.definition, space, signal);
    if (writer.store.byRow?.makeSpace === undefined) await relinkAll(writer, own, signal);
  } catch (error) {
    if (error instanceof DbError && error.code === "already-exists" && error.detail?.["unique"] === known.definition.indexes[space]?.name)
      await amend(writer, own, change(undefined), signal);
    throw error;
  }
  await amend(writer, own, change({ ready: true }), signal);
}

/** Has a store that makes the entries of spaces by itself make those of one. */
async function makeSpace(
  { store }: Writer,
  own: KvTable,
  definition: Definition,
  space: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await store.byRow?.makeSpace?.(own.id, space, columnsIn(definition, definition.indexes[space]!.columns), signal);
}

async function relinkAll(writer: Writer, own: KvTable, signal: AbortSignal | undefined): Promise<void> {
  let from = "";
  for (;;) {
    const range = { space: undefined, from, to: undefined };
    const page = await writer.store.range(own.id, range, { descending: false, limit: pageSize }, signal);
    const rows = page.entries.map(({ entry, value, version }) => asItIs(own, entry, parseRow(value), value, version));
    if (rows.length > 0 && (await write(writer, rows, signal)) !== undefined)
      for (const { key } of rows) await relinkAlone(writer, own, key, signal);
    if (page.end === undefined) return;
    from = justAfter(page.end);
  }
}

/**
 * Drops a table: its rows with their links, then what the store knows of it, then what was written meanwhile. Whoever knows the table is refused
 * from then on.
 */
export async function drop({ store }: Writer, own: KvTable, signal?: AbortSignal): Promise<void> {
  const { table, versionKey, definitionKey } = own.place;
  await removeAll(store, own.id, signal);
  await store.write(
    [versionKey, definitionKey].map((key) => ({ table, key, value: undefined, links: [] })),
    [],
    signal,
  );
  own.forget();
  await removeAll(store, own.id, signal);
}

async function removeAll(store: KvStore, table: string, signal: AbortSignal | undefined): Promise<void> {
  let from = "";
  for (;;) {
    const page = await store.range(table, { space: undefined, from, to: undefined }, { descending: false, limit: pageSize }, signal);
    const rows = page.entries.map(({ entry }): KvChange => ({ table, key: entry, value: undefined, links: [] }));
    if (rows.length > 0) await store.write(rows, [], signal);
    if (page.end === undefined) return;
    from = justAfter(page.end);
  }
}

/**
 * Removes rows whose time was over by `before`, and gives their number. A row that is changed meanwhile is left alone.
 * Only for stores that do not drop rows by themselves.
 */
export async function sweep(writer: Writer, own: KvTable, before: number, signal?: AbortSignal): Promise<number> {
  const { ttl } = own.table;
  if (ttl === undefined) return 0;
  await own.known();
  const to = textAfterPrefix(encodeKey([ttl], [ttl.kind === "time" ? new Date(before) : before]));
  let from = "";
  let removed = 0;
  for (;;) {
    const page = await writer.store.range(own.id, { space: endsSpace, from, to }, { descending: false, limit: pageSize }, signal);
    const rows = page.entries.map(({ entry, value, version }): RowWrite => ({
      table: own,
      key: keyOfEntry(entry),
      row: undefined,
      expect: asFound({ text: value, version }),
    }));
    const { byRow } = writer.store;
    if (byRow !== undefined) removed += rows.length === 0 ? 0 : (await writeEach(writer, byRow, rows, signal)).filter(isDone).length;
    else if (rows.length > 0 && (await write(writer, rows, signal)) === undefined) removed += rows.length;
    else for (const row of rows) if ((await write(writer, [row], signal)) === undefined) removed++;
    if (page.end === undefined) return removed;
    from = justAfter(page.end);
  }
}
