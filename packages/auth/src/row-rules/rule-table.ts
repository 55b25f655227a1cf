// A declared table with its rules: what was written, or what `owner` and the flags of columns say, as one list, checked.

import { type ColumnDefinition, DbError, type RowFilter, type TableDefinition, type TableRule, type TableSettings } from "@bk/db";

import { AuthError } from "../errors.js";
import type { ColumnSet } from "./column-set.js";
import { columnsOf, conjuncts, type FieldKind, fieldsOf, fillIn, type Filter, readCondition, type RuleCondition } from "./condition.js";

export const ruleVerbs = ["read", "add", "update", "del"] as const;
export type RuleVerb = (typeof ruleVerbs)[number];

/** One rule, as it is applied. */
export interface Rule {
  /** `account`, `anonymous`, or a type of accounts. */
  readonly to: readonly string[];
  /** Undefined: every row. Verbs that are not allowed are not there. */
  readonly rows: ReadonlyMap<RuleVerb, RuleCondition | undefined>;
  readonly columns: Readonly<Record<Exclude<RuleVerb, "del">, ColumnSet>>;
}

export interface RuleTable {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnDefinition>>;
  readonly all: ColumnSet;
  /** Columns of unique groups: a conflict tells what they hold. */
  readonly unique: ReadonlySet<string>;
  readonly rules: readonly Rule[];
  /** The rules were written; else `owner` and the flags of columns stand for them. */
  readonly isWritten: boolean;
  readonly makeFilter: (filter: Filter) => RowFilter;
}

type Columns = Readonly<Record<string, ColumnDefinition>>;

const parts: ReadonlySet<string> = new Set([...ruleVerbs, "to", "columns"]);
const parted = ["read", "add", "update"] as const;

/** The columns and settings of a definition. */
export function partsOf(definition: TableDefinition): { readonly columns: Columns; readonly settings: TableSettings } {
  if (!Object.hasOwn(definition, "$columns")) return { columns: definition as Columns, settings: {} };
  const { $columns: columns, $settings: settings } = definition as { $columns: Columns; $settings: TableSettings };
  return { columns, settings };
}

/** @throws AuthError `invalid`, naming table, rule and column, for rules that cannot be meant */
export function ruleTable(
  name: string,
  definition: TableDefinition,
  fields: ReadonlyMap<string, FieldKind>,
  makeFilter: RuleTable["makeFilter"],
): RuleTable {
  const { columns, settings } = partsOf(definition);
  const rest = settings.open === true;
  const flags = flagged(columns, rest);
  const unique = new Set(Object.keys(columns).filter((column) => isUnique(columns[column]!)));
  const base = { name, columns, all: flags.all, unique, makeFilter, isWritten: settings.rules !== undefined };
  if (settings.rules === undefined) return { ...base, rules: rulesOfFlags(settings.owner, flags) };
  if (settings.owner !== undefined) throw wrongIn(name)("say what owner says; leave the setting owner out");
  const pub = Object.keys(columns).find((column) => columns[column]!.pub);
  if (pub !== undefined) throw wrongIn(name)(`say who reads which columns; leave pub out of column ${pub}`, pub);
  const written = Array.isArray(settings.rules) ? (settings.rules as TableRule[]) : [settings.rules as TableRule];
  const rules = written.map((rule, i) => readRule({ ...base, rules: [] }, flags, rule, fields, `rule ${i + 1}`));
  refuseUnread(name, rules);
  return { ...base, rules: rules.some(({ to }) => to.includes("admin")) ? rules : [...rules, ofAdmins(flags)] };
}

/** Sets of columns by their flags. */
interface Flagged {
  readonly all: ColumnSet;
  readonly adminSees: ColumnSet;
  readonly sees: ColumnSet;
  readonly pub: ColumnSet;
  /** All but `admin` columns, and `secure` ones of unique groups, whose conflicts would tell what they hold. */
  readonly sets: ColumnSet;
}

function flagged(columns: Columns, rest: boolean): Flagged {
  const named = (holds: (column: ColumnDefinition) => boolean, withRest: boolean): ColumnSet => ({
    names: new Set(Object.keys(columns).filter((name) => holds(columns[name]!))),
    rest: withRest,
  });
  return {
    all: named(() => true, rest),
    adminSees: named((column) => !column.secure, rest),
    sees: named((column) => !column.secure && !column.admin, rest),
    pub: named((column) => column.pub === true && !column.secure && !column.admin, false),
    sets: named((column) => !column.admin && !(column.secure && isUnique(column)), rest),
  };
}

function isUnique(definition: ColumnDefinition): boolean {
  return Object.entries(definition).some(([property, value]) => /^unique\d?$/.test(property) && value !== undefined);
}

const everyRow = (verbs: readonly RuleVerb[]): Rule["rows"] => new Map(verbs.map((verb) => [verb, undefined]));

function ofAdmins({ all, adminSees }: Flagged): Rule {
  return { to: ["admin"], rows: everyRow(ruleVerbs), columns: { read: adminSees, add: all, update: all } };
}

/** What `owner`, `pub`, `admin` and `secure` say. */
function rulesOfFlags(owner: string | undefined, flags: Flagged): readonly Rule[] {
  const { sees, sets, pub } = flags;
  const rules: Rule[] = [];
  if (owner !== undefined) {
    const own: RuleCondition = { kind: "test", column: owner, op: "$eq", operand: { field: "id" } };
    rules.push({
      to: ["account"],
      rows: new Map(ruleVerbs.map((verb) => [verb, own])),
      columns: { read: sees, add: sets, update: sets },
    });
  }
  if (pub.names.size > 0) rules.push({ to: ["account"], rows: everyRow(["read"]), columns: { read: pub, add: sets, update: sets } });
  return [...rules, ofAdmins(flags)];
}

type WrongRules = (what: string, column?: string) => AuthError;

function wrongIn(table: string, place = "the rules"): WrongRules {
  return (what, column) =>
    new AuthError("invalid", `tables: ${table}: ${place} ${what}`, {
      detail: { field: "tables", table, ...(column === undefined ? {} : { column }) },
    });
}

function readRule(table: RuleTable, flags: Flagged, given: TableRule, fields: ReadonlyMap<string, FieldKind>, place: string): Rule {
  const wrong = wrongIn(table.name, place);
  const stray = Object.keys(given).find((part) => !parts.has(part));
  if (stray !== undefined) throw wrong(`has ${JSON.stringify(stray.slice(0, 50))}; there are ${[...parts].join(", ")}`);
  const { to: names = "account", columns = {} } = given;
  const to: readonly unknown[] = Array.isArray(names) ? names : [names];
  if (to.length === 0 || !to.every((name) => typeof name === "string" && /^[^\s,|][^,|]*$/.test(name)))
    throw wrong("has no types of accounts in to: account, anonymous, or types such as admin");
  const rows = new Map<RuleVerb, RuleCondition | undefined>();
  for (const verb of ruleVerbs) {
    const own = given[verb];
    if (own === undefined || own === false) continue;
    rows.set(verb, own === true ? undefined : checkedCondition(table, own, fields, wrongIn(table.name, `${place}, ${verb},`)));
  }
  if (rows.size === 0) throw wrong(`allows nothing; it takes ${ruleVerbs.join(", ")}`);
  const isOfAdmins = to.every((name) => name === "admin");
  const part = (verb: (typeof parted)[number], byDefault: ColumnSet, allowed: ColumnSet): ColumnSet => {
    const listed = columns[verb];
    if (listed === undefined) return byDefault;
    return columnList(table, listed, allowed, wrongIn(table.name, `${place}, columns.${verb},`));
  };
  if (!isObject(columns)) throw wrong("has columns, which must be an object with read, add and update");
  const strayPart = Object.keys(columns).find((name) => !(parted as readonly string[]).includes(name));
  if (strayPart !== undefined) throw wrong(`has columns.${strayPart.slice(0, 50)}; there are ${parted.join(", ")}`);
  const reads = isOfAdmins ? flags.adminSees : flags.sees;
  const sets = isOfAdmins ? flags.all : flags.sets;
  return {
    to: to as string[],
    rows,
    columns: { read: part("read", reads, reads), add: part("add", sets, sets), update: part("update", sets, sets) },
  };
}

function columnList({ columns, all }: RuleTable, listed: unknown, allowed: ColumnSet, wrong: WrongRules): ColumnSet {
  if (!Array.isArray(listed)) throw wrong("must be a list of column names");
  const names = new Set<string>();
  let rest = false;
  for (const name of listed as unknown[]) {
    if (name === "*") {
      if (!all.rest) throw wrong("names *, the undeclared columns, and the table is not open");
      rest = true;
      continue;
    }
    if (typeof name !== "string" || !Object.hasOwn(columns, name)) throw wrong(`names ${quoted(name)}, which is no column`);
    if (!allowed.names.has(name))
      throw wrong(`names column ${name}, which is ${columns[name]!.secure ? "secure, and for nobody" : "for admins"}`, name);
    names.add(name);
  }
  return { names, rest };
}

/** Columns whose stored rows do not hold the value that a condition compares. */
const notCompared = ["hidden", "writeonly"] as const;

function checkedCondition(table: RuleTable, given: unknown, fields: ReadonlyMap<string, FieldKind>, wrong: WrongRules): RuleCondition {
  const condition = readCondition(copyOf(given), fields, wrong);
  for (const name of columnsOf(condition)) {
    const column = Object.hasOwn(table.columns, name) ? table.columns[name]! : {};
    const property = notCompared.find((each) => column[each] !== undefined && column[each] !== false);
    if (property !== undefined) throw wrong(`compares column ${name}, which is ${property}, and not in the rows that are read`, name);
  }
  const sample = fillIn(condition, (field) => sampleOf[fields.get(field) ?? "text"]);
  // A group of conditions on nothing.
  if (typeof sample === "boolean") throw wrong("has no condition; true stands for every row");
  try {
    table.makeFilter(sample);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    const [field] = fieldsOf(condition);
    const with_ =
      field === undefined
        ? ""
        : ` (an account's fields are ${[...fieldsOf(condition)].map((each) => `${each}: ${fields.get(each)}`).join(", ")})`;
    throw wrong(`cannot be asked: ${error.message}${with_}`, error.column);
  }
  refuseContradiction(sample, wrong);
  return condition;
}

const sampleOf: Readonly<Record<FieldKind, unknown>> = { text: "x", number: 1, flag: true, list: ["x"] };

/** A column that is to hold two values: no row ever fits. */
function refuseContradiction(filter: Filter, wrong: WrongRules): void {
  const values = new Map<string, unknown>();
  for (const condition of conjuncts(filter)) {
    const [name, value] = Object.entries(condition)[0]!;
    if (name.startsWith("$") || typeof value === "object") continue;
    if (values.has(name) && values.get(name) !== value) throw wrong(`asks that ${name} has two values at once`, name);
    values.set(name, value);
  }
}

/** Changes and deletes are of rows that are read: whoever reads none of them can never make one. */
function refuseUnread(table: string, rules: readonly Rule[]): void {
  for (const [i, { to, rows }] of rules.entries())
    for (const verb of ["update", "del"] as const)
      for (const name of rows.has(verb) ? to : [])
        if (!rules.some((other) => other.rows.has("read") && other.to.some((reader) => includes(reader, name))))
          throw wrongIn(table, `rule ${i + 1}`)(`allows ${verb} to ${name}, who read no rows; only rows that are read can be changed`);
}

/** Whether whoever is meant by one name is also meant by the other. */
function includes(wide: string, narrow: string): boolean {
  return wide === narrow || wide === "anonymous" || (wide === "account" && narrow !== "anonymous");
}

/** Values are taken when the tables are: what a caller does to its objects later changes no rule. */
function copyOf(given: unknown): unknown {
  try {
    return structuredClone(given);
  } catch {
    // Functions and the like, which no condition takes: whoever reads it says so.
    return given;
  }
}

function quoted(name: unknown): string {
  return typeof name === "string" ? JSON.stringify(name.slice(0, 50)) : `a ${typeof name}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
