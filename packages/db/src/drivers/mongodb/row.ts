import type { Document } from "mongodb";

import type { Slot } from "../../reference/condition.js";
import type { Binder } from "./command.js";
import { idField, type Layout } from "./layout.js";

/** Makes a function that gives the document of a row: absent values are missing fields. */
export function rowBuilder(row: readonly Slot[], key: readonly Slot[], layout: Layout): (bind: Binder) => Document {
  const fields = layout.table.columns.flatMap((column, i) => {
    const { path, toBson } = layout.fieldOf(column);
    return column.isKey ? [] : [{ path, toBson, slot: row[i]! }];
  });
  return (bind) => {
    const document: Document = { [idField]: layout.idOf(key, bind) };
    for (const { path, toBson, slot } of fields) if (!bind.isNull(slot)) document[path] = bind.value(slot, toBson);
    return document;
  };
}
