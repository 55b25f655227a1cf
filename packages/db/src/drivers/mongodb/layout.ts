// Where the values of a row lie in its document: those of the key in `_id`, so that there is no other index for it; others in
// fields of their names. A key of several columns is one document, whose order is that of its fields.

import type { Document } from "mongodb";

import type { Value, Values } from "../../driver.js";
import type { Slot } from "../../reference/condition.js";
import type { Column, Table } from "../../schema/table.js";
import type { Binder } from "./command.js";
import { type Bson, type Converter, converterOf } from "./values.js";

export interface Field extends Converter {
  /** As filters, sorts and updates name it. */
  readonly path: string;
  readonly read: (document: Document) => Value;
}

export interface Layout {
  readonly table: Table;
  readonly bson: Bson;
  fieldOf(column: Column): Field;
  /** The `_id` of the row whose key is in the slots. */
  idOf(key: readonly Slot[], bind: Binder): unknown;
  /** Makes a function that gives the values of columns, in order. */
  readerOf(columns: readonly Column[]): (document: Document) => Value[];
  /** What to ask for so that the columns can be read; undefined: whole documents. */
  projectionOf(columns: readonly Column[]): Document | undefined;
}

export const idField = "_id";

export function layoutOf(table: Table, bson: Bson): Layout {
  const hasOneKey = table.key.length === 1;
  const fields = new Map(table.columns.map((column) => [column.name, fieldIn(column, hasOneKey, bson)]));
  const fieldOf = ({ name }: Column): Field => fields.get(name)!;
  const key = table.key.map(fieldOf);
  return {
    table,
    bson,
    fieldOf,
    idOf: hasOneKey
      ? ([slot], bind) => bind.value(slot!, key[0]!.toBson)
      : (slots, bind) => Object.fromEntries(table.key.map(({ name }, i) => [name, bind.value(slots[i]!, key[i]!.toBson)])),
    readerOf(columns) {
      const reads = columns.map((column) => fieldOf(column).read);
      return (document) => reads.map((read) => read(document));
    },
    projectionOf(columns) {
      if (columns.length === table.columns.length) return undefined;
      const others = columns.filter((column) => !column.isKey).map(({ name }) => [name, 1] as const);
      return Object.fromEntries([[idField, 1], ...others]);
    },
  };
}

function fieldIn(column: Column, hasOneKey: boolean, bson: Bson): Field {
  const { name, isKey } = column;
  const converter = converterOf(column, bson);
  const { fromBson } = converter;
  // A missing field of such a name would be found in the prototype.
  if (!isKey && name in Object.prototype)
    return { ...converter, path: name, read: (document) => fromBson(Object.hasOwn(document, name) ? document[name] : null) };
  if (!isKey) return { ...converter, path: name, read: (document) => fromBson(document[name]) };
  if (hasOneKey) return { ...converter, path: idField, read: (document) => fromBson(document[idField]) };
  return {
    ...converter,
    path: `${idField}.${name}`,
    read: (document) => fromBson((document[idField] as Document | null | undefined)?.[name]),
  };
}

/** A text that tells the keys of one table apart. */
export function keyText(key: Values): string {
  return key.length === 1 ? String(key[0]) : key.map(String).join("\0");
}
