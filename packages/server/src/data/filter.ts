// Fields of a request become a filter of the database: operators resolved, texts converted, columns checked for visibility.

import { badRequest } from "../error-response.js";
import type { Field, Fields } from "../request/fields.js";
import { fromJson, fromText, listFromText } from "./from-text.js";
import { operands, operatorNamed, type OperatorName } from "./operators.js";
import type { Row } from "./served-db.js";
import { columnNamed, requireSeen, type ServedColumn, type ServedTable } from "./served-table.js";

export interface FilterRules {
  /** The columns that may be asked for. */
  readonly seen: ReadonlySet<string>;
  /** Operators of plain values, by column. */
  readonly ops?: Readonly<Record<string, string>> | undefined;
}

/**
 * The filter that fields state: `col=1`, `col_$gt=1`, and in JSON also `{ col: { $gt: 1 } }`, `$or`, `$and`, `$not`.
 *
 * @throws HttpError 400, naming the field, for unknown columns and operators and values of the wrong form; 403 for columns
 *   that may not be seen
 */
export function filterOf(table: ServedTable, fields: Fields, rules: FilterRules): Row {
  const filter: Row = {};
  const unused = new Set(Object.keys(rules.ops ?? {}));
  for (const [name, field] of fields) {
    if (name.startsWith("$")) {
      filter[name] = group(table, name, field, rules);
      continue;
    }
    const at = name.indexOf("_$");
    const columnName = at < 0 ? name : name.slice(0, at);
    requireSeen(table, rules.seen, columnName, "filtered by");
    const column = columnNamed(table, columnName);
    unused.delete(columnName);
    const given = at < 0 ? rules.ops?.[columnName] : name.slice(at + 2);
    merge(filter, columnName, given === undefined ? plain(column, field, name) : operation(column, given, field, name));
  }
  for (const name of unused) throw badRequest(`_ops names ${name.slice(0, 50)}, which has no value in the request`);
  return filter;
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

function group(table: ServedTable, name: string, field: Field, rules: FilterRules): unknown {
  if (!/^\$+(or|and|not)\d*$/i.test(name) || !("json" in field))
    throw badRequest(`${name.slice(0, 50)} is no column; $or, $and and $not are for JSON bodies`);
  const inner: FilterRules = { seen: rules.seen };
  const member = (given: unknown): Row => {
    if (!isObject(given)) throw badRequest(`${name} must hold an object of columns and values, or a list of them`);
    return filterOf(table, new Map(Object.entries(given).map(([each, json]) => [each, { json }])), inner);
  };
  return Array.isArray(field.json) ? (field.json as unknown[]).map(member) : member(field.json);
}

/** A value without an operator: the column's default operator, else equality; a list is one of its values. */
function plain(column: ServedColumn | undefined, field: Field, name: string): unknown {
  if ("json" in field) return jsonCondition(column, field.json, name);
  const own = operatorNamed(column?.definition.ops?.select ?? "");
  if (own !== undefined) return operand(column, own, field, name);
  return typeof field.text === "string" ? fromText(column, field.text, name) : field.text.map((text) => fromText(column, text, name));
}

function jsonCondition(column: ServedColumn | undefined, value: unknown, name: string): unknown {
  if (Array.isArray(value)) return (value as unknown[]).map((item) => fromJson(column, item, name));
  if (!isObject(value)) return fromJson(column, value, name);
  const entries = Object.entries(value).map(([key, json]) => {
    if (!key.startsWith("$"))
      throw badRequest(`${name} holds ${JSON.stringify(key.slice(0, 50))}; operators begin with $, as in { "$gt": 1 }`);
    return Object.entries(operation(column, key.slice(1), { json }, name))[0]!;
  });
  return Object.fromEntries(entries);
}

function operation(column: ServedColumn | undefined, given: string, field: Field, name: string): Record<string, unknown> {
  const operator = operatorNamed(given);
  if (operator === undefined)
    throw badRequest(
      `${name.slice(0, 80)}: unknown operator ${JSON.stringify(given.slice(0, 30))}; there are ${Object.keys(operands).join(", ")}`,
    );
  return { [`$${operator}`]: operand(column, operator, field, name) };
}

function operand(column: ServedColumn | undefined, operator: OperatorName, field: Field, name: string): unknown {
  const kind = operands[operator];
  if ("json" in field) {
    const value = field.json;
    if (kind === "many" && typeof value === "string") return listFromText(column, value, name);
    return Array.isArray(value) && kind === "many"
      ? (value as unknown[]).map((item) => fromJson(column, item, name))
      : fromJson(kind === "one" ? column : undefined, value, name);
  }
  const { text } = field;
  if (kind === "many")
    return typeof text === "string" ? listFromText(column, text, name) : text.map((part) => fromText(column, part, name));
  if (typeof text !== "string") throw badRequest(`${name} is given more than once`);
  if (kind === "flag") return flag(text, name);
  return kind === "text" ? element(column, text, name) : fromText(column, text, name);
}

/** `contains` on a list looks for an element, which may be a number. */
function element(column: ServedColumn | undefined, text: string, name: string): unknown {
  const of = column?.definition.of;
  return column === undefined || of === undefined || of === "text" ? text : fromText({ ...column, type: of }, text, name);
}

function flag(text: string, name: string): boolean {
  if (text === "" || text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw badRequest(`${name} must be true or false`);
}
