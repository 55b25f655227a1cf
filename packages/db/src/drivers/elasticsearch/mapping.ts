// Columns as fields of an index.

import type { Column, Index, Table } from "../../schema/table.js";
import { storedTypeOf } from "../../engines/stored-columns.js";
import { fieldOf, needsHas } from "./document.js";
import { analyzer } from "./search.js";
import type { Field, Fields } from "./stored-index.js";

const typeOfKind: Readonly<Record<Column["kind"], Field>> = {
  text: { type: "keyword" },
  int: { type: "long" },
  // As digits in a text, which the server reads as the number.
  int64: { type: "long" },
  real: { type: "double" },
  decimal: { type: "keyword" },
  bool: { type: "boolean" },
  time: { type: "date" },
  json: { type: "keyword", index: false, doc_values: false },
  list: { type: "keyword" },
  blob: { type: "binary" },
};

const typeOfElement = { text: "keyword", int: "long", real: "double" } as const;
const words: Field = { type: "text", analyzer, norms: false };
const note: Field = { type: "boolean", index: false, doc_values: false };

/** The fields of columns of a table, those beside them included. */
export function fieldsOf(table: Table, columns: readonly Column[]): Fields {
  const parts: Record<"own" | "$order" | "$long" | "$has", Record<string, Field>> = { own: {}, $order: {}, $long: {}, $has: {} };
  for (const column of columns) {
    const { name, kind, element } = column;
    const isSearched = table.search.includes(column);
    const place = table.key.indexOf(column);
    parts.own[name] = {
      ...(kind === "list" ? { type: typeOfElement[element ?? "text"] } : typeOfKind[kind]),
      meta: { kind: storedTypeOf(column), ...(place < 0 ? {} : { key: String(place + 1) }) },
      ...(isSearched ? { fields: { words } } : {}),
    };
    if (fieldOf(column) !== name) parts.$order[name] = { type: "keyword" };
    if (needsHas(column)) parts.$has[name] = { type: "boolean" };
    if (isSearched) parts.$long[name] = words;
  }
  const { own, ...more } = parts;
  const objects = Object.entries(more).filter(([, properties]) => Object.keys(properties).length > 0);
  return { ...own, ...Object.fromEntries(objects.map(([name, properties]) => [name, { properties }])) };
}

/** The field that says that an index or a unique group was made: of the one the server needs nothing more, of the other the core keeps it. */
export function noteOf({ columns, unique }: Index): Fields {
  return { [unique ? "$unique" : "$index"]: { properties: { [columns.map(({ name }) => name).join(",")]: note } } };
}

/** Merges fields: of an object its own settings and both members, else those of the second win. */
function mergeFields(a: Fields, b: Fields): Fields {
  const merged: Record<string, Field> = { ...a };
  for (const [name, field] of Object.entries(b)) {
    const before = merged[name];
    const properties = field.properties && { properties: mergeFields(before?.properties ?? {}, field.properties) };
    merged[name] = before === undefined || properties === undefined ? field : { ...before, ...field, ...properties };
  }
  return merged;
}

/** Objects beside the columns: what `$long` has is not indexed but of searched columns. */
const beside: Fields = {
  $order: { type: "object" },
  $long: { type: "object", dynamic: false },
  $has: { type: "object" },
  $index: { type: "object" },
  $unique: { type: "object" },
};

/** The mapping of a table as it is made. Documents with other fields are refused. */
export function mappingOf(table: Table): object {
  const notes = [...table.indexes, ...table.uniques].map(noteOf);
  return { dynamic: "strict", properties: [fieldsOf(table, table.columns), ...notes].reduce(mergeFields, beside) };
}
