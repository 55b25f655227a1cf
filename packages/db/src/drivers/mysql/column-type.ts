// The native types of columns. What is indexed must have a bounded size: InnoDB takes 3,072 bytes an index.

import type { Column, Index, Kind, Table } from "../../schema/table.js";

/** How a server stores text so that it compares by code point, with case, accents and spaces at its end. */
export interface TextStorage {
  /** Text of at most `characters` code points. */
  readonly short: (characters: number) => string;
  readonly long: string;
}

const collated = (collation: string): TextStorage => ({
  short: (characters) => `VARCHAR(${characters}) CHARACTER SET utf8mb4 COLLATE ${collation}`,
  long: `LONGTEXT CHARACTER SET utf8mb4 COLLATE ${collation}`,
});

export const textStorages = {
  mariadb: collated("utf8mb4_nopad_bin"),
  mysql: collated("utf8mb4_0900_bin"),
  // MySQL before 8.0.17: its one binary collation, utf8mb4_bin, ignores spaces at the end. Bytes of UTF-8 do not.
  mysqlBytes: { short: (characters) => `VARBINARY(${4 * characters})`, long: "LONGBLOB" },
} satisfies Readonly<Record<string, TextStorage>>;

const types: Readonly<Record<Exclude<Kind, "text">, string>> = {
  int: "BIGINT",
  int64: "BIGINT",
  real: "DOUBLE",
  decimal: "DECIMAL(65,30)",
  bool: "TINYINT(1)",
  time: "BIGINT",
  // Not JSON: MySQL's type sorts members and rounds numbers.
  json: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
  list: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
  blob: "LONGBLOB",
};

const indexBytes = 3_072;
/** Bytes of a column that is no text in an index, at most. */
const fixedBytes: Readonly<Partial<Record<Kind, number>>> = { decimal: 31, bool: 2 };
const charBytes = 4;
/** What the server's planner counts for a text besides its characters: its length and whether it is null. */
const textExtra = 3;
const usualCharacters = 255;

/** The native type of a column of a table. */
export function columnType(text: TextStorage, table: Table, column: Column): string {
  if (column.kind !== "text") return types[column.kind];
  const characters = indexedCharacters(table, column);
  return characters === undefined ? text.long : text.short(characters);
}

/**
 * How many code points an indexed text column takes, so that its key and indexes fit; undefined where it has none.
 *
 * A text in secondary indexes alone has what its primary key leaves: then the server goes on in the index by the key
 * columns that InnoDB adds to each entry.
 */
export function indexedCharacters(table: Table, column: Column): number | undefined {
  const groups = [...table.indexes, ...table.uniques].filter((index) => index.columns.includes(column));
  const bounds = groups.map((index) => share(table, index, column));
  if (column.isKey) bounds.push(keyShare(table, column));
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function keyShare(table: Table, column: Column): number {
  const bound = evenBound(table.key, (one) => one.maxLength ?? usualCharacters);
  return Math.min(column.maxLength ?? usualCharacters, bound);
}

function share(table: Table, { columns }: Index, column: Column): number {
  const texts = columns.filter((one) => one.kind === "text");
  const rest = indexBytes - bytesOf(columns.filter((one) => one.kind !== "text"));
  const most = Math.floor(rest / charBytes / texts.length);
  if (column.isKey) return Math.max(most, 1);
  const beside = Math.floor((rest - keyBytes(table) - textExtra * texts.length) / charBytes / texts.length);
  return Math.min(column.maxLength ?? most, Math.max(beside, usualCharacters), most);
}

/** The largest bound for all texts of a key with which it fits. */
function evenBound(columns: readonly Column[], wanted: (column: Column) => number): number {
  const texts = columns.filter((column) => column.kind === "text").map(wanted);
  let rest = Math.floor((indexBytes - bytesOf(columns.filter((column) => column.kind !== "text"))) / charBytes);
  let left = texts.length;
  for (const characters of texts.sort((a, b) => a - b)) {
    if (characters * left > rest) return Math.floor(rest / left);
    rest -= characters;
    left--;
  }
  return Number.MAX_SAFE_INTEGER;
}

function keyBytes(table: Table): number {
  const texts = table.key.filter((column) => column.kind === "text");
  const characters = texts.reduce((sum, column) => sum + keyShare(table, column), 0);
  return characters * charBytes + textExtra * texts.length + bytesOf(table.key.filter((column) => column.kind !== "text"));
}

function bytesOf(columns: readonly Column[]): number {
  return columns.reduce((sum, { kind }) => sum + (fixedBytes[kind] ?? 9), 0);
}
