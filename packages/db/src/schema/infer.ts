// Types of rows, keys, filters and changes that follow from the definitions of tables.

import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { ChangeOp } from "./operators.js";
import type { ColumnDefinitions, TypeName } from "./definition.js";

/** What JSON columns hold. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

export type NumberType =
  | "int"
  | "smallint"
  | "bigint"
  | "counter"
  | "now"
  | "mtime"
  | "ttl"
  | "random"
  | "real"
  | "float"
  | "double"
  | "number";
type TimeType = "date" | "timestamp" | "datetime";
export type JsonType = "json" | "obj" | "object" | "array";
export type ListType = "list" | "set";
type Amount = "int" | "smallint" | "bigint" | "int64" | "counter" | "real" | "float" | "double" | "number" | "decimal" | "numeric";

export type TypeOf<Column> = Column extends { readonly type: infer Type extends TypeName } ? Type : "text";
export type ElementOf<Column> = Column extends { readonly of: "int" | "real" } ? number : string;

/** `values` narrows strings and numbers, and the elements of lists and sets, to what it names. */
type Allowed<Column, Value> = Column extends { readonly values: readonly (infer Named)[] } ? Extract<Named, Value> : Value;

/** The value of a column's type, where it is present. */
export type BaseOf<Column> =
  TypeOf<Column> extends infer Type
    ? Type extends NumberType
      ? Allowed<Column, number>
      : Type extends "int64"
        ? bigint
        : Type extends "decimal" | "numeric"
          ? string
          : Type extends "bool" | "boolean"
            ? boolean
            : Type extends TimeType
              ? Date
              : Type extends JsonType
                ? JsonValue
                : Type extends "geopoint"
                  ? { lat: number; lon: number }
                  : Type extends ListType
                    ? Allowed<Column, ElementOf<Column>>[]
                    : Type extends "blob"
                      ? Uint8Array
                      : Allowed<Column, string>
    : never;

/** What a caller may give for a column's type: as it is read, and some forms that are taken for it. */
type BaseInputOf<Column> =
  TypeOf<Column> extends "decimal" | "numeric"
    ? string | number
    : TypeOf<Column> extends JsonType
      ? unknown
      : TypeOf<Column> extends ListType
        ? readonly Allowed<Column, ElementOf<Column>>[]
        : BaseOf<Column>;

/** What a column's `check` makes of its type; where the schema says nothing of use, the type stays. */
type Narrowed<Base, Checked> = unknown extends Checked ? Base : [Checked] extends [Base] ? Checked : Base;
type IsJson<Column> = TypeOf<Column> extends JsonType ? true : false;

/** The value of a column, where it is present: of its type, or what its `check` gives. */
export type ValueOf<Column> = Column extends { readonly check: infer Schema extends StandardSchemaV1 }
  ? Narrowed<IsJson<Column> extends true ? unknown : BaseOf<Column>, NonNullable<StandardSchemaV1.InferOutput<Schema>>> extends infer Value
    ? unknown extends Value
      ? BaseOf<Column>
      : Value
    : never
  : BaseOf<Column>;

/** What a caller may give for a column: as its type or its `check` takes it. */
export type InputOf<Column> = Column extends { readonly check: infer Schema extends StandardSchemaV1 }
  ? Narrowed<BaseInputOf<Column>, NonNullable<StandardSchemaV1.InferInput<Schema>>>
  : BaseInputOf<Column>;

// What a condition gives is no alias: messages list the names, not the definitions that the alias was given.
export type TableName<Tables> = [Tables] extends [never] ? never : keyof Tables & string;

/** Where the tables are not known when the code is compiled, `Type` gives way to `Loose`. */
export type Known<Tables, Type, Loose = AnyColumns> = string extends keyof Tables ? Loose : Type;
/** Columns that are not known when the code is compiled. */
export interface AnyColumns {
  [column: string]: unknown;
}

/** The definitions of a table's columns. */
export type ColumnsOf<Tables, Name extends keyof Tables> = Tables[Name] extends {
  readonly $columns: infer Columns extends ColumnDefinitions;
}
  ? Columns
  : Tables[Name] extends ColumnDefinitions
    ? Tables[Name]
    : never;

export type IsOpen<Tables, Name extends keyof Tables> = Tables[Name] extends { readonly $settings: { readonly open: true } } ? true : false;
type OpenColumns<Tables, Name extends keyof Tables> = IsOpen<Tables, Name> extends true ? AnyColumns : unknown;

/** Names of the declared columns. */
export type ColumnName<Tables, Name extends keyof Tables> = Known<Tables, keyof ColumnsOf<Tables, Name> & string, string>;

type KeyName<Columns> = { [Name in keyof Columns]: Columns[Name] extends { readonly primary: number } ? Name : never }[keyof Columns] &
  string;
type JoinedName<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly join: readonly string[] } ? Name : never;
}[keyof Columns];
type PartName<Columns, Name extends keyof Columns> = Columns[Name] extends { readonly join: readonly (infer Part)[] }
  ? Part & keyof Columns
  : never;
type UnjoinedName<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly unjoin: true }
    ? PartName<Columns, Name>
    : Columns[Name] extends { readonly unjoin: readonly (infer Part)[] }
      ? Part
      : never;
}[keyof Columns];
type ReadName<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly hidden: true } ? (Name extends UnjoinedName<Columns> ? Name : never) : Name;
}[keyof Columns];

// Messages of the compiler show an alias with its arguments. Those of these are the name of a table and its columns as calls
// give or take them, so that no message writes out a definition; the columns must be no alias themselves.
type Row<_Table, Columns> = { [Column in keyof Columns]: Columns[Column] };
type NewRow<_Table, Columns> = { [Column in keyof Columns]: Columns[Column] };
type ChangedRow<_Table, Columns> = { [Column in keyof Columns]: Columns[Column] };
type Changes<_Table, Columns> = { [Column in keyof Columns]: Columns[Column] };
type ChangeOps<_Table, Columns> = { [Column in keyof Columns]: Columns[Column] };
type Key<_Table, Columns> = { [Column in keyof Columns]: Columns[Column] };

/** Types whose columns inserts fill with values of their own. */
type FilledType = "uuid" | "tuuid" | "random" | "now" | "counter";
/** Columns that inserts fill when they are left out. */
type Filled = { readonly type: FilledType } | { readonly value: NonNullable<unknown> };
/** Columns that every row has a value of, however old it is. */
type Present = { readonly primary: number } | { readonly notEmpty: true } | { readonly type: "now" | "counter" };

/**
 * A row as it is read: every column, null where absent. Key columns and `notEmpty`, `now` and `counter` ones are never
 * absent; others may be, those with a default too: it can be unset, and rows may be older than the column. Hidden columns
 * are there when a joined column fills them.
 */
export type RowOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  RowOfColumns<Name, ColumnsOf<Tables, Name>> & OpenColumns<Tables, Name>
>;

type RowOfColumns<Table, Columns> = Row<
  Table,
  {
    -readonly [Name in ReadName<Columns>]: IsPresent<Columns[Name]> extends true ? ValueOf<Columns[Name]> : ValueOf<Columns[Name]> | null;
  }
>;

type IsPresent<Column> = Column extends { readonly hidden: true } ? false : Column extends Present ? true : false;

/** The columns that a read names, or all of them. */
export type Selected<Row, Select> = Select extends readonly (infer Name)[] ? Pick<Row, Name & keyof Row> : Row;

// What identifies a row by one column of its key: the column, or its parts where it is joined.
type KeyPart<Columns, Name extends keyof Columns> =
  | { readonly [Column in Name]: InputOf<Columns[Column]> }
  | (Columns[Name] extends { readonly join: readonly string[] }
      ? { readonly [Part in PartName<Columns, Name>]: InputOf<Columns[Part]> }
      : never);

type KeyObject<Columns, Names extends keyof Columns> = {
  readonly [Name in Exclude<Names, JoinedName<Columns>>]: InputOf<Columns[Name]>;
} & JoinedParts<Columns, Extract<Names, JoinedName<Columns>>>;
// What is inferred for the parameter of a union of functions is the intersection of what each takes.
type JoinedParts<Columns, Names extends keyof Columns> = [Names] extends [never]
  ? unknown
  : { [Name in Names]: (part: KeyPart<Columns, Name>) => void }[Names] extends (part: infer Part) => void
    ? Part
    : never;

type IsSingle<Name, All = Name> = Name extends unknown ? ([All] extends [Name] ? true : false) : never;

/** A key: an object of the key columns, or of the parts of a joined one; the bare value too where the key is one column. */
export type KeyOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  Key<Name, KeyObject<ColumnsOf<Tables, Name>, KeyName<ColumnsOf<Tables, Name>>>> | BareKey<ColumnsOf<Tables, Name>>,
  unknown
>;
type BareKey<Columns> = IsSingle<KeyName<Columns>> extends true ? InputOf<Columns[KeyName<Columns>]> : never;

type GivenKeyName<Columns> = { [Name in KeyName<Columns>]: Columns[Name] extends FilledKey ? never : Name }[KeyName<Columns>];
// A counter in a key is not filled: rows would not differ.
type FilledKey = Exclude<Filled, { readonly type: FilledType }> | { readonly type: Exclude<FilledType, "counter"> };

/** What may be given for a column: null leaves it without a value, where it may be without. No alias, as {@link TableName}. */
type Given<Column> = [Column] extends [never] ? never : InputOf<Column> | (IsPresent<Column> extends true ? never : null);
type OptionalColumns<Columns> = { readonly [Name in keyof Columns]?: Given<Columns[Name]> | undefined };
type RequiredColumns<Columns> = { readonly [Name in RequiredName<Columns>]: InputOf<Columns[Name]> };
type RequiredName<Columns> = {
  [Name in keyof Columns]: Columns[Name] extends { readonly notEmpty: true }
    ? Columns[Name] extends Filled | Computed | { readonly primary: number } | { readonly writeonly: true }
      ? never
      : Name
    : never;
}[keyof Columns];
/** Columns that are made of others. */
type Computed = { readonly join: readonly string[] } | { readonly lat: string };

/**
 * A row for `add` and `put`: key columns and `notEmpty` ones that inserts do not fill must be given, other columns may
 * be. Null is for columns that may be absent.
 */
export type NewRowOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  NewRowOfColumns<Name, ColumnsOf<Tables, Name>> & OpenColumns<Tables, Name>
>;
type NewRowOfColumns<Table, Columns> = KeyObject<Columns, GivenKeyName<Columns>> &
  RequiredColumns<Columns> &
  OptionalColumns<Columns> extends infer Given
  ? NewRow<Table, { [Column in keyof Given]: Given[Column] }>
  : never;

/** A row for `update` and `incr`: the whole key and what is to be changed. */
export type ChangedRowOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  ChangedRowOfColumns<Name, ColumnsOf<Tables, Name>> & OpenColumns<Tables, Name>
>;
type ChangedRowOfColumns<Table, Columns> = KeyObject<Columns, KeyName<Columns>> & ChangesOfColumns<Table, Columns> extends infer Given
  ? ChangedRow<Table, { [Column in keyof Given]: Given[Column] }>
  : never;

/** Changes without a key. For key columns see {@link ChangedRowOf}. */
export type ChangesOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  ChangesOfColumns<Name, ColumnsOf<Tables, Name>> & OpenColumns<Tables, Name>
>;
type ChangesOfColumns<Table, Columns> = Changes<
  Table,
  { readonly [Name in Exclude<keyof Columns, KeyName<Columns>>]?: Given<Columns[Name]> | undefined }
>;

type ChangeOpOf<Column> = [Column] extends [never]
  ? never
  :
      | "set"
      | (IsPresent<Column> extends true ? never : "unset")
      | (TypeOf<Column> extends Amount
          ? "incr"
          : TypeOf<Column> extends "set"
            ? "add" | "del"
            : TypeOf<Column> extends "list"
              ? "append" | "prepend"
              : BaseOf<Column> extends string
                ? "append" | "prepend"
                : never);

/** Operations of `update` and `incr` by column, of those that the column's type takes. */
export type ChangeOpsOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  ChangeOpsOfColumns<Name, ColumnsOf<Tables, Name>> & (IsOpen<Tables, Name> extends true ? AnyChangeOps : unknown),
  AnyChangeOps
>;
type ChangeOpsOfColumns<Table, Columns> = ChangeOps<Table, { readonly [Name in keyof Columns]?: ChangeOpOf<Columns[Name]> }>;
interface AnyChangeOps {
  readonly [column: string]: ChangeOp;
}

/** A sort column, with `-` in front for descending order. */
export type SortOf<Tables, Name extends keyof Tables> = Known<Tables, SortName<ColumnsOf<Tables, Name>>, string>;
type SortName<Columns> = keyof {
  [
    Name in keyof Columns as Columns[Name] extends { readonly hidden: true }
      ? never
      : TypeOf<Columns[Name]> extends JsonType | ListType | "geopoint" | "blob"
        ? never
        : Name | `-${Name & string}`
  ]: unknown;
} &
  string extends infer Sorted
  ? Sorted
  : never;
