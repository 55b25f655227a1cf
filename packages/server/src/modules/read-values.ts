// The parameters and columns of a request to an endpoint, checked as the endpoint says.

import type { Caller, Endpoint, Parameter, Parameters, Row, UploadedFile } from "@bk/modules";
import type { ColumnDefinition, TypeName } from "@bk/db";

import { filterOf } from "../data/filter.js";
import { fromJson, fromText, listFromText } from "../data/from-text.js";
import type { ServedColumn, ServedTable } from "../data/served-table.js";
import { badRequest, forbidden } from "../error-response.js";
import type { Field, Fields } from "../request/fields.js";
import type { ServerContext } from "../routes/server-context.js";
import type { ServedEndpoint } from "./endpoint-map.js";

export interface Given {
  readonly fields: Fields;
  readonly files: ReadonlyMap<string, UploadedFile>;
}

export interface ReadValues {
  readonly values: Readonly<Record<string, unknown>>;
  readonly columns: Row;
  readonly filter: Row;
}

/** What filters and their operators are read by: as the data API does. */
export type ReadingBy = Pick<ServerContext, "limits" | "readControls">;

const defaultMax = { text: 1000, list: 100 } as const;
const typeOf: Readonly<Record<NonNullable<Parameter["type"]>, TypeName>> = {
  text: "text",
  int: "bigint",
  real: "real",
  bool: "bool",
  list: "list",
  json: "json",
  bytes: "blob",
};

/** @throws HttpError 400 that names the parameter; 403 for a column that admins set */
export function readValues({ endpoint, table }: ServedEndpoint, given: Given, caller: Caller, by: ReadingBy): ReadValues {
  const { maxJsonDepth } = by.limits;
  const parameters: Parameters = endpoint.parameters ?? {};
  const { fields, files } = endpoint.named === undefined ? given : renamed(given, endpoint.named, parameters);
  const values: Record<string, unknown> = {};
  const columns: Row = {};
  const { only, except = [] } = endpoint.columns ?? {};
  const filters: ReadonlySet<string> = new Set(endpoint.filters);
  const asked = new Map<string, Field>();
  for (const [name, field] of fields) {
    if (filters.has(name)) {
      if (table!.columns.get(name)?.definition.admin === true && !caller.isAdmin) throw forbidden(`${name} is for admins only`, name);
      if (!Object.hasOwn(parameters, name) || !isEmpty(field)) asked.set(name, field);
      continue;
    }
    if (name === "_ops" && filters.size > 0) continue;
    if (Object.hasOwn(parameters, name)) {
      const value = valueOf(name, parameters[name]!, field, maxJsonDepth);
      if (value !== undefined) values[name] = value;
      continue;
    }
    const column = table?.columns.get(name);
    const isTaken = column !== undefined && !except.includes(name) && (only === undefined || only.includes(name));
    if (!isTaken || column.definition.secure === true || column.definition.hidden === true)
      throw badRequest(`${endpoint.path} has no parameter ${JSON.stringify(name.slice(0, 50))}${knownNames(parameters)}`, name);
    if (column.definition.admin === true && !caller.isAdmin) throw forbidden(`${name} is set by admins only`, name);
    columns[name] = columnValue(column, name, field, maxJsonDepth);
  }
  for (const [name, file] of files) {
    if (!Object.hasOwn(parameters, name) || parameters[name]!.type !== "bytes")
      throw badRequest(`${endpoint.path} takes no file ${JSON.stringify(name.slice(0, 50))}`, name);
    values[name] = checked(name, parameters[name]!, file.bytes);
  }
  for (const [name, { required, default: byDefault }] of Object.entries(parameters)) {
    if (values[name] !== undefined) continue;
    if (required === true) throw badRequest(`${name} is required`, name);
    if (byDefault !== undefined) values[name] = byDefault;
  }
  const filter = filters.size === 0 ? {} : readFilter(table!, asked, fields.get("_ops"), filters, by);
  return { values, columns, filter };
}

/** A parameter is left out so, too. */
const isEmpty = (field: Field): boolean => ("json" in field ? field.json === null || field.json === "" : field.text === "");

/** One value for each column, compared as `_ops` says. */
function readFilter(
  table: ServedTable,
  asked: ReadonlyMap<string, Field>,
  given: Field | undefined,
  names: ReadonlySet<string>,
  { limits, readControls }: ReadingBy,
): Row {
  const raw = given === undefined ? undefined : "json" in given ? given.json : given.text;
  // A list in JSON is what a query has between commas.
  const text: unknown = Array.isArray(raw) && raw.every((item) => typeof item === "string") ? raw.join(",") : raw;
  const { _ops: ops } = readControls("select", text === undefined || text === null || text === "" ? new Map() : new Map([["_ops", text]]));
  for (const [name, field] of asked)
    if (ops?.has(name) !== true && ("json" in field ? typeof field.json === "object" : typeof field.text !== "string"))
      throw badRequest(`${name} must be one value; _ops says how it is compared`, name);
  return filterOf(table, asked, { seen: { names, rest: false }, ops, limits });
}

/** The field that is named to have a parameter, under that one's name. One that is a parameter itself stays what it is. */
function renamed(given: Given, { by, parameter }: NonNullable<Endpoint["named"]>, parameters: Parameters): Given {
  const naming = given.fields.get(by);
  const name = naming === undefined ? undefined : "json" in naming ? naming.json : naming.text;
  if (typeof name !== "string" || Object.hasOwn(parameters, name)) return given;
  const has = (field: string): boolean => given.fields.has(field) || given.files.has(field);
  if (!has(name)) throw badRequest(`${by} names a field that is not there`, by);
  if (has(parameter)) throw badRequest(`${by} names another field than ${parameter}; give one`, by);
  const rename = <T>(all: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...all].map(([key, value]) => [key === name ? parameter : key, value]));
  return { fields: rename(given.fields), files: rename(given.files) };
}

function knownNames(parameters: Parameters): string {
  const names = Object.keys(parameters);
  return names.length === 0 ? "" : `; there are ${names.join(", ")}`;
}

/** The value of a parameter; undefined for one that is empty where that is no value. */
function valueOf(name: string, parameter: Parameter, field: Field, maxJsonDepth: number): unknown {
  const { type = "text" } = parameter;
  const source = { name, maxJsonDepth };
  const definition: ColumnDefinition = {};
  const column: ServedColumn = { name, type: typeOf[type], definition };
  if ("json" in field) {
    if (field.json === null) return undefined;
    // One text stands for a list in JSON as it does in a query.
    if (type === "list" && typeof field.json === "string") return valueOf(name, parameter, { text: field.json }, maxJsonDepth);
    return checked(name, parameter, fromJson(column, field.json, source));
  }
  const { text } = field;
  if (typeof text !== "string") {
    if (type !== "list") throw badRequest(`${name} is given more than once`, name);
    return checked(name, parameter, text);
  }
  if (text === "" && type !== "text") return undefined;
  return checked(
    name,
    parameter,
    type === "list" ? listFromText({ ...column, type: "text" }, text, source) : fromText(column, text, source),
  );
}

function columnValue(column: ServedColumn, name: string, field: Field, maxJsonDepth: number): unknown {
  const source = { name, maxJsonDepth };
  if ("json" in field) return fromJson(column, field.json, source);
  if (typeof field.text === "string") return fromText(column, field.text, source);
  if (column.type !== "list" && column.type !== "set") throw badRequest(`${name.slice(0, 80)} is given more than once`, name);
  return field.text;
}

function checked(name: string, parameter: Parameter, value: unknown): unknown {
  const problem = problemOf(parameter, value);
  if (problem !== undefined) throw badRequest(`${name} ${problem}`, name);
  return value;
}

function problemOf(parameter: Parameter, value: unknown): string | undefined {
  const { type = "text", min, max } = parameter;
  switch (type) {
    case "text":
      return problemOfText(parameter, value, max ?? defaultMax.text);
    case "int":
    case "real":
      if (typeof value !== "number" || !Number.isFinite(value) || (type === "int" && !Number.isSafeInteger(value)))
        return type === "int" ? "must be an integer" : "must be a number";
      return (min !== undefined && value < min) || (max !== undefined && value > max) ? `must be ${rangeOf(min, max)}` : undefined;
    case "bool":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "list": {
      if (!Array.isArray(value)) return "must be a list";
      const most = max ?? defaultMax.list;
      if (value.length > most) return `has more than ${most} items`;
      if (min !== undefined && value.length < min) return `has fewer than ${min} items`;
      return (value as unknown[]).map((item) => problemOfText(parameter, item, defaultMax.text)).find((problem) => problem !== undefined);
    }
    case "bytes":
      if (!(value instanceof Uint8Array)) return "must be base64";
      return max !== undefined && value.length > max ? `has more than ${max} bytes` : undefined;
    case "json":
      return undefined;
  }
}

const anchoredPatterns = new WeakMap<RegExp, RegExp>();

/** A pattern that must fit from end to end; made once for each, without the flags that would make it remember. */
function anchored(pattern: RegExp): RegExp {
  let whole = anchoredPatterns.get(pattern);
  if (whole === undefined)
    anchoredPatterns.set(pattern, (whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ""))));
  return whole;
}

function problemOfText({ type = "text", min, pattern, values }: Parameter, value: unknown, most: number): string | undefined {
  if (typeof value !== "string") return type === "list" ? "must be a list of texts" : "must be text";
  if (Array.from(value).length > most) return `is longer than ${most} characters`;
  if (type === "text" && min !== undefined && Array.from(value).length < min)
    return min === 1 ? "is empty" : `is shorter than ${min} characters`;
  if (values !== undefined && !values.includes(value)) return `must be one of ${values.join(", ")}`;
  return pattern !== undefined && !anchored(pattern).test(value) ? "has characters or a form that it must not have" : undefined;
}

function rangeOf(min: number | undefined, max: number | undefined): string {
  return min === undefined ? `at most ${max}` : max === undefined ? `at least ${min}` : `from ${min} to ${max}`;
}
