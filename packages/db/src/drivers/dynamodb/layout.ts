// How a table lies in DynamoDB: names, key attributes, and the attributes that this driver derives from columns.

import { nodeModule } from "@bk/core";

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { encodeKey } from "../../schema/ordered-text.js";
import type { Column, Index, Table } from "../../schema/table.js";
import { fromAttribute, type Item, toAttribute } from "./attributes.js";

/** Most bytes of a partition key and of a sort key, set by the service. */
export const maxHashBytes = 2048;
export const maxRangeBytes = 1024;

/** Gives a column's stored value in one row. */
export type ValueOf = (column: Column) => Value;

/** An attribute computed from columns, kept with every row. Its name begins with `_`, as no column's does. */
export interface Derived {
  readonly name: string;
  /** The columns that it changes with; key columns never do. */
  readonly sources: readonly Column[];
  compute(valueOf: ValueOf): AttributeValue | undefined;
}

/** An index as a global secondary index over two derived attributes. */
export interface IndexLayout {
  readonly index: Index;
  readonly name: string;
  readonly hash: Derived;
  readonly range: Derived;
  /** The columns whose values `range` encodes, in order: the rest of the index, then what it lacks of the key. */
  readonly rangeColumns: readonly Column[];
}

/** A unique group: each of its values is claimed by one row, in an item of the claims' table. */
export interface Claim {
  readonly index: Index;
  readonly sources: readonly Column[];
  /** The id of the claim's item; undefined when a column is absent, which conflicts with nothing. */
  idOf(valueOf: ValueOf): string | undefined;
}

export interface Layout {
  readonly table: Table;
  readonly tableName: string;
  /** The table of the claims of all tables, and of their definitions. */
  readonly systemName: string;
  readonly prefix: string;
  /** The sort key's attribute: the one range column's own, or a derived one for several. */
  readonly rangeName: string | undefined;
  readonly indexes: readonly IndexLayout[];
  readonly claims: readonly Claim[];
  readonly derived: readonly Derived[];
}

/** Name of the attribute by which DynamoDB removes expired rows, in whole seconds. */
export const ttlAttribute = "_ttl";

export function layoutOf(table: Table, prefix: string): Layout {
  const indexes = [...table.indexes, ...table.uniques].map((index) => indexLayout(table, index));
  const ttl: Derived[] = table.ttl === undefined ? [] : [ttlOf(table.ttl)];
  return {
    table,
    prefix,
    tableName: tableName(prefix, table.name),
    // A name that no table of an app has, whatever its prefix: those end in a letter, a digit or an underscore.
    systemName: `${prefix}bk-system.`,
    rangeName: table.range.length > 1 ? syntheticName("range", table.range) : table.range[0]?.name,
    indexes,
    claims: table.uniques.map((index) => claimOf(table, index)),
    derived: distinct([...indexes.flatMap(({ hash, range }) => [hash, range]), ...ttl]),
  };
}

/** An index and a unique group of the same columns share their attributes. */
function distinct(derived: readonly Derived[]): Derived[] {
  return [...new Map(derived.map((one) => [one.name, one])).values()];
}

/** The service wants at least three characters. A dot is in no table's name. */
function tableName(prefix: string, name: string): string {
  const full = prefix + name;
  return full.length < 3 ? `bk.${full}` : full;
}

function syntheticName(role: "range" | "h" | "r", columns: readonly Column[]): string {
  return `_${role}.${columns.map(({ name }) => name).join(".")}`;
}

/** The columns that the name of a derived attribute stands for. */
export function columnsInName(name: string): string[] {
  return name.split(".").slice(1);
}

function indexLayout(table: Table, index: Index): IndexLayout {
  const [first, ...others] = index.columns;
  if (first === undefined) throw new DbError("internal", "an index without columns", { table: table.name });
  const rangeColumns = [...others, ...table.key.filter((column) => !index.columns.includes(column))];
  const hash: Derived = {
    name: syntheticName("h", index.columns),
    sources: changing([first]),
    compute: (valueOf) => {
      const value = valueOf(first);
      return value === null ? undefined : { S: indexHash(first, value) };
    },
  };
  const range: Derived = {
    name: syntheticName("r", index.columns),
    sources: changing(others),
    compute: (valueOf) => {
      const text = rangeText(rangeColumns, rangeColumns.map(valueOf));
      if (Buffer.byteLength(text) > maxRangeBytes) throw indexTooLong(index);
      return { S: text };
    },
  };
  return { index, name: indexName(index), hash, range, rangeColumns };
}

function indexName({ columns, unique }: Index): string {
  return `${unique ? "unique" : "by"}.${columns.map(({ name }) => name).join(".")}`;
}

function changing(columns: readonly Column[]): Column[] {
  return columns.filter((column) => !column.isKey);
}

function indexTooLong({ name }: Index): DbError {
  return new DbError("too-large", `the index "${name}" takes ${maxRangeBytes} bytes after its first column, keys and encoding included`);
}

/** The first column's value in an index: a text, never empty, and a digest where it would be too long for a key. */
export function indexHash(column: Column, value: Value): string {
  return bounded(encodeKey([column], [toLogical(column, value)]));
}

function bounded(text: string): string {
  // Texts that look like a digest become one, so that no value is taken for another.
  if (Buffer.byteLength(text) <= maxRangeBytes && !text.startsWith("#")) return text;
  return `#${nodeModule("node:crypto").createHash("sha256").update(text).digest("base64url")}`;
}

/**
 * Values as one text that sorts as they do. It ends in U+0001, which follows no beginning of another row's text, so
 * that inclusive bounds of a read are as good as exclusive ones.
 */
export function rangeText(columns: readonly Column[], values: Values): string {
  return `${encodeKey(columns, logicalOf(columns, values))}\u0001`;
}

export function logicalOf(columns: readonly Column[], values: Values): unknown[] {
  return values.map((value, i) => toLogical(columns[i]!, value));
}

function toLogical(column: Column, value: Value): unknown {
  return column.kind === "time" && value !== null ? new Date(value as number) : value;
}

function claimOf(table: Table, index: Index): Claim {
  const groupName = `${table.name}.${index.columns.map(({ name }) => name).join(".")}`;
  return {
    index,
    sources: changing(table.ttl === undefined ? index.columns : [...index.columns, table.ttl]),
    idOf: (valueOf) => {
      const values = index.columns.map(valueOf);
      return values.includes(null) ? undefined : `${groupName}|${bounded(encodeKey(index.columns, logicalOf(index.columns, values)))}`;
    },
  };
}

function ttlOf(column: Column): Derived {
  return {
    name: ttlAttribute,
    sources: [column],
    compute: (valueOf) => {
      const value = valueOf(column);
      return value === null ? undefined : { N: String(Math.max(0, Math.ceil(Number(value) / 1000))) };
    },
  };
}

/** The key attributes of a row. */
export function keyOf({ table, rangeName }: Layout, key: Values): Item {
  const item: Item = { [table.key[0].name]: toAttribute(table.key[0], key[0])! };
  const [only, ...others] = table.range;
  if (only === undefined || rangeName === undefined) return item;
  item[rangeName] = others.length === 0 ? toAttribute(only, key[1])! : { S: rangeText(table.range, key.slice(1)) };
  return item;
}

/** The whole item of a row: its columns, its key and what is derived from them. */
export function itemOf(layout: Layout, row: Values): Item {
  const { table } = layout;
  const item = keyOf(
    layout,
    table.key.map((column) => row[column.index] ?? null),
  );
  table.columns.forEach((column, i) => {
    const attribute = toAttribute(column, row[i]);
    if (attribute !== undefined) item[column.name] = attribute;
  });
  const valueOf: ValueOf = (column) => row[column.index] ?? null;
  for (const derived of layout.derived) {
    const attribute = derived.compute(valueOf);
    if (attribute !== undefined) item[derived.name] = attribute;
  }
  return item;
}

/** The values of an item's columns. */
export function rowOf(columns: readonly Column[], item: Item): Value[] {
  // Items are plain objects, and a column may have the name of a member that all of these inherit.
  return columns.map((column) => fromAttribute(column, Object.hasOwn(item, column.name) ? item[column.name] : undefined));
}

/** A text that is equal for items with one key. */
export function keyText(item: Item, { table, rangeName }: Layout): string {
  const text = (name: string): string => item[name]?.S ?? item[name]?.N ?? "";
  return JSON.stringify(rangeName === undefined ? [text(table.key[0].name)] : [text(table.key[0].name), text(rangeName)]);
}

/** The key attributes of a text made by {@link keyText}. */
export function keyOfText(text: string, { table, rangeName }: Layout): Item {
  const [hash = "", range = ""] = JSON.parse(text) as string[];
  const item: Item = { [table.key[0].name]: typed(keyType(table.key[0]), hash) };
  const [only, ...others] = table.range;
  if (only === undefined || rangeName === undefined) return item;
  item[rangeName] = typed(others.length === 0 ? keyType(only) : "S", range);
  return item;
}

function typed(type: "S" | "N", text: string): AttributeValue {
  return type === "N" ? { N: text } : { S: text };
}

/** The type of a key column's own attribute. */
export function keyType({ kind }: Column): "S" | "N" {
  return kind === "int" || kind === "int64" || kind === "time" ? "N" : "S";
}
