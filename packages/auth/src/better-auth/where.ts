// A `where` of better-auth as a filter of @bk/db.

import type { CleanedWhere, WhereOperator } from "better-auth/adapters";

import type { Row } from "./calls.js";

/** What a filter has to know of a field. */
export interface FieldKind {
  /** The type, as better-auth's schema has it. */
  readonly type: string | readonly string[];
  /** The column holds whole numbers. */
  readonly isInteger: boolean;
}

const nothing: Row = { id: { $in: [] } };

/**
 * The filter of a `where`: all of its AND conditions, and one of its OR conditions if there are any.
 *
 * An absent value passes no comparison, `ne` and `not_in` included, as in SQL; `null` as a value asks for absence. What no column can
 * hold (U+0000, a lone surrogate, a number that is none) equals nothing, rather than being an error: it may be what a stranger sent.
 */
export function filterOf(where: readonly CleanedWhere[], kindOf: (field: string) => FieldKind): Row {
  const conditions = where.map((clause) => conditionOf(clause, kindOf(clause.field)));
  if (conditions.length < 2) return conditions[0] ?? {};
  const isOption = ({ connector }: CleanedWhere): boolean => connector === "OR";
  const all = conditions.filter((_, i) => !isOption(where[i]!));
  const any = conditions.filter((_, i) => isOption(where[i]!));
  return { $and: any.length === 0 ? all : [...all, { $or: any }] };
}

/** The value of the key that a `where` names, if it names one and asks for nothing that another row could have as well. */
export function keyIn(where: readonly CleanedWhere[], kindOf: (field: string) => FieldKind): string | number | undefined {
  if (where.length > 1 && where.some(({ connector }) => connector === "OR")) return undefined;
  const clause = where.find(({ field, operator, mode }) => field === "id" && operator === "eq" && mode !== "insensitive");
  if (clause === undefined) return undefined;
  const kind = kindOf("id");
  const key = valueOf(clause.value, kind);
  // What no key can be is asked for by a filter, which finds nothing.
  if (kind.isInteger) return Number.isSafeInteger(key) ? (key as number) : undefined;
  return typeof key === "string" && key !== "" && key.length <= 255 && isText(key) ? key : undefined;
}

function conditionOf({ field, operator = "eq", value, mode }: CleanedWhere, kind: FieldKind): Row {
  if (value === null) {
    if (operator === "eq") return { [field]: null };
    return operator === "ne" ? present(field) : nothing;
  }
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  const values = given.map((one) => valueOf(one, kind)).filter((one) => isStorable(one, kind));
  if (mode === "insensitive" && kind.type === "string" && values.every((one) => typeof one === "string"))
    return foldedCondition(field, operator, values);
  const [first] = values;
  const test = (operator: string): Row => (values.length === 0 ? nothing : { [field]: { [operator]: first } });
  switch (operator) {
    case "eq":
      return test("$eq");
    case "ne":
      return values.length === 0 ? present(field) : test("$ne");
    case "in":
      return { [field]: { $in: values } };
    case "not_in":
      return values.length === 0 ? present(field) : { [field]: { $not_in: values } };
    case "lt":
      return test("$lt");
    case "lte":
      return test("$le");
    case "gt":
      return test("$gt");
    case "gte":
      return test("$ge");
    case "contains":
      return test("$contains");
    case "starts_with":
      return test("$begins_with");
    case "ends_with":
      return test("$ends_with");
  }
}

/** As `conditionOf`, without regard to upper and lower case. */
function foldedCondition(field: string, operator: WhereOperator, values: readonly string[]): Row {
  const like = (before: string, after: string): Row =>
    values.length === 0 ? nothing : { [field]: { $ilike: before + escape(values[0]!) + after } };
  switch (operator) {
    case "eq":
      return like("", "");
    case "in":
      return values.length === 0 ? nothing : { $or: values.map((value) => ({ [field]: { $ilike: escape(value) } })) };
    case "ne":
    case "not_in":
      return values.length === 0 ? present(field) : { $and: values.map((value) => ({ [field]: { $not_ilike: escape(value) } })) };
    case "contains":
      return like("%", "%");
    case "starts_with":
      return like("", "%");
    case "ends_with":
      return like("%", "");
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      // Order knows no case of its own.
      return conditionOf(
        { field, operator, value: values[0] ?? null, connector: "AND", mode: "sensitive" },
        { type: "string", isInteger: false },
      );
  }
}

const present = (field: string): Row => ({ [field]: { $not_null: true } });

/** A pattern that matches exactly this text. */
const escape = (text: string): string => text.replaceAll(/[\\%_]/g, "\\$&");

/** The value as its column has it. */
function valueOf(value: unknown, { type }: FieldKind): unknown {
  if (type === "date" && (typeof value === "string" || typeof value === "number")) return new Date(value);
  if (type === "string" && typeof value === "number") return String(value);
  return value;
}

function isStorable(value: unknown, { isInteger }: FieldKind): boolean {
  if (value === null) return false;
  if (typeof value === "string") return isText(value);
  if (typeof value === "number") return isInteger ? Number.isSafeInteger(value) : Number.isFinite(value);
  return !(value instanceof Date) || !Number.isNaN(value.getTime());
}

/** Whether text can be stored: well-formed, without U+0000. */
const isText = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);
