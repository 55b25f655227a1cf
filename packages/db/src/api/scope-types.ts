// Types of scopes: what an app writes, and the tables as calls within one know them.

import type { ColumnDefinitions, TableWithSettings } from "../schema/definition.js";
import type { FilterOf } from "../schema/filter-type.js";
import type { ColumnName, ColumnsOf, InputOf, IsOpen, Known, TableName } from "../schema/infer.js";

/** `"*"` in a list of columns: those of an open table that are not declared. */
type Undeclared<Tables, Name extends keyof Tables> = IsOpen<Tables, Name> extends true ? "*" : never;

/** What calls within a scope may see and do of one table. */
export interface TableScopeOf<Tables, Written, Name extends keyof Tables & keyof Written> {
  /** The rows that there are: a part of every read, and the guard of every write. Default: all. */
  readonly where?: FilterOf<Tables, Name> | undefined;
  /** Values that every row has which is written; nobody gives other ones. In keys they may be left out. */
  readonly set?: Known<Written, SetOf<ColumnsOf<Written, Name>>, Readonly<Record<string, unknown>>> | undefined;
  /** The columns that there are for reads, filters, sorts and what writes give back. Default: all. */
  readonly select?: readonly (ColumnName<Tables, Name> | Undeclared<Tables, Name>)[] | undefined;
  /** The columns that may be written beside the key; with an empty list rows are only read. Default: all. */
  readonly update?: readonly (ColumnName<Written, Name> | Undeclared<Written, Name>)[] | undefined;
}

type SetOf<Columns> = { readonly [Name in keyof Columns]?: InputOf<Columns[Name]> | null };

/** What stands for every table that is not named: their columns are checked when it is used. */
export interface AnyTableScope {
  readonly where?: Readonly<Record<string, unknown>> | undefined;
  readonly set?: Readonly<Record<string, unknown>> | undefined;
}

/** What calls within a scope may see and do, by table. Tables that are not named there are not. */
export type ScopeOf<Tables, Written> = {
  readonly [Name in TableName<Tables> & keyof Written]?: TableScopeOf<Tables, Written, Name>;
} & { readonly "*"?: AnyTableScope };

type ScopedName<Tables, Own> = "*" extends keyof Own ? keyof Tables : keyof Own & keyof Tables;
type OwnOf<Own, Name> = Name extends keyof Own ? Own[Name] : "*" extends keyof Own ? Own["*"] : unknown;

/** The tables as reads within a scope know them. */
export type ReadTables<Tables, Own> = Known<
  Tables,
  {
    readonly [Name in ScopedName<Tables, Own>]: OwnOf<Own, Name> extends { readonly select: readonly (infer Column)[] }
      ? Rebuilt<Tables[Name], Pick<ColumnsOf<Tables, Name>, Column & keyof ColumnsOf<Tables, Name>>, Column>
      : Tables[Name];
  },
  Tables
>;

/** The tables as keys and written rows within a scope know them. */
export type WrittenTables<Tables, Own> = Known<
  Tables,
  { readonly [Name in ScopedName<Tables, Own>]: WrittenTable<Tables, Name, OwnOf<Own, Name>> },
  Tables
>;

type WrittenTable<Tables, Name extends keyof Tables, Own> = Rebuilt<
  Tables[Name],
  WithSet<WrittenColumns<ColumnsOf<Tables, Name>, Own>, Own>,
  Own extends { readonly update: readonly (infer Column)[] } ? Column : "*"
>;
type WrittenColumns<Columns, Own> = Own extends { readonly update: readonly (infer Column)[] }
  ? { readonly [Name in keyof Columns as Name extends Column | SetName<Own> | KeyOrPart<Columns> ? Name : never]: Columns[Name] }
  : Columns;
type SetName<Own> = Own extends { readonly set: infer Values } ? keyof Values : never;
type KeyOrPart<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly primary: number }
    ? Name | (Columns[Name] extends { readonly join: readonly (infer Part)[] } ? Part : never)
    : never;
}[keyof Columns];
/** Columns that are set need not be given, as those that have a value of their own. */
type WithSet<Columns, Own> = {
  readonly [Name in keyof Columns]: Name extends SetName<Own>
    ? Omit<Columns[Name], "primary" | "value"> & { readonly value: NonNullable<unknown> }
    : Columns[Name];
};

/** A table with other columns. @typeParam Named  names "*" where the undeclared ones of an open table are among them */
type Rebuilt<Definition, Columns, Named> = Columns extends ColumnDefinitions
  ? Definition extends { readonly $settings: infer Settings extends object }
    ? TableWithSettings<Columns, "*" extends Named ? Settings : Omit<Settings, "open">>
    : Columns
  : never;

/** Nothing for what a scope may hold, `never` for what it may not: a type that is inferred may have more members than it should. */
export type CheckedScope<Tables, Written, Own> = Known<
  Tables,
  {
    readonly [Name in keyof Own]: Name extends keyof Tables & keyof Written
      ? CheckedPart<Own[Name], "where", keyof FilterOf<Tables, Name>> & CheckedPart<Own[Name], "set", keyof ColumnsOf<Written, Name>>
      : Name extends "*"
        ? unknown
        : never;
  },
  unknown
>;
type CheckedPart<Own, Part extends string, Names> =
  Own extends Readonly<Record<Part, infer Given>>
    ? { readonly [P in Part]: { readonly [Name in keyof Given]: Name extends Names ? unknown : never } }
    : unknown;
