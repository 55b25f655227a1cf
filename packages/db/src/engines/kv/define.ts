// What the store knows of a table: the indexes that its rows have links for. One row for each table, in a table whose
// name no app can use.

import type { DefineShape, Reply, StoredTable, Value } from "../../driver.js";
import type { Index, Table } from "../../schema/table.js";
import { type KvRows, parseRow, spaceOf } from "./rows.js";
import { justAfter, type KvStore } from "./store.js";
import { untilSettled, write, type Writer } from "./write.js";

/** The table that holds what is known of the others. */
export const schemaTable = "_schema";

const pageSize = 200;

/** Columns of the known indexes by their names in the store. */
type Known = Readonly<Record<string, readonly string[]>>;

async function readKnown(store: KvStore, id: string, signal: AbortSignal | undefined): Promise<{ text: string; known: Known } | undefined> {
  const [text] = await store.get(schemaTable, [id], signal);
  return text === undefined ? undefined : { text, known: parseRow(text) as unknown as Known };
}

export async function inspect({ store }: Writer, rows: KvRows, signal?: AbortSignal): Promise<Reply> {
  const stored = await readKnown(store, rows.id, signal);
  return { rows: [], affected: 0, stored: stored && storedTable(stored.known) };
}

function storedTable(known: Known): StoredTable {
  const indexes = Object.entries(known).map(([space, columns]) => [space, { columns, unique: space.startsWith("u.") }] as const);
  return { columns: new Map(), key: undefined, indexes: new Map(indexes) };
}

export async function define(writer: Writer, rows: KvRows, { step }: DefineShape, signal?: AbortSignal): Promise<Reply> {
  if (step.kind === "index") await buildIndex(writer, rows, signal);
  if (step.kind === "index" || step.kind === "table") await note(writer, rows, step.kind === "index" ? step.index : undefined, signal);
  return { rows: [], affected: 0 };
}

/** Adds to what is known of a table; others may do so at the same time. */
async function note({ store, clock }: Writer, rows: KvRows, index: Index | undefined, signal: AbortSignal | undefined): Promise<void> {
  await untilSettled(
    async () => {
      const old = await readKnown(store, rows.id, signal);
      const added = index === undefined ? {} : { [spaceOf(index)]: index.columns.map((column) => column.name) };
      const value = JSON.stringify({ ...old?.known, ...added });
      if (value === old?.text) return true;
      const expect = old === undefined ? "absent" : { value: old.text };
      const result = await store.write([{ table: schemaTable, key: rows.id, value, expect, links: [] }], signal);
      return result.kind === "done" ? true : undefined;
    },
    clock,
    signal,
  );
}

/**
 * Gives every row the links that the table now declares, by writing it again as it is. Whoever writes a row meanwhile
 * writes all declared links, so that a row that has changed since it was read needs nothing more.
 */
async function buildIndex(writer: Writer, rows: KvRows, signal: AbortSignal | undefined): Promise<void> {
  let from = "";
  for (;;) {
    const page = await writer.store.range(
      rows.id,
      { space: undefined, from, to: undefined },
      { descending: false, limit: pageSize },
      signal,
    );
    const keys = page.entries.map(({ entry }) => entry);
    if ((await relink(writer, rows, page.entries, signal)) !== undefined)
      for (const key of keys) await relinkAlone(writer, rows, key, signal);
    if (page.end === undefined) return;
    from = justAfter(page.end);
  }
}

async function relink(
  writer: Writer,
  rows: KvRows,
  found: readonly { readonly entry: string; readonly value: string }[],
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (found.length === 0) return undefined;
  const now = writer.clock.now();
  // The text stays as it is, whatever definition it was written with; only the links are made anew.
  const changes = found.map(({ entry, value }) => ({
    ...rows.changeTo(entry, valuesInOrder(rows.table, value), now, { value }),
    value,
  }));
  return write(
    writer,
    found.map(() => rows),
    changes,
    signal,
  );
}

function relinkAlone(writer: Writer, rows: KvRows, key: string, signal: AbortSignal | undefined): Promise<true> {
  return untilSettled(
    async () => {
      const [value] = await writer.store.get(rows.id, [key], signal);
      if (value === undefined) return true as const;
      return (await relink(writer, rows, [{ entry: key, value }], signal)) === undefined ? (true as const) : undefined;
    },
    writer.clock,
    signal,
  );
}

function valuesInOrder(table: Table, text: string): Value[] {
  const row = parseRow(text);
  return table.columns.map(({ name }) => (Object.hasOwn(row, name) ? row[name]! : null));
}
