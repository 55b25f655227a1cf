// Types of what aggregate takes and gives, by the definitions of tables.

import type { AnyColumns, ColumnsOf, JsonType, Known, ListType, NumberType, TypeOf, ValueOf } from "./infer.js";

type Flat<T> = { [Name in keyof T]: T[Name] };

/** The columns that groups may be made by: those that have an order. */
export type GroupName<Tables, Name extends keyof Tables> = Known<Tables, SortName<ColumnsOf<Tables, Name>>, string>;

type SortName<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly hidden: true }
    ? never
    : TypeOf<Columns[Name]> extends JsonType | ListType | "geopoint" | "blob"
      ? never
      : Name;
}[keyof Columns] &
  string;

/** The columns of numbers, which have sums and averages. */
export type NumberName<Tables, Name extends keyof Tables> = Known<Tables, NumberColumn<ColumnsOf<Tables, Name>>, string>;
type NumberColumn<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly hidden: true }
    ? never
    : TypeOf<Columns[Name]> extends NumberType | "int64" | "decimal" | "numeric"
      ? Name
      : never;
}[keyof Columns] &
  string;

/** What groups may be sorted by: columns of `by`, and what is computed. */
export type GroupSortOf<Tables, Name extends keyof Tables> = Known<Tables, Descending<GroupSort<ColumnsOf<Tables, Name>>>, string>;
type Descending<Sort extends string> = Sort | `-${Sort}`;
type GroupSort<Columns> =
  | SortName<Columns>
  | "count()"
  | `${"sum" | "avg"}(${NumberColumn<Columns>})`
  | `${"min" | "max"}(${SortName<Columns>})`;

type Names = readonly string[] | undefined;
/** What `aggregate` is asked for: columns by option, and whether rows are counted. */
export interface AsksAggregate {
  readonly by: Names;
  readonly count: boolean | undefined;
  readonly sum: Names;
  readonly avg: Names;
  readonly min: Names;
  readonly max: Names;
}

/**
 * A row of `aggregate`: a member for each option that was given. Sums, averages and ends are null where no row has a value;
 * in a group, which has a row, those of key columns are not.
 */
export type AggregateRowOf<Tables, Name extends keyof Tables, Asked extends AsksAggregate> = Known<
  Tables,
  AggregateRow<ColumnsOf<Tables, Name>, Asked>,
  {
    readonly by: AnyColumns;
    readonly count: number;
    readonly sum: AnyColumns;
    readonly avg: AnyColumns;
    readonly min: AnyColumns;
    readonly max: AnyColumns;
  }
>;
type AggregateRow<Columns, Asked extends AsksAggregate> = Flat<
  Member<"by", Asked["by"], { -readonly [Name in Among<Columns, Asked["by"]>]: ReadValue<Columns[Name]> }> &
    (true extends Asked["count"] ? (Asked["count"] extends true ? { count: number } : { count?: number }) : unknown) &
    Member<
      "sum",
      Asked["sum"],
      { -readonly [Name in Among<Columns, Asked["sum"]>]: SumOf<Columns[Name]> | Nothing<Columns[Name], Asked["by"]> }
    > &
    Member<
      "avg",
      Asked["avg"],
      { -readonly [Name in Among<Columns, Asked["avg"]>]: AverageOf<Columns[Name]> | Nothing<Columns[Name], Asked["by"]> }
    > &
    Member<
      "min",
      Asked["min"],
      { -readonly [Name in Among<Columns, Asked["min"]>]: ValueOf<Columns[Name]> | Nothing<Columns[Name], Asked["by"]> }
    > &
    Member<
      "max",
      Asked["max"],
      { -readonly [Name in Among<Columns, Asked["max"]>]: ValueOf<Columns[Name]> | Nothing<Columns[Name], Asked["by"]> }
    >
>;
type Member<Option extends string, Asked, Values> = [Asked] extends [undefined] ? unknown : { [Name in Option]: Values };
type Among<Columns, Asked> = Asked extends readonly (infer Name)[] ? Name & keyof Columns : never;
// Rows older than a column are without it, whatever reads show in its place; those of the key are there.
type ReadValue<Column> = Column extends { readonly primary: number } ? ValueOf<Column> : ValueOf<Column> | null;
type Nothing<Column, By> = By extends readonly [unknown, ...unknown[]]
  ? Column extends { readonly primary: number }
    ? never
    : null
  : null;
type SumOf<Column> = TypeOf<Column> extends "int64" ? bigint : AverageOf<Column>;
type AverageOf<Column> = TypeOf<Column> extends "decimal" | "numeric" ? string : number;
