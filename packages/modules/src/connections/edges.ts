// Connections as the rows that stand for them: one of who made it, its mirror for the peer, and two counters.

import type { ColumnDefinitions } from "@bk/db";

import { denied } from "../common/failures.js";
import type { CallerDb } from "../contract/caller-db.js";
import type { Row } from "../contract/database.js";

/** Which connection. */
export interface EdgeKey {
  /** Who made it. */
  readonly id: string;
  readonly type: string;
  /** Whom it leads to. */
  readonly peer: string;
}

/** A connection to be made. */
export interface NewEdge extends EdgeKey {
  /** The peer's name. */
  readonly name: string | null;
  readonly ownName: string | null;
  readonly isSilent: boolean;
  readonly isCounted: boolean;
  readonly columns: Row;
}

/**
 * Writes connections, each as a whole: rows, mirrors and counters. The row of who makes it is written by `mine`, the database as this account may use
 * it; what follows from it is written for the module itself.
 */
export interface EdgeStore {
  /** @throws BkError `already-exists`; `denied` */
  add(mine: CallerDb, edge: NewEdge): Promise<void>;
  /** Makes it, or sets all its columns; those that are not given get their defaults. @throws BkError `denied` */
  put(mine: CallerDb, edge: NewEdge): Promise<void>;
  /** @returns  false when there is none. @throws BkError `denied` */
  update(mine: CallerDb, key: EdgeKey, columns: Row): Promise<boolean>;
  /** Adds to numeric columns. @returns  false when there is none. @throws BkError `denied` */
  incr(mine: CallerDb, key: EdgeKey, columns: Row): Promise<boolean>;
  /** @returns  false when there was none */
  remove(mine: CallerDb, key: EdgeKey): Promise<boolean>;
  /** A filter for connections that are there: not those which are being removed. */
  readonly present: Row;
}

export const keyOf = ({ id, type, peer }: EdgeKey): Row => ({ id, type, peer });

/** The counters that a connection is in, of all that there are. */
export function countersOf(type: string, counters: ReadonlySet<string>): { readonly own?: string; readonly peers?: string } {
  const [own, peers] = [`${type}0`, `${type}1`];
  return { ...(counters.has(own) ? { own } : {}), ...(counters.has(peers) ? { peers } : {}) };
}

/** The row of a new connection. */
export function rowOf(edge: NewEdge, counters: ReadonlySet<string>): Row {
  const { name, ownName, isSilent, isCounted, columns } = edge;
  const { own, peers } = countersOf(edge.type, counters);
  return {
    ...columns,
    ...keyOf(edge),
    name,
    own_name: ownName,
    silent: isSilent,
    counted: isCounted && own !== undefined,
    told: isCounted && !isSilent && peers !== undefined,
  };
}

/** What a connection has besides the columns that clients set. */
const kept: ReadonlySet<string> = new Set(["id", "type", "peer", "own_name", "silent", "counted", "told", "token", "ending", "mtime"]);

/** All columns that `put` sets: the given ones, and the others as they are by default. */
export function replacementOf({ name, columns }: NewEdge, definitions: ColumnDefinitions): Row {
  const row: Row = {};
  for (const [column, { value, type }] of Object.entries(definitions))
    if (!kept.has(column)) row[column] = Object.hasOwn(columns, column) ? columns[column] : (value ?? (type === "counter" ? 0 : null));
  return { ...row, name };
}

/** The mirror of a connection, for its peer. */
export function mirrorOf(row: Readonly<Row>): Row {
  const { id, peer, own_name, counted: _counted, told: _told, token: _token, ending: _ending, name: _name, mtime: _mtime, ...rest } = row;
  return { ...rest, id: peer, peer: id, name: own_name };
}

/** One change of a counter. */
export interface Count {
  readonly id: string;
  readonly counter: string;
}

/** The counters that a connection is in, always in the same order: who changes two of them waits for nobody who waits for it. */
export function countsOf({ id, type, peer, counted, told }: Readonly<Row>): readonly Count[] {
  const counts: Count[] = [];
  if (counted === true) counts.push({ id: id as string, counter: `${String(type)}0` });
  if (told === true) counts.push({ id: peer as string, counter: `${String(type)}1` });
  return counts.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A connection that is there and that the caller may not change cannot be made either. */
export function refuseOthers(mine: CallerDb, row: Readonly<Row> | undefined): void {
  if (row !== undefined && !mine.fits("update", "bk_connection", row)) throw denied("this connection is not changed by this account");
}
