// Definitions become tables: every rule on them is checked once, here, when a database is opened.

import { DbError, invalid } from "../errors.js";
import { keyKinds, kindOfType } from "./column-kinds.js";
import { checkerOf } from "./column-types.js";
import type { ColumnDefinition, ColumnDefinitions, TableDefinitions, TableSettings } from "./definition.js";
import {
  propertyRules,
  type ReservedName,
  reservedColumns,
  reservedTables,
  settingRules,
  type Fail,
  type PropertyRule,
} from "./definition-rules.js";
import { compileGroups } from "./index-groups.js";
import { joinKinds } from "./join.js";
import { isPlainObject } from "./plain-object.js";
import { linkTables, type Unlinked } from "./references.js";
import type { Column, Join, Table } from "./table.js";

/** Most characters of text in a key column whose definition does not say. */
export const maxKeyLength = 255;
/** Name of the column of open tables that holds what is not declared. */
export const restName = "_rest";

const nameForm = /^[A-Za-z][A-Za-z0-9_]{0,47}$/;

/**
 * The tables of an app's definitions, by name; frozen, and not changed when the definitions are.
 *
 * @throws DbError `invalid`, naming table, column and property, when a definition breaks a rule
 */
export function compileTables(definitions: TableDefinitions): ReadonlyMap<string, Table> {
  if (!isPlainObject(definitions)) throw invalid("tables must be an object of table definitions by name");
  const names = Object.keys(definitions);
  for (const name of names) if (!nameForm.test(name)) throw invalid(`table ${quoted(name)}: ${nameRule}`, { table: name });
  for (const name of names) {
    const reason = reservedFor(reservedTables, name);
    if (reason !== undefined) throw invalid(`table ${name}: the name is reserved: ${reason}`, { table: name });
  }
  const twin = caseTwin(names);
  if (twin !== undefined) throw invalid(`tables ${twin.join(" and ")} differ in case alone`, { table: twin[1] });
  return linkTables(new Map(names.map((name) => [name, compileTable(name, definitions[name])])));
}

const nameRule = "a name is a letter, then letters, digits and underscores, at most 48 in all";

function compileTable(name: string, definition: unknown): Unlinked {
  const fail = (what: string, column?: string, property?: string): never => {
    const where = `table ${name}${column === undefined ? "" : `, column ${quoted(column)}`}`;
    throw invalid(`${where}: ${what}`, {
      table: name,
      ...(column === undefined ? {} : { column }),
      ...(property === undefined ? {} : { detail: { property } }),
    });
  };
  const { columns: definitions, settings } = partsOf(definition, fail);
  const declared = compileColumns(definitions, fail);
  const byName = new Map(declared.map((column) => [column.name, column]));
  const stored = declared.filter((column) => column.index >= 0);
  const rest = settings.open ? restColumn(stored.length) : undefined;
  const key = keyOf(declared, fail);
  const ttls = stored.filter((column) => column.type === "ttl");
  if (ttls.length > 1) fail("only one column may have type ttl", ttls[1]!.name, "type");
  if (settings.owner !== undefined && !byName.has(settings.owner)) fail("setting owner must be the name of a column", undefined, "owner");
  for (const column of declared) checkCoordinates(column, byName, fail);
  for (const column of declared) checkDefault(name, column);
  return Object.freeze({
    name,
    columns: Object.freeze(rest === undefined ? stored : [...stored, rest]),
    byName,
    key,
    range: Object.freeze(key.slice(1)),
    ...compileGroups(stored, fail),
    joins: Object.freeze(
      declared.filter((column) => column.definition.join !== undefined).map((column) => compileJoin(column, byName, fail)),
    ),
    ttl: ttls[0],
    deletedAt: settings.softDelete === undefined ? undefined : deletedAtOf(settings.softDelete, byName, fail),
    search: Object.freeze(stored.filter((column) => column.definition.search)),
    rest,
    settings,
  });
}

function deletedAtOf(name: string, byName: ReadonlyMap<string, Column>, fail: Fail): Column {
  const column = byName.get(name) ?? fail("setting softDelete must be the name of a column", undefined, "softDelete");
  const { kind, type, definition } = column;
  const holdsTimes = kind === "time" || (kind === "int" && type !== "ttl" && type !== "now" && type !== "counter" && type !== "random");
  if (!holdsTimes) fail(`setting softDelete takes a column of type timestamp or bigint, not ${type}`, name, "softDelete");
  const kept = (
    ["primary", "hidden", "notEmpty", "value", "readonly", "writeonly", "multiplier", "min", "max", "values", "check"] as const
  ).find((property) => definition[property] !== undefined && definition[property] !== false);
  if (kept !== undefined)
    fail(`is set to the time at which a row is deleted, and is absent until then; it cannot have ${kept}`, name, "softDelete");
  return column;
}

function partsOf(definition: unknown, fail: Fail): { columns: ColumnDefinitions; settings: TableSettings } {
  if (!isPlainObject(definition)) fail("must be an object of columns, or the result of table()");
  if (!Object.hasOwn(definition, "$columns")) return { columns: definition as ColumnDefinitions, settings: Object.freeze({}) };
  const { $columns: columns, $settings: settings = {} } = definition;
  if (!isPlainObject(columns)) fail("columns must be an object of column definitions by name");
  if (!isPlainObject(settings)) fail("settings must be an object");
  for (const [name, value] of Object.entries(settings)) {
    const rule = ruleOf(settingRules, name) ?? fail(`unknown setting ${quoted(name)}`, undefined, name);
    if (value !== undefined && !rule.holds(value)) fail(`setting ${name} must be ${rule.mustBe}`, undefined, name);
  }
  return { columns: columns as ColumnDefinitions, settings: Object.freeze(present(settings)) };
}

function compileColumns(definitions: ColumnDefinitions, fail: Fail): readonly Column[] {
  const names = Object.keys(definitions);
  for (const name of names) {
    if (!nameForm.test(name)) fail(nameRule, name);
    const reason = reservedFor(reservedColumns, name);
    if (reason !== undefined) fail(`the name is reserved: ${reason}`, name);
  }
  const twin = caseTwin(names);
  if (twin !== undefined) fail(`differs from column ${twin[0]} in case alone`, twin[1]);
  let index = 0;
  return names.map((name) => {
    const definition = checkDefinition(name, definitions[name], fail);
    return compileColumn(name, definition, definition.hidden ? -1 : index++);
  });
}

function compileColumn(name: string, definition: ColumnDefinition, index: number): Column {
  const type = definition.type ?? "text";
  const kind = kindOfType[type];
  const isKey = definition.primary !== undefined;
  return Object.freeze({
    name,
    index,
    type,
    kind,
    isKey,
    element: kind === "list" ? (definition.of ?? "text") : undefined,
    isSet: type === "set",
    maxLength: definition.maxLength ?? (isKey && kind === "text" ? maxKeyLength : undefined),
    isRest: false,
    definition,
  });
}

function restColumn(index: number): Column {
  const definition = Object.freeze({ type: "json" } as const);
  return Object.freeze({ ...compileColumn(restName, definition, index), isRest: true });
}

function checkDefinition(name: string, definition: unknown, fail: Fail): ColumnDefinition {
  if (!isPlainObject(definition)) fail("must be an object of column properties", name);
  const given = present(definition) as ColumnDefinition;
  const type = given.type ?? "text";
  if (!propertyRules.type.holds(type)) fail(`unknown type ${quoted(type)}`, name, "type");
  for (const [property, value] of Object.entries(given)) {
    const rule = ruleOf(propertyRules, property) ?? fail(`unknown property ${quoted(property)}`, name, property);
    if (!rule.holds(value)) fail(`property ${property} must be ${rule.mustBe}`, name, property);
    const fits = (rule.kinds ?? [kindOfType[type]]).includes(kindOfType[type]) && (rule.types ?? [type]).includes(type);
    if (!fits && value !== false) fail(`property ${property} does not apply to a column of type ${type}`, name, property);
  }
  checkTogether(name, given, fail);
  return Object.freeze(given);
}

/** Rules on properties that stand side by side. */
function checkTogether(name: string, given: ColumnDefinition, fail: Fail): void {
  const kind = kindOfType[given.type ?? "text"];
  if (given.primary !== undefined) {
    if (!keyKinds.includes(kind)) fail(`a column of type ${given.type} cannot be part of the primary key`, name, "primary");
    if (given.hidden) fail("is hidden and cannot be part of the primary key", name, "hidden");
    if (given.writeonly) fail("is writeonly, so inserts leave it alone, and cannot be part of the primary key", name, "writeonly");
  }
  if (given.hidden && given.type === "ttl") fail("is hidden and cannot be the ttl", name, "hidden");
  if (given.hidden && (given.search || groupOf(given) !== undefined)) fail("is hidden and cannot be searched or indexed", name, "hidden");
  if (given.readonly && given.writeonly) fail("cannot be both readonly and writeonly", name, "writeonly");
  if (given.writeonly && given.notEmpty && (given.value ?? null) === null)
    fail("is writeonly, so inserts leave it without a value, and cannot be notEmpty without a default", name, "writeonly");
  if (given.lower && given.upper) fail("cannot be both lower and upper", name, "upper");
  if (given.min !== undefined && given.max !== undefined && given.min > given.max) fail("property min must not be above max", name, "min");
  if (given.type === "random" && ![given.min ?? 0, given.max ?? 0].every(Number.isSafeInteger)) {
    fail("properties min and max of a random column must be safe integers", name, "min");
  }
  if (given.join === undefined) {
    if (given.separator !== undefined) fail("property separator needs join", name, "separator");
    if (given.unjoin !== undefined) fail("property unjoin needs join", name, "unjoin");
  } else if (given.hidden || given.type === "uuid" || given.type === "tuuid" || given.type === "geohash") {
    fail("a joined column must be stored and of a text type without values of its own", name, "join");
  }
}

function groupOf(given: ColumnDefinition): string | undefined {
  return Object.keys(given).find((property) => /^(index|unique)[1-5]?$/.test(property));
}

function keyOf(columns: readonly Column[], fail: Fail): Table["key"] {
  // The sort is stable: equal numbers stay in order of definition.
  const sorted = columns.filter((column) => column.isKey).sort((a, b) => a.definition.primary! - b.definition.primary!);
  const [first, ...others] = sorted;
  if (first === undefined) return fail("needs a primary key: at least one column with property primary", undefined, "primary");
  let place = 0;
  for (const { name, definition } of sorted) {
    // A gap is a column that was forgotten, and without the first one another would be the hash key.
    if (definition.primary! > place + 1)
      fail(`property primary is ${definition.primary}, but no column has primary ${place + 1}`, name, "primary");
    place = definition.primary!;
  }
  return Object.freeze<[Column, ...Column[]]>([first, ...others]);
}

function compileJoin(column: Column, byName: ReadonlyMap<string, Column>, fail: Fail): Join {
  const { join = [], separator = "|", unjoin = false } = column.definition;
  const parts = join.map((name) => {
    const part = byName.get(name) ?? fail(`property join names ${quoted(name)}, which is not a column`, column.name, "join");
    if (!joinKinds.includes(part.kind)) fail(`property join names ${name}, whose type ${part.type} cannot be joined`, column.name, "join");
    if (part !== column && part.definition.join !== undefined)
      fail(`property join names ${name}, which is joined itself`, column.name, "join");
    return part;
  });
  const targets = unjoin === true ? join : unjoin === false ? [] : unjoin;
  const unjoined = targets.map(
    (name) =>
      parts.find((part) => part.name === name) ??
      fail(`property unjoin names ${quoted(name)}, which is not a part of join`, column.name, "unjoin"),
  );
  return Object.freeze({ column, parts: Object.freeze(parts), separator, unjoin: Object.freeze(unjoined) });
}

function checkCoordinates(column: Column, byName: ReadonlyMap<string, Column>, fail: Fail): void {
  const { lat, lon } = column.definition;
  if ((lat === undefined) !== (lon === undefined))
    fail("properties lat and lon go together", column.name, lat === undefined ? "lat" : "lon");
  for (const [property, name] of Object.entries({ lat, lon })) {
    if (name !== undefined && byName.get(name)?.kind !== "real")
      fail(`property ${property} must name a column of type real`, column.name, property);
  }
}

/** Makes the column's checker, which checks `values`, and lets it check the default. */
function checkDefault(table: string, column: Column): void {
  const { value } = column.definition;
  let property = "values";
  try {
    const check = checkerOf(column);
    property = "value";
    if (value !== undefined && value !== null) check(value);
  } catch (cause) {
    if (!(cause instanceof DbError)) throw cause;
    const message = `table ${table}, column ${quoted(column.name)}: property ${property} breaks the column's own rules: ${cause.message}`;
    throw invalid(message, { table, column: column.name, detail: { property }, cause });
  }
}

function reservedFor(reserved: readonly ReservedName[], name: string): string | undefined {
  return reserved.find((each) => each.name.test(name.toLowerCase()))?.reason;
}

function ruleOf(rules: Readonly<Record<string, PropertyRule>>, name: string): PropertyRule | undefined {
  return Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** A copy without members that are undefined; lists are copied too. */
function present(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const members = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members.map(([name, value]) => [name, Array.isArray(value) ? Object.freeze([...value]) : value]));
}

function caseTwin(names: readonly string[]): readonly [string, string] | undefined {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) return [other, name];
    seen.set(name.toLowerCase(), name);
  }
  return undefined;
}

function quoted(name: unknown): string {
  return JSON.stringify(String(name).slice(0, 60));
}
