import type { Document } from "mongodb";

import type { InspectShape, StoredTable } from "../../driver.js";
import { type Column, type Kind } from "../../schema/table.js";
import { type MongoCommand } from "./command.js";
import { type Definition, notedType, readDefinition, readIndexes } from "./definitions.js";
import type { Engine } from "./engine.js";
import { columnsOf, isExpiryIndex, isUniqueGroup } from "./indexes.js";
import { idField, type Layout } from "./layout.js";

/** Documents that are looked at to see how a column is stored of which nothing is noted. */
const sampleSize = 100;
/** Begins the types of BSON in what is reported, which have names in common with those of columns. */
const bsonMark = "BSON ";

export function compileInspect({ table }: InspectShape, layout: Layout): MongoCommand {
  return {
    table,
    isSchema: true,
    describe: () => ({ listIndexes: table.name }),
    async run(engine, _values, signal) {
      const indexes = await readIndexes(engine, table.name, signal);
      if (indexes === undefined) return { rows: [], affected: 0, stored: undefined };
      const definition = await readDefinition(engine, table.name, signal);
      const sample = await readSample(engine, layout, definition, signal);
      return { rows: [], affected: 0, stored: storedTable(layout, indexes, definition, sample) };
    },
  };
}

/** Some documents, where the table was made by others or has columns of which nothing is noted. */
async function readSample(
  engine: Engine,
  { table }: Layout,
  definition: Definition | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Document[]> {
  if (definition !== undefined && table.columns.every(({ name }) => definition.columns[name] !== undefined)) return [];
  return engine.sample(table.name, sampleSize, signal);
}

function storedTable(
  layout: Layout,
  indexes: readonly Document[],
  definition: Definition | undefined,
  sample: readonly Document[],
): StoredTable {
  const { table } = layout;
  const columns = table.columns.flatMap((column): [string, string][] => {
    // Where the server does not yet remove rows by the column, it is reported missing, so that it gets defined.
    if (column === table.ttl && !indexes.some((index) => isExpiryIndex(index, column))) return [];
    const type = definition?.columns[column.name] ?? typesIn(sample, column, layout);
    return type === undefined ? [] : [[column.name, type]];
  });
  return {
    columns: new Map(columns),
    key: definition?.key ?? keyIn(layout, sample),
    indexes: new Map(indexes.flatMap((index) => indexIn(index, layout))),
  };
}

/** The types of a column's values in documents that have it. */
function typesIn(sample: readonly Document[], column: Column, layout: Layout): string | undefined {
  const types = new Set(sample.map((document) => bsonType(storedValue(document, column, layout))).filter((type) => type !== "null"));
  return types.size === 0 ? undefined : `${bsonMark}${[...types].sort().join(" or ")}`;
}

function storedValue(document: Document, { name, isKey }: Column, { table }: Layout): unknown {
  if (!isKey) return document[name];
  const id: unknown = document[idField];
  if (table.key.length === 1) return id;
  return typeof id === "object" && id !== null ? (id as Document)[name] : undefined;
}

const names: Readonly<Record<string, string>> = {
  Double: "double",
  Int32: "int",
  Long: "long",
  Decimal128: "decimal",
  ObjectId: "objectId",
  Binary: "binData",
};

/** The type of a value as MongoDB calls it; `null` where there is none. */
function bsonType(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (value instanceof Uint8Array) return "binData";
  const { _bsontype: type } = value as { readonly _bsontype?: string };
  return type === undefined ? "object" : (names[type] ?? type);
}

/** The key that the documents have: the declared one, or `_id` as others made it; undefined of an empty collection, which takes any. */
function keyIn(layout: Layout, sample: readonly Document[]): readonly string[] | undefined {
  const { key } = layout.table;
  if (sample.length === 0) return undefined;
  const fits = sample.every((document) => key.every((column) => bsonType(storedValue(document, column, layout)) !== "null"));
  return fits ? key.map(({ name }) => name) : [idField];
}

type IndexEntry = [string, { readonly columns: readonly string[]; readonly unique: boolean }];

function indexIn(index: Document, layout: Layout): IndexEntry[] {
  const columns = columnsOf(index, layout);
  if (columns === undefined || index["name"] === "_id_") return [];
  const unique = isUniqueGroup(index);
  // An index of some documents alone finds no others.
  if (index["partialFilterExpression"] !== undefined && !unique) return [];
  return [[index["name"] as string, { columns, unique }]];
}

/** The types of BSON whose values a column of a kind reads, compares and sorts exactly. */
const served: Readonly<Record<Kind, readonly string[]>> = {
  text: ["string"],
  int: ["int", "long", "double"],
  int64: ["int", "long"],
  real: ["int", "double"],
  decimal: ["int", "long", "decimal"],
  bool: ["bool"],
  time: ["date"],
  json: ["string", "object", "array", "bool", "int", "long", "double"],
  list: ["array"],
  blob: ["binData"],
};

/** Whether a column serves that is noted as `stored`, or was found so in documents of others. */
export function servesColumn(stored: string, column: Column): boolean | string {
  if (!stored.startsWith(bsonMark)) return stored === notedType(column);
  const found = stored.slice(bsonMark.length).split(" or ");
  const type = notedType(column);
  if (type === "objectId") return found.every((each) => each === "objectId");
  const taken = type === "expiry" ? ["date"] : served[column.kind];
  if (found.every((each) => taken.includes(each))) return true;
  return found.includes("objectId") && column.kind === "text"
    ? 'for the ids that MongoDB makes give the column the setting drivers: { mongodb: { type: "objectId" } }'
    : `documents with ${taken.join(" or ")} would serve`;
}
