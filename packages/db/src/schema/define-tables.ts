// How an app declares tables in code: the declarations are checked by the compiler here, and when a database is opened.

import type { ColumnDefinition, ColumnDefinitions, TableDefinitions, TableSettings, TableWithSettings } from "./definition.js";
import type { InputOf } from "./infer.js";

/** Refuses members that `Known` does not have: what is inferred for a type parameter may have any. The text is for the compiler's message. */
type Exactly<Given, Known> = string extends keyof Given
  ? unknown
  : { readonly [Name in Exclude<keyof Given, keyof Known>]: "there is no such property" };

type CheckedColumn<Column> = Exactly<Column, ColumnDefinition> & { readonly value?: InputOf<Column> | null | undefined };
/** Columns without properties that do not exist and with defaults of the column's own type. */
export type CheckedColumns<Columns> = string extends keyof Columns
  ? unknown
  : { readonly [Name in keyof Columns]: CheckedColumn<Columns[Name]> };
/** The same of every table. */
export type CheckedTables<Tables> = string extends keyof Tables
  ? unknown
  : { readonly [Name in keyof Tables]: [Tables[Name]] extends [ColumnDefinitions] ? CheckedColumns<Tables[Name]> : unknown };

// What is declared, as the bound of a type parameter: messages then say of a wrong value what it must be. openDb takes the
// types above beside its parameter instead, so that functions with tables of any type can call it.
type DeclaredColumns<Columns> = string extends keyof Columns
  ? ColumnDefinitions
  : { readonly [Name in keyof Columns]: Omit<ColumnDefinition, "value"> & CheckedColumn<Columns[Name]> };
type DeclaredTables<Tables> = string extends keyof Tables
  ? TableDefinitions
  : { readonly [Name in keyof Tables]: DeclaredTable<Tables[Name]> };
type DeclaredTable<Table> = Table extends TableWithSettings ? TableWithSettings : DeclaredColumns<Table>;

/** Declares tables in code; returns its argument with exact types, which type every call of the database. */
export function defineTables<const Tables extends DeclaredTables<Tables>>(tables: Tables): Tables {
  return tables;
}

/**
 * A table with settings.
 *
 * @param columns   the columns, by name
 * @param settings  `open`, `noscan`, `check`, `softDelete`, `owner`, `rules`, `cached` and `drivers`
 */
export function table<
  const Columns extends DeclaredColumns<Columns>,
  const Settings extends TableSettings & Exactly<Settings, TableSettings>,
>(columns: Columns, settings: Settings): TableWithSettings<Columns, Settings> {
  return { $columns: columns, $settings: settings };
}
