// Parts of statements: text with what is bound in it.

import type { Value, Values } from "../../driver.js";
import type { Slot } from "../../reference/condition.js";
import type { Column, Table } from "../../schema/table.js";
import { toCql } from "./column-type.js";

/** Gives what is bound, from the values of a call and the version that this write gives the row. */
export type Bind = (values: Values, version: string) => unknown;

export interface Piece {
  readonly cql: string;
  readonly binds: readonly Bind[];
}

/** A statement that writes a row. */
export interface Write extends Piece {
  readonly lookUp: Piece;
  partitionOf(values: Values): string;
}

/** Where the row of a write is. */
export interface RowPlace {
  readonly keyspace: string;
  readonly table: Table;
  readonly key: readonly Slot[];
}

/** A statement ready to be sent. */
export interface BoundStatement {
  readonly cql: string;
  readonly params: readonly unknown[];
}

export interface BoundWrite extends BoundStatement {
  /** A text for the partition that it is in. */
  readonly partition: string;
  /** The version that it gives the row. */
  readonly version: string;
  /** Reads the version that the row has. */
  readonly lookUp: BoundStatement;
}

/** The column with the version of a row, another one with every write. */
export const versionColumn = '"_version"';

export function quoted(name: string): string {
  return `"${name}"`;
}

/** Where the tables are. Names of keyspaces and tables are letters, digits and underscores. */
export function placeOf(keyspace: string, { name }: Pick<Table, "name">): string {
  return `${quoted(keyspace)}.${quoted(name)}`;
}

export function piece(cql: string, ...binds: readonly Bind[]): Piece {
  return { cql, binds };
}

export function joined(pieces: readonly Piece[], separator: string): Piece {
  return { cql: pieces.map(({ cql }) => cql).join(separator), binds: pieces.flatMap(({ binds }) => binds) };
}

/** Pieces one behind the other, with blanks between them. */
export function sentence(...parts: readonly (Piece | string)[]): Piece {
  return joined(
    parts.map((part) => (typeof part === "string" ? piece(part) : part)).filter(({ cql }) => cql !== ""),
    " ",
  );
}

export function slotBind(column: Column, slot: Slot): Bind {
  const encode = toCql(column);
  return (values) => encode(values[slot] ?? null);
}

/** What is bound for `IN ?`: the values as a list. */
export function listBind(column: Column, slots: readonly Slot[]): Bind {
  const encode = toCql(column);
  return (values) => slots.map((slot) => encode(values[slot] ?? null));
}

export const versionBind: Bind = (_values, version) => version;

/** A statement that writes the row of a key. */
export function writing({ keyspace, table, key }: RowPlace, ...parts: readonly (Piece | string)[]): Write {
  const lookUp = sentence(`SELECT ${versionColumn} FROM ${placeOf(keyspace, table)}`, whereKey(table, key));
  return { ...sentence(...parts), lookUp, partitionOf: (values) => `${table.name} ${String(values[key[0]!])}` };
}

/** `"column" = ?` */
export function equals(column: Column, slot: Slot): Piece {
  return piece(`${quoted(column.name)} = ?`, slotBind(column, slot));
}

/** `WHERE` with the whole key. */
export function whereKey(table: Table, key: readonly Slot[]): Piece {
  return sentence(
    "WHERE",
    joined(
      table.key.map((column, i) => equals(column, key[i]!)),
      " AND ",
    ),
  );
}

export function bindAll({ cql, binds }: Piece, values: Values): BoundStatement {
  return { cql, params: binds.map((bind) => bind(values, "")) };
}

/** @param version  what the write gives the row as its version */
export function bindWrite({ cql, binds, lookUp, partitionOf }: Write, values: Values, version: string): BoundWrite {
  return {
    cql,
    params: binds.map((bind) => bind(values, version)),
    partition: partitionOf(values),
    version,
    lookUp: bindAll(lookUp, values),
  };
}

export function pick(slots: readonly Slot[], values: Values): Value[] {
  return slots.map((slot) => values[slot] ?? null);
}
