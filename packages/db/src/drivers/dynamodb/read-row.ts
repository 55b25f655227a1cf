import type { Values } from "../../driver.js";
import type { Item } from "./attributes.js";
import type { Engine } from "./engine.js";
import { type Layout, rowOf } from "./layout.js";

/** Reads a row, with all its columns, as last written. */
export async function readRow(engine: Engine, layout: Layout, key: Item, signal: AbortSignal | undefined): Promise<Values | undefined> {
  const input = { TableName: layout.tableName, Key: key, ConsistentRead: true };
  const { Item } = await engine.request((client, options) => client.getItem(input, options), signal);
  return Item === undefined ? undefined : rowOf(layout.table.columns, Item);
}
