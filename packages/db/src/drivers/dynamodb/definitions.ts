// What all processes know of a table: the types of its columns, its indexes and unique groups. Whoever writes a row keeps
// what belongs to all of them, whatever its own definition has, so that processes with an older and a newer definition may
// write the same rows.
//
// The service does not let a put of one row depend on another item for the price of one. So what a process knows is good for
// a lease: it is read again before a write when it is older, and `sync` waits for two leases after it has noted a new
// index, before it gives the rows that are there what belongs to it.

import { systemClock } from "@bk/core";
import { storedColumn, storedTypeOf } from "../../engines/stored-columns.js";
import type { Column, Index, Table } from "../../schema/table.js";
import type { Engine } from "./engine.js";
import { isMissingTable } from "./errors.js";
import { isConditionFailure } from "./guard.js";
import { type Layout, layoutOf } from "./layout.js";

interface NotedIndex {
  readonly columns: readonly string[];
  readonly unique: boolean;
}

export interface Definition {
  /** Stored type by column name. */
  readonly columns: Readonly<Record<string, string>>;
  readonly indexes: readonly NotedIndex[];
  readonly ttl?: string;
}

/** The key attribute of the system table. */
export const systemKey = "id";

export function definitionOf({ columns, indexes, uniques, ttl }: Table): Definition {
  return {
    columns: Object.fromEntries(columns.map((column) => [column.name, storedTypeOf(column)])),
    indexes: [...indexes, ...uniques].map(noted),
    ...(ttl === undefined ? {} : { ttl: ttl.name }),
  };
}

export function noted({ columns, unique }: Index): NotedIndex {
  return { columns: columns.map(({ name }) => name), unique };
}

export function isSameIndex(a: NotedIndex, b: NotedIndex): boolean {
  return a.unique === b.unique && a.columns.join() === b.columns.join();
}

interface StoredText {
  readonly text: string;
  readonly definition: Definition;
}

/** No claim has this id: those have a dot before the bar. */
function keyOf({ tableName }: Layout): { [systemKey]: { S: string } } {
  return { [systemKey]: { S: `definition|${tableName}` } };
}

export async function readDefinition(engine: Engine, layout: Layout, signal: AbortSignal | undefined): Promise<StoredText | undefined> {
  const input = { TableName: layout.systemName, Key: keyOf(layout), ConsistentRead: true };
  try {
    const { Item } = await engine.request((client, options) => client.getItem(input, options), signal);
    const text = Item?.["definition"]?.S;
    return text === undefined ? undefined : { text, definition: JSON.parse(text) as Definition };
  } catch (error) {
    // Tables of other programs have been made without one.
    if (isMissingTable(error)) return undefined;
    throw error;
  }
}

/** Changes what is known of a table; others may do so at the same time. */
export async function amendDefinition(
  engine: Engine,
  layout: Layout,
  change: (old: Definition) => Definition,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    const old = await readDefinition(engine, layout, signal);
    const text = JSON.stringify(change(old?.definition ?? { ...definitionOf(layout.table), indexes: [] }));
    if (text === old?.text) return;
    const input = {
      TableName: layout.systemName,
      Item: { ...keyOf(layout), definition: { S: text } },
      ...(old === undefined
        ? { ConditionExpression: "attribute_not_exists(#id)", ExpressionAttributeNames: { "#id": systemKey } }
        : {
            ConditionExpression: "#definition = :old",
            ExpressionAttributeNames: { "#definition": "definition" },
            ExpressionAttributeValues: { ":old": { S: old.text } },
          }),
    };
    try {
      await engine.request((client, options) => client.putItem(input, options), signal);
      return;
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
    }
  }
}

export async function deleteDefinition(engine: Engine, layout: Layout, signal: AbortSignal | undefined): Promise<void> {
  const input = { TableName: layout.systemName, Key: keyOf(layout) };
  try {
    await engine.request((client, options) => client.deleteItem(input, options), signal);
  } catch (error) {
    if (!isMissingTable(error)) throw error;
  }
}

/** The layout of a table with what other definitions of it have beside. */
function extended(base: Layout, definition: Definition | undefined): Layout {
  if (definition === undefined) return base;
  const { table } = base;
  const own = [...table.indexes, ...table.uniques].map(noted);
  const others = definition.indexes.filter((index) => !own.some((one) => isSameIndex(one, index)));
  const ttl = table.ttl === undefined ? definition.ttl : undefined;
  if (others.length === 0 && ttl === undefined) return base;
  const columns: Column[] = [...table.columns];
  const columnOf = (name: string): Column => {
    const known = columns.find((column) => column.name === name);
    if (known !== undefined) return known;
    const column = storedColumn(name, definition.columns[name]!, false, columns.length);
    columns.push(column);
    return column;
  };
  const more = others.map(({ columns: names, unique }): Index => ({ name: names.join("_"), columns: names.map(columnOf), unique }));
  const ends = ttl === undefined ? table.ttl : columnOf(ttl);
  return layoutOf(
    {
      ...table,
      columns,
      ttl: ends,
      indexes: [...table.indexes, ...more.filter(({ unique }) => !unique)],
      uniques: [...table.uniques, ...more.filter(({ unique }) => unique)],
    },
    base.prefix,
  );
}

interface Lease {
  readonly layout: Layout;
  readonly text: string | undefined;
  /** When the reading began. */
  readonly since: number;
}

/** Gives the layout that writes of a table keep to. */
export interface WriteLayouts {
  layoutFor(engine: Engine, base: Layout): Layout | Promise<Layout>;
}

export function writeLayouts(leaseMs: number): WriteLayouts {
  const leases = new WeakMap<Layout, Lease>();
  const reading = new WeakMap<Layout, Promise<Layout>>();
  // Real time, whatever the clock of the database says: the lease is kept with other processes.
  const read = async (engine: Engine, base: Layout): Promise<Layout> => {
    const since = systemClock.now();
    const stored = await readDefinition(engine, base, undefined);
    const old = leases.get(base);
    const layout = old !== undefined && old.text === stored?.text ? old.layout : extended(base, stored?.definition);
    leases.set(base, { layout, text: stored?.text, since });
    return layout;
  };
  const refresh = (engine: Engine, base: Layout): Promise<Layout> => {
    let running = reading.get(base);
    if (running === undefined) {
      running = read(engine, base).finally(() => reading.delete(base));
      reading.set(base, running);
    }
    return running;
  };
  return {
    layoutFor(engine, base) {
      const lease = leases.get(base);
      const age = lease === undefined ? Infinity : systemClock.now() - lease.since;
      if (lease === undefined || age >= leaseMs || age < 0) return refresh(engine, base);
      // Read ahead, so that no call waits; one that finds the lease over asks again and gets the error.
      if (age >= leaseMs / 2) void refresh(engine, base).catch(() => undefined);
      return lease.layout;
    },
  };
}
