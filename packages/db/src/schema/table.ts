// Tables as the stages and drivers see them: compiled once from the definitions when a database is opened.

import type { ColumnDefinition, TableSettings, TypeName } from "./definition.js";

/**
 * How values of a column are stored and compared; several types share one kind.
 *
 * | kind | JavaScript value | order |
 * |---|---|---|
 * | `text` | string | by code point |
 * | `int` | number, a safe integer | numeric |
 * | `int64` | bigint, 64 bits, signed | numeric |
 * | `real` | number, finite | numeric |
 * | `decimal` | string, shortest form | numeric |
 * | `bool` | boolean | false, true |
 * | `time` | Date | by time |
 * | `json` | any JSON value | none |
 * | `list` | array (for sets: distinct, sorted) | none |
 * | `blob` | Uint8Array | none |
 */
export type Kind = "text" | "int" | "int64" | "real" | "decimal" | "bool" | "time" | "json" | "list" | "blob";

export interface Column {
  readonly name: string;
  /** Place in `table.columns`; hidden columns, which are never stored, have −1. */
  readonly index: number;
  readonly type: TypeName;
  readonly kind: Kind;
  /** Part of the primary key: never null or empty. */
  readonly isKey: boolean;
  /** For lists and sets: the kind of their elements. */
  readonly element: "text" | "int" | "real" | undefined;
  readonly isSet: boolean;
  /** Most code points of text; 255 for keys unless the definition says otherwise. */
  readonly maxLength: number | undefined;
  /** Holds the columns of an open table that are not declared, as one JSON object. */
  readonly isRest: boolean;
  readonly definition: ColumnDefinition;
}

/** A joined column: the text of its parts, escaped and joined by the separator. */
export interface Join {
  readonly column: Column;
  readonly parts: readonly Column[];
  readonly separator: string;
  /** Parts that are filled from the stored text when a row is read. */
  readonly unjoin: readonly Column[];
}

/** A secondary index or a unique group, its columns in order. */
export interface Index {
  /** Its columns' names joined by `_`. */
  readonly name: string;
  readonly columns: readonly Column[];
  readonly unique: boolean;
}

/** Columns that hold the key of a row, of another table or of the same one. */
export interface Reference {
  readonly name: string;
  /** In the order of the key that they hold. */
  readonly columns: readonly Column[];
  readonly table: Table;
}

export interface Table {
  readonly name: string;
  /** The stored columns in order of definition; `rest` is last. */
  readonly columns: readonly Column[];
  /** Stored and hidden columns by name, without `rest`. */
  readonly byName: ReadonlyMap<string, Column>;
  /** Primary key in order: the hash column, then the range columns. */
  readonly key: readonly [Column, ...Column[]];
  readonly range: readonly Column[];
  /** Secondary indexes that are not unique. */
  readonly indexes: readonly Index[];
  /** Unique groups; they serve as indexes too. */
  readonly uniques: readonly Index[];
  readonly joins: readonly Join[];
  readonly references: readonly Reference[];
  /** The column with the time at which a row expires, in milliseconds since 1970. */
  readonly ttl: Column | undefined;
  /** The column with the time at which a row was deleted, where such rows are kept. */
  readonly deletedAt: Column | undefined;
  /** The columns whose words full-text search finds. */
  readonly search: readonly Column[];
  /** In open tables: the column for what is not declared. */
  readonly rest: Column | undefined;
  readonly settings: TableSettings;
}
