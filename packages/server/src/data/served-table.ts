// A declared table as the data API serves it: who may see and set which column, worked out once.

import { isAdmin } from "@bk/auth";
import {
  type ColumnDefinition,
  type DeclaredReference,
  referencesOf,
  type TableDefinition,
  type TableDefinitions,
  type TableSettings,
  type TypeName,
} from "@bk/db";

import { badRequest, forbidden } from "../error-response.js";
import { refuseContradictions } from "./contradictions.js";

/** Who asks: the signed account. */
export interface Caller {
  readonly id: string;
  readonly login: string;
  readonly isAdmin: boolean;
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
  readonly owner: string | undefined;
  readonly references: readonly DeclaredReference[];
  /** Columns of a key: its own, and those that its joined ones are made of. */
  readonly keyNames: ReadonlySet<string>;
  /**
   * Columns that admins alone set: `admin` ones, and `secure` ones in a unique group, whose conflicts would tell others
   * what they hold.
   */
  readonly adminSets: ReadonlySet<string>;
  /** Columns that an admin sees: all but `secure`. */
  readonly adminSees: ReadonlySet<string>;
  /** Columns that an account sees of its own rows: all but `secure` and `admin`. */
  readonly ownSees: ReadonlySet<string>;
  /** Columns that every account sees of every row. */
  readonly allSee: ReadonlySet<string>;
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
    owner: settings.owner,
    references,
    keyNames: new Set(keys.flatMap((column) => [column.name, ...(column.definition.join ?? [])])),
    adminSets: named((column) => column.admin === true || (column.secure === true && isUnique(column))),
    adminSees: named((column) => !column.secure),
    ownSees: named((column) => !column.secure && !column.admin),
    allSee: named((column) => column.pub && !column.secure && !column.admin),
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

/** The caller that an account is. */
export function callerOf(account: {
  readonly id: string;
  readonly login: string;
  readonly type?: string | readonly string[] | null | undefined;
}): Caller {
  return { id: account.id, login: account.login, isAdmin: isAdmin(account) };
}

/**
 * What a caller may do with the rows of a table:
 * - `all`: an admin; every row, every column but `secure`;
 * - `own`: rows of their own alone;
 * - `mixed`: rows of their own, and the `pub` columns of others;
 * - `public`: the `pub` columns of every row; no writes;
 * - `none`: nothing.
 */
export type Reach = "all" | "own" | "mixed" | "public" | "none";

export function reachOf(table: ServedTable, caller: Caller): Reach {
  if (caller.isAdmin) return "all";
  // An account without an id owns nothing: rows without an owner are not its own.
  if (table.owner !== undefined && caller.id !== "") return table.allSee.size === 0 ? "own" : "mixed";
  return table.allSee.size === 0 ? "none" : "public";
}

/** Whether a caller may find a row of the table by its key, as those do who ask of rows that others refer to. */
export function refersTo(table: ServedTable, caller: Caller): boolean {
  if (caller.isAdmin) return true;
  return reachOf(table, caller) !== "none" && table.key.every((name) => table.columns.get(name)?.definition.admin !== true);
}

/** The columns that a caller sees of rows that they reach so; of `mixed` those of their own rows. */
export function seenBy(table: ServedTable, reach: Reach): ReadonlySet<string> {
  return reach === "all" ? table.adminSees : reach === "public" || reach === "none" ? table.allSee : table.ownSees;
}

/** The columns that conditions and sorts may name: with rows of others among those read, only what is seen of these. */
export function filterable(table: ServedTable, reach: Reach): ReadonlySet<string> {
  return reach === "mixed" ? table.allSee : seenBy(table, reach);
}

/** The declared column of a name. In open tables undeclared columns are seen by admins and owners. */
export function columnNamed(table: ServedTable, name: string): ServedColumn | undefined {
  const column = table.columns.get(name);
  if (column !== undefined) return column;
  if (table.settings.open === true && /^[A-Za-z]\w*$/.test(name)) return undefined;
  throw badRequest(`${table.name}: unknown column ${JSON.stringify(name.slice(0, 50))}`, name);
}

/** Refuses a column that must not be asked for. @param use  completes "may not be", such as "sorted by" */
export function requireSeen(table: ServedTable, seen: ReadonlySet<string>, name: string, use: string): void {
  const column = columnNamed(table, name);
  const visible = column === undefined ? seen !== table.allSee : seen.has(name);
  if (!visible) throw forbidden(`${table.name}: column ${name} may not be ${use} by this account`, name);
}

/** The row with the columns of `seen` (and of an open table the undeclared ones, unless only the public ones are seen). */
export function visibleRow(table: ServedTable, row: Readonly<Record<string, unknown>>, seen: ReadonlySet<string>): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const name in row) if (table.columns.has(name) ? seen.has(name) : seen !== table.allSee) shown[name] = row[name];
  return shown;
}
