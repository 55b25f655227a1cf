// Types of `include`: what may be asked for by the references of the tables, and what the rows have then.

import type { FilterOf } from "./filter-type.js";
import type { ColumnName, RowOf, Selected, SortOf } from "./infer.js";
import type { ReferencesOf } from "./reference-type.js";

/** What `include` is made of, whatever the tables. */
export interface IncludeShape {
  readonly [name: string]: true | EntryShape;
}
interface EntryShape {
  readonly from?: string;
  readonly by?: string;
  readonly select?: readonly string[];
  readonly filter?: unknown;
  readonly sort?: string | readonly string[];
  readonly count?: number;
  readonly scan?: boolean;
  readonly include?: IncludeShape;
}

/** The row that is referred to. */
export interface IncludeOne<Tables, Target extends keyof Tables, By> {
  /** The reference; default: the name under which the row stands. */
  readonly by?: By;
  /** The columns of the row; default: all. */
  readonly select?: readonly ColumnName<Tables, Target>[];
  readonly include?: IncludeShape;
}

/** The rows that refer to this one. */
export interface IncludeMany<Tables, From extends keyof Tables, By> {
  /** The table with the rows. */
  readonly from: From;
  /** Its reference to this one. */
  readonly by: By;
  readonly select?: readonly ColumnName<Tables, From>[];
  /** A filter that the rows match as well. */
  readonly filter?: FilterOf<Tables, From>;
  readonly sort?: SortOf<Tables, From> | readonly SortOf<Tables, From>[];
  /** Most rows for each row, 1 to 10,000; default 50. */
  readonly count?: number;
  /** Allow a read of the whole table where no key or index serves. Default false. */
  readonly scan?: boolean;
  readonly include?: IncludeShape;
}

type ByOf<Name, Entry> = Entry extends { readonly by: infer By extends string } ? By : Name;
type NamesOfReferencesTo<Tables, From extends keyof Tables, Target> = {
  [Name in keyof ReferencesOf<Tables, From>]: ReferencesOf<Tables, From>[Name] extends Target ? Name : never;
}[keyof ReferencesOf<Tables, From>];

/** Refuses inclusions of what is no reference, unknown columns and unknown options. */
export type CheckedInclude<Tables, Name extends keyof Tables, Include> = string extends keyof Tables
  ? unknown
  : { readonly [As in keyof Include]: CheckedEntry<Tables, Name, As, Include[As]> };

type CheckedEntry<Tables, Name extends keyof Tables, As, Entry> = Entry extends { readonly from: infer From }
  ? From extends keyof Tables & string
    ? Exact<Entry, IncludeMany<Tables, From, NamesOfReferencesTo<Tables, From, Name>>> &
        CheckedFilter<Entry, FilterOf<Tables, From>> &
        Nested<Tables, From, Entry>
    : { readonly from: keyof Tables & string }
  : ByOf<As, Entry> extends keyof ReferencesOf<Tables, Name>
    ? ReferencesOf<Tables, Name>[ByOf<As, Entry>] extends infer Target extends keyof Tables
      ? true | (Exact<Entry, IncludeOne<Tables, Target, ByOf<As, Entry>>> & Nested<Tables, Target, Entry>)
      : never
    : never;

// What a caller gives is joined with what it may be, and a text joined with an object of optional operators is a text.
type CheckedFilter<Entry, Filter> = Entry extends { readonly filter: infer Given }
  ? Given extends Filter
    ? unknown
    : { readonly filter: never }
  : unknown;
type Exact<Given, Known> = Known & { readonly [Option in Exclude<keyof Given, keyof Known>]: never };
type Nested<Tables, Name extends keyof Tables, Entry> = Entry extends { readonly include: infer Include }
  ? { readonly include?: CheckedInclude<Tables, Name, Include> }
  : unknown;

/** A row with what is included in it. */
export type Including<Tables, Name extends keyof Tables, Row, Include> = [Include] extends [undefined]
  ? Row
  : string extends keyof Tables
    ? Row
    : Flat<
        { [Column in keyof Row as Column extends keyof Include ? never : Column]: Row[Column] } & {
          -readonly [As in keyof Include]: IncludedValue<Tables, Name, As, Include[As]>;
        }
      >;

type IncludedValue<Tables, Name extends keyof Tables, As, Entry> = Entry extends { readonly from: infer From extends keyof Tables }
  ? IncludedRow<Tables, From, Entry>[]
  : ByOf<As, Entry> extends keyof ReferencesOf<Tables, Name>
    ? ReferencesOf<Tables, Name>[ByOf<As, Entry>] extends infer Target extends keyof Tables
      ? IncludedRow<Tables, Target, Entry> | null
      : never
    : never;

type IncludedRow<Tables, Name extends keyof Tables, Entry> = Including<
  Tables,
  Name,
  Selected<RowOf<Tables, Name>, Entry extends { readonly select: infer Select } ? Select : undefined>,
  Entry extends { readonly include: infer Include } ? Include : undefined
>;

type Flat<T> = { [Name in keyof T]: T[Name] };
