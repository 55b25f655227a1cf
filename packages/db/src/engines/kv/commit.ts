// A transaction as one write: the rows must still be as they were read.

import type { RowChange, Value } from "../../driver.js";
import { decoderOf } from "../../schema/encodings.js";
import { sameValue } from "../../schema/compare.js";
import type { Column } from "../../schema/table.js";
import { kvCodec, type KvRows, parseRow, valueOf } from "./rows.js";
import type { KvExpectation } from "./store.js";
import { write, type Writer } from "./write.js";

/**
 * Applies all changes or none; false when a row is not as its change says.
 *
 * The rows are read first: the text that the store compares may be of another definition of the table than ours.
 */
export async function commitChanges(
  writer: Writer,
  rowsOf: (table: RowChange["table"]) => KvRows,
  changes: readonly RowChange[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const planned = changes.map((change) => ({ change, rows: rowsOf(change.table), key: rowsOf(change.table).keyOf(change.key) }));
  const stored = await readAll(writer, planned, signal);
  if (!planned.every(({ change }, i) => isAsBefore(change, stored[i]))) return false;
  const now = writer.clock.now();
  const writes = planned.map(({ change, rows, key }, i) => {
    const text = stored[i];
    const expect: KvExpectation = text === undefined ? "absent" : { value: text };
    return rows.changeTo(key, change.after, now, expect, text === undefined ? undefined : parseRow(text));
  });
  const conflict = await write(
    writer,
    planned.map(({ rows }) => rows),
    writes,
    signal,
  );
  return conflict === undefined;
}

async function readAll(
  { store }: Writer,
  planned: readonly { readonly rows: KvRows; readonly key: string }[],
  signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> {
  const tables = new Map<string, string[]>();
  for (const { rows, key } of planned) {
    const keys = tables.get(rows.id);
    if (keys === undefined) tables.set(rows.id, [key]);
    else keys.push(key);
  }
  const found = new Map<string, ReadonlyMap<string, string | undefined>>();
  for (const [id, keys] of tables) {
    const values = await store.get(id, keys, signal);
    found.set(id, new Map(keys.map((key, i) => [key, values[i]])));
  }
  return planned.map(({ rows, key }) => found.get(rows.id)!.get(key));
}

function isAsBefore({ table, before }: RowChange, text: string | undefined): boolean {
  if (text === undefined || before === undefined) return text === undefined && before === undefined;
  const row = parseRow(text);
  return table.columns.every((column) => sameStored(column, valueOf(row, column.name), before[column.index] ?? null));
}

function sameStored(column: Column, a: Value, b: Value): boolean {
  if (a === b) return true;
  const decode = decoderOf(column, kvCodec);
  return sameValue(column.kind)(decode(a), decode(b));
}
