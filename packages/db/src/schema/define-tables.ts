// How an app declares tables in code: the declarations are checked by the compiler here, and when a database is opened.

import type { ColumnDefinition, ColumnDefinitions, TableDefinitions, TableSettings, TableWithSettings } from "./definition.js";
import type { InputOf } from "./infer.js";

/** Refuses members that `Known` does not have: what is inferred for a type parameter may have any. */
type Exactly<Given, Known> = string extends keyof Given ? unknown : { readonly [Name in Exclude<keyof Given, keyof Known>]: never };

type CheckedColumn<Column> = Exactly<Column, ColumnDefinition> & { readonly value?: InputOf<Column> | null | undefined };
/** Columns without properties that do not exist and with defaults of the column's own type. */
export type CheckedColumns<Columns> = string extends keyof Columns
  ? unknown
  : { readonly [Name in keyof Columns]: CheckedColumn<Columns[Name]> };
/** The same of every table. */
export type CheckedTables<Tables> = string extends keyof Tables
  ? unknown
  : { readonly [Name in keyof Tables]: [Tables[Name]] extends [ColumnDefinitions] ? CheckedColumns<Tables[Name]> : unknown };

/** Declares tables in code; returns its argument with exact types, which type every call of the database. */
export function defineTables<const Tables extends TableDefinitions>(tables: Tables & CheckedTables<Tables>): Tables {
  return tables;
}

/**
 * A table with settings.
 *
 * @param columns   the columns, by name
 * @param settings  `open`, `noscan`, `check`, `owner` and `drivers`
 */
export function table<const Columns extends ColumnDefinitions, const Settings extends TableSettings>(
  columns: Columns & CheckedColumns<Columns>,
  settings: Settings & Exactly<Settings, TableSettings>,
): TableWithSettings<Columns, Settings> {
  return { $columns: columns, $settings: settings };
}
