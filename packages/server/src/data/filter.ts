// Fields of a request become a filter of the database: operators resolved, texts converted, columns checked for visibility,
// and what it costs bounded.

import type { ColumnSet } from "@bk/auth/row-rules";
import { operandOf, operators, type Operator } from "@bk/db";

import { badRequest } from "../error-response.js";
import type { Field, Fields } from "../request/fields.js";
import { parseJson } from "../request/json.js";
import type { DataLimits } from "./controls.js";
import { FilterCost } from "./filter-cost.js";
import { fromJson, fromText, listFromText, type TextSource } from "./from-text.js";
import { operatorNamed } from "./operator-named.js";
import type { Row } from "./served-db.js";
import { accessOf, type Caller, columnNamed, refersTo, refuse, requireSeen, type ServedColumn, type ServedTable } from "./served-table.js";

export interface FilterRules {
  /** The columns that may be asked for. */
  readonly seen: ColumnSet;
  /** Operators of plain values, by column. */
  readonly ops?: ReadonlyMap<string, string> | undefined;
  readonly limits: DataLimits;
  /** Absent: the filter is about the columns of the table alone. */
  readonly relating?: Relating | undefined;
}

/** What a filter may ask of rows of other tables, by `$ref`. */
export interface Relating {
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly caller: Caller;
  /** Set where it does: such a read is made within what the caller may see of those tables. */
  isUsed: boolean;
}

/** One filter as it is read. */
interface Reading {
  readonly table: ServedTable;
  readonly seen: ColumnSet;
  readonly maxJsonDepth: number;
  readonly cost: FilterCost;
  readonly relating: Relating | undefined;
}

/** One condition: on which column (undeclared ones of open tables have none), and how the client calls it. */
interface Subject {
  readonly column: ServedColumn | undefined;
  readonly source: TextSource;
  readonly cost: FilterCost;
}

/**
 * The filter that fields state: `col=1`, `col_$gt=1`, and in JSON also `{ col: { $gt: 1 } }`, `$or`, `$and`, `$not`.
 *
 * @throws HttpError 400, naming the field, for unknown columns and operators, values of the wrong form and filters beyond
 *   the limits; 403 for columns that may not be seen
 */
export function filterOf(table: ServedTable, fields: Fields, { seen, ops = noOps, limits, relating }: FilterRules): Row {
  const reading: Reading = { table, seen, maxJsonDepth: limits.maxJsonDepth, cost: new FilterCost(limits), relating };
  const unused = new Set(ops.keys());
  const filter = entriesOf(reading, fields, 0, (column) => {
    unused.delete(column);
    return ops.get(column);
  });
  for (const name of unused) throw badRequest(`_ops names ${name.slice(0, 50)}, which has no value in the request`, name);
  return filter;
}

const noOps: ReadonlyMap<string, string> = new Map();
const noOp = (): undefined => undefined;

/** @param opOf  the operator that `_ops` has for a column */
function entriesOf(reading: Reading, fields: Fields, depth: number, opOf: (column: string) => string | undefined): Row {
  const { table, seen, maxJsonDepth, cost } = reading;
  const filter: Row = {};
  for (const [name, given] of fields) {
    if (name.startsWith("$")) {
      filter[name] = group(reading, name, given, depth + 1);
      continue;
    }
    const at = name.indexOf("_$");
    const columnName = at < 0 ? name : name.slice(0, at);
    const asked = relatedIn(name.slice(columnName.length), given, maxJsonDepth);
    if (asked !== undefined) {
      merge(filter, columnName, { $ref: related(reading, columnName, asked.filter, depth + 1) });
      if (asked.others === undefined) continue;
    }
    const field = asked?.others ?? given;
    requireSeen(table, seen, columnName, "filtered by");
    const subject: Subject = { column: columnNamed(table, columnName), source: { name, maxJsonDepth }, cost };
    const own = opOf(columnName);
    const operator = at < 0 ? own : name.slice(at + 2);
    merge(filter, columnName, operator === undefined ? plain(subject, field) : operation(subject, operator, field));
  }
  return filter;
}

/** What is asked by `col_$ref={…}`, or in JSON by `{ col: { $ref: {…} } }`, and the other operators beside it. */
function relatedIn(
  operator: string,
  field: Field,
  maxJsonDepth: number,
): { readonly filter: unknown; readonly others?: Field } | undefined {
  if (operator === "_$ref") {
    if ("json" in field) return { filter: field.json };
    return { filter: typeof field.text === "string" ? parseJson(field.text, maxJsonDepth, "$ref", "$ref") : field.text };
  }
  if (operator !== "" || !("json" in field) || !isObject(field.json) || !Object.hasOwn(field.json, "$ref")) return undefined;
  const { $ref: filter, ...others } = field.json;
  return Object.keys(others).length === 0 ? { filter } : { filter, others: { json: others } };
}

/**
 * The filter of `$ref` on a reference, which names what a filter of that table may name. Which of its rows there are is the
 * scope's: the opposite of a condition in here would be about the rows outside.
 */
function related(reading: Reading, name: string, given: unknown, depth: number): Row {
  const { table, seen, cost, relating } = reading;
  const reference = table.references.find((each) => each.name === name);
  if (relating === undefined)
    throw badRequest(`${name.slice(0, 50)}: $ref is for the filters of select, search, count and aggregate`, name);
  if (reference === undefined) throw badRequest(`${table.name}: ${name.slice(0, 50)} is no reference, so $ref has nothing to ask`, name);
  for (const column of reference.columns) requireSeen(table, seen, column, "filtered by");
  if (!isObject(given)) throw badRequest(`${name}: $ref must hold an object of columns and values`, name);
  cost.group(depth, 1, name);
  const target = relating.tables.get(reference.table)!;
  if (!refersTo(target, relating.caller)) refuse(relating.caller, `${target.name} is not open to this account`, name);
  relating.isUsed = true;
  const fields = new Map(Object.entries(given).map(([each, json]) => [each, { json }]));
  return entriesOf({ ...reading, table: target, seen: accessOf(target, relating.caller).read!.every }, fields, depth, noOp);
}

/** Puts two conditions on one column together: `{ $gt: 1 }` and `{ $lt: 9 }`. */
function merge(filter: Row, name: string, condition: unknown): void {
  if (!Object.hasOwn(filter, name)) filter[name] = condition;
  else filter[name] = { ...operatorsOf(filter[name]), ...operatorsOf(condition) };
}

function operatorsOf(condition: unknown): object {
  if (isObject(condition)) return condition;
  return Array.isArray(condition) ? { $in: condition } : condition === null ? { $null: true } : { $eq: condition };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array);
}

function group(reading: Reading, name: string, field: Field, depth: number): unknown {
  if (!/^\$+(or|and|not)\d*$/i.test(name) || !("json" in field))
    throw badRequest(`${name.slice(0, 50)} is no column; $or, $and and $not are for JSON bodies`, name);
  const member = (given: unknown): Row => {
    if (!isObject(given)) throw badRequest(`${name} must hold an object of columns and values, or a list of them`, name);
    return entriesOf(reading, new Map(Object.entries(given).map(([each, json]) => [each, { json }])), depth, noOp);
  };
  const { json } = field;
  reading.cost.group(depth, Array.isArray(json) ? json.length : 1, name);
  return Array.isArray(json) ? (json as unknown[]).map(member) : member(json);
}

/** A value without an operator: the column's default operator, else equality; a list is one of its values. */
function plain(subject: Subject, field: Field): unknown {
  const { column, source, cost } = subject;
  const own = operatorNamed(column?.definition.ops?.select ?? "");
  if (!("json" in field)) {
    if (own !== undefined) return operand(subject, own, field);
    return operand(subject, typeof field.text === "string" ? "eq" : "in", field);
  }
  const { json } = field;
  if (!isObject(json)) {
    cost.test(own ?? (Array.isArray(json) ? "in" : "eq"), json, source.name);
    return Array.isArray(json) ? (json as unknown[]).map((item) => fromJson(column, item, source)) : fromJson(column, json, source);
  }
  const entries = Object.entries(json).map(([key, value]) => {
    if (!key.startsWith("$"))
      throw badRequest(`${source.name} holds ${JSON.stringify(key.slice(0, 50))}; operators begin with $, as in { "$gt": 1 }`, source.name);
    return Object.entries(operation(subject, key.slice(1), { json: value }))[0]!;
  });
  return Object.fromEntries(entries);
}

function operation(subject: Subject, given: string, field: Field): Record<string, unknown> {
  const operator = operatorNamed(given);
  if (operator !== undefined) return { [`$${operator}`]: operand(subject, operator, field) };
  const { name } = subject.source;
  const served = operators.filter((each) => operatorNamed(each) !== undefined);
  throw badRequest(`${name.slice(0, 80)}: unknown operator ${JSON.stringify(given.slice(0, 30))}; there are ${served.join(", ")}`, name);
}

function operand(subject: Subject, operator: Operator, field: Field): unknown {
  const value = "json" in field ? jsonOperand(subject, operator, field.json) : textOperand(subject, operator, field.text);
  subject.cost.test(operator, value, subject.source.name);
  return value;
}

function jsonOperand({ column, source }: Subject, operator: Operator, value: unknown): unknown {
  const kind = operandOf(operator);
  if (kind === "many" && typeof value === "string") return listFromText(column, value, source);
  if (kind === "many" && Array.isArray(value)) return (value as unknown[]).map((item) => fromJson(column, item, source));
  return fromJson(kind === "one" ? column : undefined, value, source);
}

function textOperand(subject: Subject, operator: Operator, text: string | readonly string[]): unknown {
  const { column, source } = subject;
  const kind = operandOf(operator);
  if (kind === "many")
    return typeof text === "string" ? listFromText(column, text, source) : text.map((part) => fromText(column, part, source));
  if (typeof text !== "string") throw badRequest(`${source.name} is given more than once`, source.name);
  if (kind === "flag") return flag(text, source.name);
  return kind === "text" ? element(subject, text) : fromText(column, text, source);
}

/** `contains` on a list looks for an element, which may be a number. */
function element({ column, source }: Subject, text: string): unknown {
  const of = column?.definition.of;
  return column === undefined || of === undefined || of === "text" ? text : fromText({ ...column, type: of }, text, source);
}

function flag(text: string, name: string): boolean {
  if (text === "" || text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw badRequest(`${name} must be true or false`, name);
}
