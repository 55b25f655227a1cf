import type { Values } from "../../driver.js";
import type { Item } from "./attributes.js";
import type { Engine } from "./engine.js";
import { type Layout, rowOf } from "./layout.js";
import { versionOf } from "./versions.js";

/** A row as it was read. */
export interface Found {
  readonly row: Values;
  readonly version: string;
  /** With the attributes of other programs. */
  readonly item: Item;
}

/** Reads a row, with all its columns, as last written. */
export async function readRow(engine: Engine, layout: Layout, key: Item, signal: AbortSignal | undefined): Promise<Found | undefined> {
  const input = { TableName: layout.tableName, Key: key, ConsistentRead: true };
  const { Item } = await engine.request((client, options) => client.getItem(input, options), signal);
  return Item === undefined ? undefined : { row: rowOf(layout.table.columns, Item), version: versionOf(Item), item: Item };
}
