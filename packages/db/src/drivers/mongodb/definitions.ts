// What all processes know of a table beside its collection: its key and the types of its columns, in one document for each table.

import type { Document } from "mongodb";

import { storedTypeOf } from "../../engines/stored-columns.js";
import { DbError } from "../../errors.js";
import type { Column, Table } from "../../schema/table.js";
import { type Engine, firstBatch } from "./engine.js";
import { isKeyTaken, missingTable, serverCode } from "./errors.js";
import { isUniqueGroup, columnsOf } from "./indexes.js";
import type { Layout } from "./layout.js";
import { isObjectId } from "./values.js";
import { sendWrite } from "./write.js";

/** The collection of the definitions. No table of an app has such a name. */
export const definitionsName = "_bk_tables";

export interface Definition {
  readonly key: readonly string[];
  /** Stored type by column name. */
  readonly columns: Readonly<Record<string, string>>;
}

/** The type under which a column is noted: what is stored in different ways has different types. */
export function notedType(column: Column): string {
  if (column.type === "ttl") return "expiry";
  return isObjectId(column) ? "objectId" : storedTypeOf(column);
}

export async function readDefinition(engine: Engine, table: string, signal: AbortSignal | undefined): Promise<Definition | undefined> {
  const reply = await engine.send({ find: definitionsName, filter: { _id: table }, limit: 1, singleBatch: true }, signal);
  const [found] = firstBatch(reply);
  return found as Definition | undefined;
}

/** Notes a table, and columns of it, where nothing is noted yet. Whoever comes first is right. */
export async function noteColumns(
  engine: Engine,
  table: Table,
  columns: readonly Column[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const id = { _id: table.name };
  const types = columns.map((column) => [column.name, notedType(column)] as const);
  // With its columns at once: whoever finds the note may read it.
  const note = { key: table.key.map(({ name }) => name), columns: Object.fromEntries(types) };
  for (;;) {
    try {
      const made = { update: definitionsName, updates: [{ q: id, u: { $setOnInsert: note }, upsert: true }] };
      const { upserted } = await sendWrite(engine, made, signal);
      if (upserted !== undefined) return;
      break;
    } catch (error) {
      // Another process has made it just now.
      if (!isKeyTaken(error)) throw error;
    }
  }
  const updates = types.map(([name, type]) => {
    const path = `columns.${name}`;
    return { q: { ...id, [path]: { $exists: false } }, u: { $set: { [path]: type } } };
  });
  await sendWrite(engine, { update: definitionsName, updates }, signal);
}

const namespaceNotFound = 26;

/** Drops a collection, and what is noted of it. */
export async function dropCollection(engine: Engine, collection: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    // Not all servers that speak its protocol say by a code that there is none.
    if ((await readIndexes(engine, collection, signal)) !== undefined) await engine.send({ drop: collection }, signal);
  } catch (error) {
    // Another process was quicker.
    if (serverCode(error) !== namespaceNotFound) throw error;
  }
  await sendWrite(engine, { delete: definitionsName, deletes: [{ q: { _id: collection }, limit: 1 }] }, signal);
}

/** The indexes of a collection; undefined where there is none. */
export async function readIndexes(
  engine: Engine,
  collection: string,
  signal: AbortSignal | undefined,
): Promise<readonly Document[] | undefined> {
  try {
    return firstBatch(await engine.send({ listIndexes: collection, cursor: { batchSize: 1000 } }, signal));
  } catch (error) {
    if (serverCode(error) === namespaceNotFound) return undefined;
    throw error;
  }
}

/**
 * Makes sure that the store has a table as it is declared, so that a call before `sync` is told so, and no write goes where nobody keeps its unique
 * values. Rows themselves need no columns.
 *
 * @throws DbError `drift`
 */
export async function checkTable(engine: Engine, layout: Layout, signal: AbortSignal | undefined): Promise<void> {
  const { table } = layout;
  const [indexes, definition] = await Promise.all([readIndexes(engine, table.name, signal), readDefinition(engine, table.name, signal)]);
  if (indexes === undefined) throw missingTable(table.name);
  const unenforced = table.uniques.find(
    (group) =>
      !indexes.some((index) => isUniqueGroup(index) && columnsOf(index, layout)?.join() === group.columns.map(({ name }) => name).join()),
  );
  if (unenforced !== undefined)
    throw new DbError(
      "drift",
      `the unique group ${unenforced.name} of table ${table.name} does not exist in the store; call sync() first`,
      {
        table: table.name,
        outcome: "none",
      },
    );
  if (definition === undefined) return;
  const key = table.key.map(({ name }) => name);
  if (definition.key.join() !== key.join())
    throw new DbError(
      "drift",
      `table ${table.name} is stored with the key (${definition.key.join(", ")}) and declared with (${key.join(", ")})`,
      {
        table: table.name,
        outcome: "none",
      },
    );
  for (const column of table.columns) {
    const stored = definition.columns[column.name];
    if (stored !== undefined && stored !== notedType(column))
      throw new DbError(
        "drift",
        `column ${table.name}.${column.name} is stored as ${stored}, which cannot hold all values of the declared type ${column.type}`,
        { table: table.name, column: column.name, outcome: "none" },
      );
  }
}
