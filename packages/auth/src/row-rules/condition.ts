// Conditions of rules: filters of @bk/db in which `"$account.id"` stands for a value of the account. They are read once, and
// filled in for each account.

/** A filter of @bk/db. */
export type Filter = Readonly<Record<string, unknown>>;

/** How a field of an account is compared: a list stands for any one of its values. */
export type FieldKind = "text" | "number" | "flag" | "list";

interface AccountField {
  readonly field: string;
}

export type Operand = { readonly literal: unknown } | AccountField | { readonly items: readonly Operand[] };

export type RuleCondition =
  | { readonly kind: "test"; readonly column: string; readonly op: string; readonly operand: Operand }
  | { readonly kind: "and" | "or"; readonly parts: readonly RuleCondition[] }
  | { readonly kind: "not"; readonly part: RuleCondition };

/** Says what is wrong with a condition. */
export type Wrong = (what: string, column?: string) => Error;

/** As the filters of @bk/db name groups. */
const groupName = /^\$+(or|and|not)\d*$/i;
const accountField = /^\$account\.([A-Za-z]\w*)$/;

/** Reads a condition as it was written. */
export function readCondition(given: unknown, fields: ReadonlyMap<string, FieldKind>, wrong: Wrong): RuleCondition {
  if (!isObject(given)) throw wrong("must be true, false, or an object of columns and values");
  return joined(
    "and",
    Object.entries(given).map(([name, value]) => {
      const group = groupName.exec(name)?.[1]?.toLowerCase();
      return group === undefined ? readColumn(name, value, fields, wrong) : readGroup(name, group, value, fields, wrong);
    }),
  );
}

function readGroup(name: string, group: string, value: unknown, fields: ReadonlyMap<string, FieldKind>, wrong: Wrong): RuleCondition {
  const members: unknown[] = Array.isArray(value) ? value : isObject(value) ? Object.entries(value).map((entry) => ofEntry(...entry)) : [];
  if (members.length === 0) throw wrong(`has ${name}, which must hold at least one condition`);
  const parts = members.map((member) => readCondition(member, fields, wrong));
  return group === "not" ? { kind: "not", part: joined("and", parts) } : joined(group === "or" ? "or" : "and", parts);
}

function ofEntry(name: string, value: unknown): object {
  return { [name]: value };
}

function readColumn(column: string, value: unknown, fields: ReadonlyMap<string, FieldKind>, wrong: Wrong): RuleCondition {
  if (!/^[A-Za-z]\w*$/.test(column)) throw wrong(`names ${JSON.stringify(column.slice(0, 50))}, which is no column`, column);
  const read = (op: string, operand: unknown): RuleCondition => {
    const given = readOperand(column, operand, fields, wrong);
    const isList = "field" in given && fields.get(given.field) === "list";
    if (op === "" && operand === null) return { kind: "test", column, op: "$null", operand: { literal: true } };
    if (op === "") return { kind: "test", column, op: "items" in given || isList ? "$in" : "$eq", operand: given };
    if (isList && op !== "$in" && op !== "$not_in")
      throw wrong(`compares ${column} by ${op} with $account.${given.field}, which is a list; $in and $not_in take lists`, column);
    return { kind: "test", column, op, operand: given };
  };
  if (!isObject(value)) return read("", value);
  const tests = Object.entries(value).map(([op, operand]) => {
    if (op === "$ref") throw wrong(`asks by $ref on ${column} of rows of another table, which rules cannot`, column);
    return read(op, operand);
  });
  if (tests.length === 0) throw wrong(`has an empty condition on ${column}`, column);
  return joined("and", tests);
}

function readOperand(column: string, value: unknown, fields: ReadonlyMap<string, FieldKind>, wrong: Wrong): Operand {
  if (value === undefined) throw wrong(`has undefined for ${column}`, column);
  if (Array.isArray(value)) return { items: (value as unknown[]).map((item) => readOperand(column, item, fields, wrong)) };
  if (typeof value !== "string" || !value.startsWith("$")) return { literal: value };
  // Text that begins with $ is written with two of them.
  if (value.startsWith("$$")) return { literal: value.slice(1) };
  const field = accountField.exec(value)?.[1];
  if (field === undefined)
    throw wrong(
      `has the value ${JSON.stringify(value.slice(0, 60))} for ${column}; it must be $account.FIELD, or begin with $$ where text is meant`,
      column,
    );
  if (!fields.has(field))
    throw wrong(`names $account.${field}; an account has ${[...fields.keys()].map((name) => `$account.${name}`).join(", ")}`, column);
  return { field };
}

function joined(kind: "and" | "or", parts: readonly RuleCondition[]): RuleCondition {
  return parts.length === 1 ? parts[0]! : { kind, parts };
}

/** What a field of an account holds; undefined where it has none. */
export type FieldValues = (field: string) => unknown;

/**
 * The filter that a condition is for an account; `true`: all rows, `false`: none.
 *
 * What compares with a field that the account does not have is neither so nor not so: it never lets a row in, under `$not` and
 * by `$ne` either.
 */
export function fillIn(condition: RuleCondition, values: FieldValues, isNegated = false): Filter | boolean {
  if (condition.kind === "test") {
    const operand = valueOf(condition.operand, values, condition.op === "$in" && !isNegated);
    if (operand === unknown) return isNegated;
    return { [condition.column]: condition.op === "$eq" && isSingle(operand) ? operand : { [condition.op]: operand } };
  }
  if (condition.kind === "not") {
    const part = fillIn(condition.part, values, !isNegated);
    return typeof part === "boolean" ? !part : { $not: part };
  }
  const parts = condition.parts.map((part) => fillIn(part, values, isNegated));
  return condition.kind === "and" ? allOf(parts) : anyOf(parts);
}

/** A value that the account does not have. */
const unknown = Symbol("unknown");

/** @param skips  items of a list that are not there are left out */
function valueOf(operand: Operand, values: FieldValues, skips: boolean): unknown {
  if ("literal" in operand) return operand.literal;
  if ("field" in operand) {
    const value = values(operand.field);
    if (Array.isArray(value)) return value.length === 0 ? unknown : value;
    return value === undefined || value === null || value === "" ? unknown : value;
  }
  const items = operand.items.flatMap((item) => valueOf(item, values, skips));
  const known = items.filter((item) => item !== unknown);
  if (known.length < items.length && (!skips || known.length === 0)) return unknown;
  return known;
}

/** All of these hold. */
export function allOf(filters: readonly (Filter | boolean)[]): Filter | boolean {
  if (filters.includes(false)) return false;
  const conditions = unique(filters.filter((filter) => typeof filter === "object").flatMap(conjuncts));
  if (conditions.length === 0) return true;
  const names = conditions.flatMap((filter) => Object.keys(filter));
  return new Set(names).size === names.length ? (Object.assign({}, ...conditions) as Filter) : { $and: conditions };
}

/** One of these holds. */
export function anyOf(filters: readonly (Filter | boolean)[]): Filter | boolean {
  if (filters.includes(true)) return true;
  const given = unique(filters.filter((filter) => typeof filter === "object"));
  // Rows that others have too need no mention.
  const conditions = given.reduceRight<Filter[]>((kept, filter, i) => {
    const others = [...given.slice(0, i), ...kept];
    return others.length > 0 && isWithin(filter, { $or: others }) ? kept : [filter, ...kept];
  }, []);
  if (conditions.length === 0) return false;
  return conditions.length === 1 ? conditions[0]! : { $or: conditions };
}

function unique(filters: readonly Filter[]): Filter[] {
  return [...new Map(filters.map((filter) => [textOf(filter), filter])).values()];
}

/** Equal for filters that are written alike. */
export function textOf(filter: Filter): string {
  return JSON.stringify(filter, (_name, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}

/** The conditions of a filter that all hold, one by one. */
export function conjuncts(filter: Filter): Filter[] {
  return Object.entries(filter).flatMap(([name, value]) =>
    name === "$and" && Array.isArray(value) ? (value as Filter[]).flatMap(conjuncts) : [{ [name]: value }],
  );
}

/** Whether the rows of one filter are all among those of another, as far as their forms tell. */
export function isWithin(inner: Filter | boolean, outer: Filter | boolean): boolean {
  if (outer === true || inner === false) return true;
  if (outer === false || inner === true) return false;
  const held = conjuncts(inner);
  return conjuncts(outer).every((asked) => {
    const text = textOf(asked);
    if (held.some((condition) => textOf(condition) === text)) return true;
    if (alternativesOf(asked)?.some((each) => isWithin(inner, each)) === true) return true;
    return held.some((condition) => alternativesOf(condition)?.every((each) => isWithin(each, asked)) === true);
  });
}

function alternativesOf({ $or: alternatives }: Filter): readonly Filter[] | undefined {
  return Array.isArray(alternatives) ? (alternatives as Filter[]) : undefined;
}

/** The columns of a filter's conditions that hold a single value, with the value. */
export function equalities(filter: Filter | boolean): ReadonlyMap<string, unknown> {
  if (typeof filter === "boolean") return new Map();
  const entries = conjuncts(filter).map((condition) => Object.entries(condition)[0]!);
  return new Map(entries.filter(([name, value]) => !name.startsWith("$") && isSingle(value)));
}

function isSingle(value: unknown): boolean {
  return value !== null && (typeof value !== "object" || value instanceof Date);
}

/** The columns that a condition names. */
export function columnsOf(condition: RuleCondition): ReadonlySet<string> {
  if (condition.kind === "test") return new Set([condition.column]);
  const parts = condition.kind === "not" ? [condition.part] : condition.parts;
  return new Set(parts.flatMap((part) => [...columnsOf(part)]));
}

/** The fields of an account that a condition names. */
export function fieldsOf(condition: RuleCondition): ReadonlySet<string> {
  if (condition.kind === "test") return fieldsIn(condition.operand);
  const parts = condition.kind === "not" ? [condition.part] : condition.parts;
  return new Set(parts.flatMap((part) => [...fieldsOf(part)]));
}

function fieldsIn(operand: Operand): ReadonlySet<string> {
  if ("field" in operand) return new Set([operand.field]);
  return "items" in operand ? new Set(operand.items.flatMap((item) => [...fieldsIn(item)])) : new Set();
}

/** The columns that must hold a field of the account. */
export function accountColumns(condition: RuleCondition): ReadonlySet<string> {
  if (condition.kind === "test") {
    const isField = condition.op === "$eq" && "field" in condition.operand;
    return new Set(isField ? [condition.column] : []);
  }
  return condition.kind === "and" ? new Set(condition.parts.flatMap((part) => [...accountColumns(part)])) : new Set();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array);
}
