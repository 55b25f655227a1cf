// A declared table as the data API serves it: who may see and set which column, worked out once.

import { isAdmin } from "@bk/auth";
import { type AccountRules, type ColumnSet, type Grants, type RowRules, type TableAccess } from "@bk/auth/row-rules";
import {
  type ColumnDefinition,
  type DeclaredReference,
  referencesOf,
  type TableDefinition,
  type TableDefinitions,
  type TableSettings,
  type TypeName,
} from "@bk/db";

import { badRequest, forbidden, unsigned } from "../error-response.js";
import { refuseContradictions } from "./contradictions.js";

/** Who asks: the signed account, or nobody, and what the tables' rules allow to it. */
export interface Caller {
  readonly id: string;
  readonly login: string;
  readonly isAdmin: boolean;
  readonly isSigned: boolean;
  readonly rules: AccountRules;
}

export interface ServedColumn {
  readonly name: string;
  readonly type: TypeName;
  readonly definition: ColumnDefinition;
}

export interface ServedTable {
  readonly name: string;
  readonly columns: ReadonlyMap<string, ServedColumn>;
  /** Primary key columns in order. */
  readonly key: readonly string[];
  readonly settings: TableSettings;
  readonly references: readonly DeclaredReference[];
  /** Columns of a key: its own, and those that its joined ones are made of. */
  readonly keyNames: ReadonlySet<string>;
  /**
   * Columns that admins alone set: `admin` ones, and `secure` ones in a unique group, whose conflicts would tell others
   * what they hold.
   */
  readonly adminSets: ReadonlySet<string>;
}

/**
 * The tables of an app, made ready to be served.
 *
 * @throws BkError `invalid`, naming table and column, where a definition contradicts itself
 */
export function servedTables(definitions: TableDefinitions): ReadonlyMap<string, ServedTable> {
  const references = referencesOf(definitions);
  return new Map(
    Object.entries(definitions).map(([name, definition]) => [name, servedTable(name, definition, references.get(name) ?? [])]),
  );
}

function servedTable(name: string, definition: TableDefinition, references: readonly DeclaredReference[]): ServedTable {
  const { columns: definitions, settings } = partsOf(definition);
  const columns = Object.entries(definitions).map(([column, given]): ServedColumn => ({
    name: column,
    type: given.type ?? "text",
    definition: given,
  }));
  const named = (sees: (definition: ColumnDefinition) => boolean | undefined): ReadonlySet<string> =>
    new Set(columns.filter((column) => sees(column.definition)).map((column) => column.name));
  const keys = columns.filter((column) => column.definition.primary !== undefined);
  refuseContradictions(name, definitions, settings.owner);
  return {
    name,
    columns: new Map(columns.map((column) => [column.name, column])),
    key: keys.sort((a, b) => a.definition.primary! - b.definition.primary!).map((column) => column.name),
    settings,
    references,
    keyNames: new Set(keys.flatMap((column) => [column.name, ...(column.definition.join ?? [])])),
    adminSets: named((column) => column.admin === true || (column.secure === true && isUnique(column))),
  };
}

function isUnique(definition: ColumnDefinition): boolean {
  return Object.entries(definition).some(([property, value]) => /^unique\d?$/.test(property) && value !== undefined);
}

function partsOf(definition: TableDefinition): { columns: Readonly<Record<string, ColumnDefinition>>; settings: TableSettings } {
  if (!Object.hasOwn(definition, "$columns")) return { columns: definition as Readonly<Record<string, ColumnDefinition>>, settings: {} };
  const { $columns: columns, $settings: settings } = definition as {
    $columns: Readonly<Record<string, ColumnDefinition>>;
    $settings: TableSettings;
  };
  return { columns, settings };
}

/** The caller that an account is; undefined: nobody. */
export function callerOf(
  rules: RowRules,
  account: { readonly id: string; readonly login: string; readonly type?: string | readonly string[] | null | undefined } | undefined,
): Caller {
  if (account === undefined) return { id: "", login: "", isAdmin: false, isSigned: false, rules: rules.rulesFor(undefined) };
  const { id, login } = account;
  return { id, login, isAdmin: isAdmin(account), isSigned: true, rules: rules.rulesFor(account as Parameters<RowRules["rulesFor"]>[0]) };
}

/** What a caller may do with a table. */
export function accessOf({ name }: ServedTable, { rules }: Caller): TableAccess {
  return rules.table(name)!;
}

/** What a caller reads of a table. @throws HttpError 403 where that is nothing, 401 for nobody */
export function readable(table: ServedTable, caller: Caller, field?: string): Grants {
  return accessOf(table, caller).read ?? refuse(caller, `${table.name} is not open to this account`, field);
}

/** @throws HttpError 403, or 401 where somebody with an account may be allowed more */
export function refuse({ isSigned }: Caller, message: string, field?: string): never {
  throw isSigned ? forbidden(message, field) : unsigned(message, field);
}

/** Whether a caller may find a row of the table by its key, as those do who ask of rows that others refer to. */
export function refersTo(table: ServedTable, caller: Caller): boolean {
  const { read } = accessOf(table, caller);
  return read !== undefined && table.key.every((name) => read.some.names.has(name) || table.columns.get(name)?.definition.admin !== true);
}

/** The columns that filters may name: those that are seen in all rows that are read, and those that hold the caller's id in them. */
export function filterable({ every, ofAccount }: Grants): ColumnSet {
  return ofAccount.size === 0 ? every : { names: new Set([...every.names, ...ofAccount]), rest: every.rest };
}

/** The declared column of a name. In open tables undeclared columns are seen by admins and owners. */
export function columnNamed(table: ServedTable, name: string): ServedColumn | undefined {
  const column = table.columns.get(name);
  if (column !== undefined) return column;
  if (table.settings.open === true && /^[A-Za-z]\w*$/.test(name)) return undefined;
  throw badRequest(`${table.name}: unknown column ${JSON.stringify(name.slice(0, 50))}`, name);
}

/** Whether a column is one of some. */
export function isIn({ names, rest }: ColumnSet, table: ServedTable, name: string): boolean {
  return table.columns.has(name) ? names.has(name) : rest;
}

/** Refuses a column that must not be asked for. @param use  completes "may not be", such as "sorted by" */
export function requireSeen(table: ServedTable, seen: ColumnSet, name: string, use: string): void {
  columnNamed(table, name);
  if (!isIn(seen, table, name)) throw forbidden(`${table.name}: column ${name} may not be ${use} by this account`, name);
}

/** The row with the columns of `seen`. */
export function visibleRow(table: ServedTable, row: Readonly<Record<string, unknown>>, seen: ColumnSet): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const name in row) if (isIn(seen, table, name)) shown[name] = row[name];
  return shown;
}
