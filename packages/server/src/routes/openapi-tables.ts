// The schemas of tables for the OpenAPI document: their rows as an account sees them, and what it may write.

import type { ColumnSet, TableAccess } from "@bk/auth/row-rules";
import type { ColumnDefinition, TypeName } from "@bk/db";

import type { DataCall } from "../data/controls.js";
import { accessOf, type Caller, isIn, refersTo, type ServedColumn, type ServedTable } from "../data/served-table.js";

export type Json = Readonly<Record<string, unknown>>;

export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** The tables, and who asks for them. */
export interface ServedTo {
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly caller: Caller;
}

/** What the paths of a table are made of. */
export interface TableSchemas {
  /** Undefined: any table, named in the path. */
  readonly name: string | undefined;
  readonly row: Json;
  /** Rows are read. */
  readonly reads: boolean;
  /** The name of the schema of the columns that a call takes; undefined where it takes none, or may not be made. */
  readonly columnsOf: (call: DataCall) => string | undefined;
  readonly components: Readonly<Record<string, Json>>;
}

const includedRow: Json = { type: "object", description: "With _include: the row that is referred to." };
/** What stands under the names of `_include`. */
const included: Json = { anyOf: [{ type: ["object", "null"] }, { type: "array", items: { type: "object" } }] };

const keyCalls: ReadonlySet<DataCall> = new Set<DataCall>(["get", "update", "incr", "del"]);

/** Any table: its columns are not known. */
export const anyTable: TableSchemas = {
  name: undefined,
  row: ref("Row"),
  reads: true,
  columnsOf: (call) => (call === "list" ? undefined : keyCalls.has(call) ? "AnyKey" : "AnyColumns"),
  components: {
    AnyColumns: { type: "object", description: "Columns of the table.", additionalProperties: true },
    AnyKey: { type: "object", description: "All key columns of the table, and for update and incr others.", additionalProperties: true },
  },
};

/** The tables with which the caller may do anything. */
export function schemasFor({ tables, caller }: ServedTo): TableSchemas[] {
  return [...tables.values()]
    .map((table) => ({ table, access: accessOf(table, caller) }))
    .filter(({ access }) => access.isOpen)
    .map(({ table, access }) =>
      schemasOf(table, access, canInclude(table, tables), askable(table, access.read?.some ?? noColumns, { tables, caller })),
    );
}

const noColumns: ColumnSet = { names: new Set(), rest: false };

/** Whether a row may come with rows of other tables: it refers to some, or is referred to. */
function canInclude({ name, references }: ServedTable, tables: ReadonlyMap<string, ServedTable>): boolean {
  return references.length > 0 || [...tables.values()].some((other) => other.references.some((reference) => reference.table === name));
}

/** The references by which a filter may ask of rows of other tables, with the table of each. */
function askable({ references }: ServedTable, seen: ColumnSet, { tables, caller }: ServedTo): ReadonlyMap<string, string> {
  const open = references.filter(
    ({ table, columns }) => columns.every((column) => seen.names.has(column)) && refersTo(tables.get(table)!, caller),
  );
  return new Map(open.map(({ name, table }) => [name, table]));
}

function schemasOf(table: ServedTable, access: TableAccess, includes: boolean, related: ReadonlyMap<string, string>): TableSchemas {
  const { name } = table;
  const { read } = access;
  const seen = read?.some ?? noColumns;
  const isOpen = table.settings.open === true;
  const columns = [...table.columns.values()];
  // An update names the key and others, an add what it makes: each as far as it may set them.
  const [added, put, changed, deleted] = (["add", "put", "update", "del"] as const).map((verb) => access.writing(verb));
  const settable = (writing: typeof added): readonly ServedColumn[] =>
    columns.filter((column) => {
      const isKeyName = table.keyNames.has(column.name) && column.definition.admin !== true;
      return writing !== undefined && (isKeyName || writing.fixed.has(column.name) || isIn(writing.columns, table, column.name));
    });
  const keys = columns.filter((column) => table.keyNames.has(column.name));
  const isFilled = (column: ServedColumn): boolean => (added ?? changed ?? deleted ?? read)?.fixed.has(column.name) === true;
  const isKey = ({ definition }: ServedColumn): boolean => definition.primary !== undefined && definition.join === undefined;
  const replaced = new Set(table.references.flatMap(({ columns: own }) => (own.length === 1 ? own : [])));
  const inRow = (column: ServedColumn): Json => (replaced.has(column.name) ? { anyOf: [nullable(column), includedRow] } : nullable(column));
  const object = (of: readonly ServedColumn[], required: (column: ServedColumn) => boolean, isRow = false): Json => ({
    type: "object",
    ...requiredOf(of.filter((column) => required(column) && !isFilled(column)).map((column) => column.name)),
    properties: Object.fromEntries(
      of.map((column) => [column.name, isRow ? inRow(column) : isKey(column) ? columnSchema(column) : nullable(column)]),
    ),
    ...(isRow && !isOpen ? { additionalProperties: includes ? included : false } : {}),
  });
  const components: Record<string, Json> = {
    [name]: {
      ...object(
        columns.filter((column) => seen.names.has(column.name)),
        () => false,
        true,
      ),
      description: "A row, as far as the account sees it; with _select the chosen columns alone.",
    },
    [`${name}Key`]: object(keys, isKey),
    [`${name}Filter`]: filterSchema(
      columns.filter((column) => seen.names.has(column.name)),
      related,
    ),
    ...(added === undefined ? {} : { [`${name}New`]: object(settable(added), mustBeGiven) }),
    ...(changed === undefined ? {} : { [`${name}Change`]: object(settable(changed), isKey) }),
  };
  const schemas: { readonly [Call in DataCall]: string | undefined } = {
    get: `${name}Key`,
    list: undefined,
    select: `${name}Filter`,
    search: `${name}Filter`,
    count: `${name}Filter`,
    aggregate: `${name}Filter`,
    add: added === undefined ? undefined : `${name}New`,
    put: put === undefined ? undefined : `${name}New`,
    update: changed === undefined ? undefined : `${name}Change`,
    incr: changed === undefined ? undefined : `${name}Change`,
    del: deleted === undefined ? undefined : `${name}Key`,
  };
  return { name, row: ref(name), reads: read !== undefined, columnsOf: (call) => schemas[call], components };
}

function requiredOf(required: readonly string[]): Json {
  return required.length === 0 ? {} : { required };
}

const selfMade: ReadonlySet<TypeName> = new Set<TypeName>(["uuid", "tuuid", "now", "mtime", "random", "counter", "geohash"]);

/** Whether an insert needs the column: nothing else gives it a value that it must have. */
function mustBeGiven({ type, definition }: ServedColumn): boolean {
  const mustHave = definition.primary !== undefined || definition.notEmpty === true;
  return mustHave && definition.value === undefined && definition.join === undefined && !selfMade.has(type);
}

/** Filters take a value, a list of them, or operators; those of other names are `col_$op`, `$or`, `$and` and `$not`. */
function filterSchema(columns: readonly ServedColumn[], related: ReadonlyMap<string, string>): Json {
  const condition = (column: ServedColumn): Json => ({
    anyOf: [nullable(column), { type: "array" }, ref("Operators"), ...relatedSchema(related.get(column.name))],
  });
  const named = new Set(columns.map(({ name }) => name));
  const others = [...related].filter(([name]) => !named.has(name));
  return {
    type: "object",
    description: "Columns with values, as `col`, `col_$gt`, and in JSON `{ col: { $gt: 1 } }`, `$or`, `$and`, `$not`.",
    properties: Object.fromEntries([
      ...columns.map((column) => [column.name, condition(column)]),
      ...others.map(([name, table]) => [name, relatedSchema(table)[0]]),
    ]),
    additionalProperties: true,
  };
}

/** `{ $ref: … }`. Not by `properties`: what has a member of this name is taken for a reference within the document. */
function relatedSchema(table: string | undefined): Json[] {
  if (table === undefined) return [];
  const description = `By \`$ref\` a filter of ${table}, for the row that is referred to; in a query \`col_$ref\` with it as JSON.`;
  return [{ type: "object", description, patternProperties: { "^[$]ref$": ref(`${table}Filter`) } }];
}

const text: Json = { type: "string" };
const integer: Json = { type: "integer" };
const number: Json = { type: "number" };
const boolean: Json = { type: "boolean" };
const time: Json = { type: "string", format: "date-time" };
const any: Json = {};
const list: Json = { type: "array" };

const schemaOfType: Readonly<Record<TypeName, Json>> = {
  text,
  string: text,
  str: text,
  keyword: text,
  email: { ...text, format: "email" },
  url: { ...text, format: "uri" },
  phone: text,
  uuid: text,
  tuuid: text,
  geohash: text,
  int: integer,
  smallint: integer,
  bigint: integer,
  counter: integer,
  now: integer,
  mtime: integer,
  ttl: integer,
  random: integer,
  int64: { ...text, pattern: "^-?[0-9]{1,19}$" },
  real: number,
  float: number,
  double: number,
  number,
  decimal: { ...text, pattern: "^-?[0-9]+([.][0-9]+)?$" },
  numeric: { ...text, pattern: "^-?[0-9]+([.][0-9]+)?$" },
  bool: boolean,
  boolean,
  date: time,
  timestamp: time,
  datetime: time,
  json: any,
  obj: any,
  object: any,
  array: any,
  geopoint: { type: "object", required: ["lat", "lon"], properties: { lat: number, lon: number } },
  list,
  set: { ...list, uniqueItems: true },
  blob: { ...text, contentEncoding: "base64" },
};

const elements: Readonly<Record<NonNullable<ColumnDefinition["of"]>, Json>> = { text, int: integer, real: number };

export function columnSchema({ type, definition }: ServedColumn): Json {
  const { of = "text", values, min, max, maxLength } = definition;
  const base = schemaOfType[type];
  const isList = type === "list" || type === "set";
  const element = isList ? { items: { ...elements[of], ...(values === undefined ? {} : { enum: values }) } } : {};
  return {
    ...base,
    ...element,
    ...(values === undefined || isList ? {} : { enum: values }),
    ...(min === undefined || base["type"] === "string" ? {} : { minimum: min }),
    ...(max === undefined || base["type"] === "string" ? {} : { maximum: max }),
    ...(maxLength === undefined || type === "blob" ? {} : isList ? { maxItems: maxLength } : { maxLength }),
  };
}

function nullable(column: ServedColumn): Json {
  const schema = columnSchema(column);
  if (column.definition.primary !== undefined || column.definition.notEmpty || schema["type"] === undefined) return schema;
  const values = schema["enum"] as readonly unknown[] | undefined;
  return { ...schema, type: [schema["type"], "null"], ...(values === undefined ? {} : { enum: [...values, null] }) };
}
