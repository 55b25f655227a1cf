// What an app writes to describe its tables: plain data, checked when a database is opened (compile-table.ts).

import type { StandardSchemaV1 } from "@standard-schema/spec";

/** The names of column types; several names may mean one type. */
export type TypeName =
  | "text"
  | "string"
  | "str"
  | "keyword"
  | "email"
  | "url"
  | "phone"
  | "uuid"
  | "tuuid"
  | "int"
  | "smallint"
  | "bigint"
  | "int64"
  | "counter"
  | "now"
  | "mtime"
  | "ttl"
  | "random"
  | "real"
  | "float"
  | "double"
  | "number"
  | "decimal"
  | "numeric"
  | "bool"
  | "boolean"
  | "json"
  | "obj"
  | "object"
  | "array"
  | "list"
  | "set"
  | "blob"
  | "date"
  | "timestamp"
  | "datetime"
  | "geohash"
  | "geopoint";

/** Names of index groups: columns that share one name form one index. */
export type IndexGroup = "index" | "index1" | "index2" | "index3" | "index4" | "index5";
/** Names of unique groups: the values of the group's columns together exist once in the table; absent values never conflict. */
export type UniqueGroup = "unique" | "unique1" | "unique2" | "unique3" | "unique4" | "unique5";

/** Settings for drivers, by the driver's name. */
export type DriverBags = { readonly [driver: string]: Readonly<Record<string, unknown>> };

/** What the value of a column refers to. */
export interface ReferenceDefinition {
  /** The table. */
  readonly table: string;
  /** The column of its key that the value stands for; needed where the key has several. */
  readonly column?: string;
  /**
   * Name of the reference; columns with one name refer together. Default: the column's own name, or with `column` that of
   * the table.
   */
  readonly name?: string;
}

/** Settings of one column. Every property is optional; a column without any is text. */
export type ColumnDefinition = {
  /** Type of the values; default `text`. */
  readonly type?: TypeName;
  /** Place in the primary key, from 1; the first is the hash (partition) key, the others are range (sort) keys. */
  readonly primary?: number;
  /** Value written by `add`, `put` and inserts of `update`/`incr` when the column is left out. */
  readonly value?: unknown;
  /** Element type of a `list` or `set`: `text` (default), `int` or `real`. */
  readonly of?: "text" | "int" | "real";
  /** Columns (this one may be among them) whose values this text column holds, joined by `separator`. */
  readonly join?: readonly string[];
  /** Separator of `join`, one character, default `|`. It is escaped with a backslash inside the parts. */
  readonly separator?: string;
  /** Fill the parts of `join` from the stored text when a row is read: all, or the named ones. */
  readonly unjoin?: boolean | readonly string[];
  /** Change text before it is stored or compared. `cap` makes the first letter of each word upper case. */
  readonly lower?: boolean;
  readonly upper?: boolean;
  readonly trim?: boolean;
  readonly cap?: boolean;
  /** Bounds of a number, inclusive. For `random` the range it is drawn from. */
  readonly min?: number;
  readonly max?: number;
  /** Most code points of a string, elements of a list or set, or bytes of a blob. */
  readonly maxLength?: number;
  /** The allowed values. */
  readonly values?: readonly (string | number)[];
  /** The column must have a value, and it must not be `""`, `[]` or `{}`. */
  readonly notEmpty?: boolean;
  /** Digits kept after the point of a number (rounded half away from zero). */
  readonly decimals?: number;
  /** A number is multiplied by this before it is stored. */
  readonly multiplier?: number;
  /** Written by inserts only; `update` and `incr` leave it alone. */
  readonly readonly?: boolean;
  /** Written by `update` and `incr` only; inserts leave it alone. */
  readonly writeonly?: boolean;
  /** Never stored; a part of joined columns. */
  readonly hidden?: boolean;
  /** Who sees the column over HTTP: everyone (`pub`), admins only (`admin`), nobody (`secure`); else the row's owner and admins. */
  readonly pub?: boolean;
  readonly admin?: boolean;
  readonly secure?: boolean;
  /** Prefix of generated `uuid` and `tuuid` values. */
  readonly prefix?: string;
  /** For `geohash`: the columns with latitude and longitude in degrees, and the number of characters (default 8). */
  readonly lat?: string;
  readonly lon?: string;
  readonly precision?: number;
  /** The column's words are found by `db.search`. */
  readonly search?: boolean;
  /** Default operators of filters on this column, by call: `{ select: "begins_with" }`. */
  readonly ops?: { readonly select?: string };
  /**
   * The column holds the key of a row of another table, or of its own: `"account"`; or one column of a key of several,
   * `"album.owner"`. A row may be written whose value refers to no row, unless the call says `checkRefs`.
   */
  readonly ref?: string | ReferenceDefinition;
  /** A Standard Schema (zod, valibot, arktype …) that checks, and may change, a value before it is stored. Synchronous. */
  readonly check?: StandardSchemaV1;
  /** Settings for one driver only, by its name; the driver checks them when a pool is opened. */
  readonly drivers?: DriverBags;
} & { readonly [group in IndexGroup | UniqueGroup]?: number };

/** How the rows of a table are cached, where the database has a cache. */
export interface CachedSettings {
  /** How long a row is kept, in milliseconds; default: that of the cache. */
  readonly ttlMs?: number;
  /** How long it is kept that there is no row with a key, in milliseconds; default 0: not at all. */
  readonly missTtlMs?: number;
  /** Which calls of `get` and `list` use the cache: `all` that do not say `{ cached: false }` (default), or those that say `{ cached: true }` (`asked`). */
  readonly reads?: "all" | "asked";
}

/** Rows of a table: all (`true`), none (`false`, or left out), or those of a filter, in which `"$account.id"` stands for the account's id. */
export type RuleRows = boolean | Readonly<Record<string, unknown>>;

/** What some accounts may do with the rows of a table. What several rules allow to an account is allowed together. */
export interface TableRule {
  /** `account`: everybody who has one (default); `anonymous`: everybody; else the accounts of a type. */
  readonly to?: string | readonly string[];
  readonly read?: RuleRows;
  /** The rows that may be made. */
  readonly add?: RuleRows;
  /** The rows that may be changed, of those that are read; they must fit before and after. */
  readonly update?: RuleRows;
  /** The rows that may be deleted, of those that are read. */
  readonly del?: RuleRows;
  /** The columns; `"*"` stands for the undeclared ones of an open table. Default: all but `secure` and `admin` ones. */
  readonly columns?: {
    readonly read?: readonly string[];
    readonly add?: readonly string[];
    readonly update?: readonly string[];
  };
}

/** Settings of a table. */
export interface TableSettings {
  /** Columns that are not declared are allowed; they hold any JSON value. Default false. */
  readonly open?: boolean;
  /** Refuse a `select` that no key or index serves with `scan-refused`, on every database. Default false. */
  readonly noscan?: boolean;
  /** A Standard Schema that checks, and may change, a whole row before `add` and `put`. Synchronous. */
  readonly check?: StandardSchemaV1;
  /**
   * The column, of a time or integer type, with the time at which a row was deleted: `del` and `delAll` set it, and the row
   * is as if missing from then on. Calls with `{ deleted: true }` see such rows, and delete for good.
   */
  readonly softDelete?: string;
  /** Over HTTP: the column with the id of the account that owns the row. */
  readonly owner?: string;
  /** Over HTTP, and for `rowRules` of `@bk/auth`: who may read, make, change and delete which rows, and which columns. */
  readonly rules?: TableRule | readonly TableRule[];
  /**
   * Rows that are read by key are kept in the cache of the database (`openDb({ cache })`), and forgotten when they are
   * written. Every process that writes the table needs the setting and the cache. Default false.
   */
  readonly cached?: boolean | CachedSettings;
  /** Settings for one driver only, by its name; the driver checks them when a pool is opened. */
  readonly drivers?: DriverBags;
}

export type ColumnDefinitions = { readonly [column: string]: ColumnDefinition };

declare const withSettings: unique symbol;

/** A table with settings of its own, made by {@link table}. */
export interface TableWithSettings<Columns extends ColumnDefinitions = ColumnDefinitions, Settings extends TableSettings = TableSettings> {
  readonly $columns: Columns;
  readonly $settings: Settings;
  readonly [withSettings]?: true;
}

export type TableDefinition = ColumnDefinitions | TableWithSettings;
export type TableDefinitions = { readonly [table: string]: TableDefinition };
