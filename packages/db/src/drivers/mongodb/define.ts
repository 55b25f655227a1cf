import type { Document } from "mongodb";

import type { DefineShape } from "../../driver.js";
import { sharedValues } from "../../engines/sql/unique-conflict.js";
import type { Index } from "../../schema/table.js";
import { type MongoCommand, noRows } from "./command.js";
import { noteColumns } from "./definitions.js";
import type { Engine } from "./engine.js";
import { serverCode, takenIndex } from "./errors.js";
import { expiryIndex, indexSpec } from "./indexes.js";
import type { Layout } from "./layout.js";

const namespaceExists = 48;
/** Another index has the name or the fields. `sync` looks afterwards whether that one serves. */
const otherIndex: ReadonlySet<number | undefined> = new Set([85, 86]);

export function compileDefine({ table, step }: DefineShape, layout: Layout): MongoCommand {
  const { ttl } = table;

  async function make(engine: Engine, signal: AbortSignal | undefined): Promise<void> {
    switch (step.kind) {
      case "table":
        await createCollection(engine, table.name, signal);
        if (ttl !== undefined) await createIndex(engine, table.name, expiryIndex(ttl), signal);
        return noteColumns(engine, table, table.columns, signal);
      case "column":
        if (step.column === ttl) await createIndex(engine, table.name, expiryIndex(ttl), signal);
        return noteColumns(engine, table, [...table.key, step.column], signal);
      case "index":
        return createGroup(engine, layout, step.index, signal);
      case "search":
    }
  }

  return {
    table,
    isSchema: true,
    describe() {
      if (step.kind === "index") return { createIndexes: table.name, indexes: [indexSpec(step.index, layout)] };
      const expiry = ttl === undefined || (step.kind === "column" && step.column !== ttl) ? [] : [expiryIndex(ttl)];
      const indexes = expiry.length === 0 ? [] : [{ createIndexes: table.name, indexes: expiry }];
      const note = { note: table.name, columns: (step.kind === "column" ? [step.column] : table.columns).map(({ name }) => name) };
      return [...(step.kind === "table" ? [{ create: table.name }] : []), ...indexes, note];
    },
    async run(engine, _values, signal) {
      await make(engine, signal);
      return noRows;
    },
  };
}

async function createCollection(engine: Engine, create: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await engine.send({ create }, signal);
  } catch (error) {
    if (serverCode(error) !== namespaceExists) throw error;
  }
}

async function createIndex(engine: Engine, collection: string, index: Document, signal: AbortSignal | undefined): Promise<void> {
  try {
    await engine.send({ createIndexes: collection, indexes: [index] }, signal);
  } catch (error) {
    if (!otherIndex.has(serverCode(error))) throw error;
  }
}

async function createGroup(engine: Engine, layout: Layout, index: Index, signal: AbortSignal | undefined): Promise<void> {
  try {
    await createIndex(engine, layout.table.name, indexSpec(index, layout), signal);
  } catch (error) {
    if (index.unique && takenIndex(error) !== undefined) throw sharedValues(layout.table, index, error);
    throw error;
  }
}
