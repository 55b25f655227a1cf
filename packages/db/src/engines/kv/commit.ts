// A transaction as one write: the rows must still be as they were read.

import type { RowChange, Value } from "../../driver.js";
import { decoderOf } from "../../schema/encodings.js";
import { sameValue } from "../../schema/compare.js";
import type { Column } from "../../schema/table.js";
import { kvCodec, parseRow, valueOf } from "./rows.js";
import type { KvTable } from "./table.js";
import { type RowWrite, write, type Writer } from "./write.js";

interface Planned {
  readonly change: RowChange;
  readonly table: KvTable;
  readonly key: string;
}

/**
 * Applies all changes or none; false when a row is not as its change says.
 *
 * The rows are read first: the text that the store compares may be of another definition of the table than ours.
 */
export async function commitChanges(
  writer: Writer,
  tableOf: (table: RowChange["table"]) => KvTable,
  changes: readonly RowChange[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const planned = changes.map((change): Planned => {
    const table = tableOf(change.table);
    return { change, table, key: table.keyOf(change.key) };
  });
  const stored = await readAll(writer, planned, signal);
  if (!planned.every(({ change }, i) => isAsBefore(change, stored[i]))) return false;
  const writes = planned.map(({ change, table, key }, i): RowWrite => {
    const text = stored[i];
    return text === undefined
      ? { table, key, row: change.after, expect: "absent" }
      : { table, key, row: change.after, expect: { value: text }, old: parseRow(text) };
  });
  return (await write(writer, writes, signal)) === undefined;
}

async function readAll({ store }: Writer, planned: readonly Planned[], signal: AbortSignal | undefined): Promise<(string | undefined)[]> {
  const tables = new Map<string, string[]>();
  for (const { table, key } of planned) {
    const keys = tables.get(table.id);
    if (keys === undefined) tables.set(table.id, [key]);
    else keys.push(key);
  }
  const found = new Map<string, ReadonlyMap<string, string | undefined>>();
  for (const [id, keys] of tables) {
    const values = await store.get(id, keys, signal);
    found.set(id, new Map(keys.map((key, i) => [key, values[i]])));
  }
  return planned.map(({ table, key }) => found.get(table.id)!.get(key));
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
