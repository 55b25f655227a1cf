// What commands use to reach the server.

import type { Clock } from "@bk/core";

import type { NativeRow } from "./rows.js";
import type { BoundStatement, BoundWrite } from "./statement.js";

/** Rows of one answer. */
export interface Answer {
  readonly rows: readonly NativeRow[];
}

export interface Engine {
  readonly clock: Clock;
  readonly keyspace: string;
  /** All rows of a read that has few, in one reply. */
  read(statement: BoundStatement): Promise<Answer>;
  /** All rows of a read, page by page of about so many. */
  readAll(statement: BoundStatement, pageSize?: number): AsyncIterable<NativeRow>;
  /**
   * A conditional write of one row. Else than `applied`, what the server gives of the row as it is; undefined where there is none.
   * What its row tells of a write that the replicas left open is found out. Those of one partition wait for each other: the replicas agree on one at a time, and turn away who comes between.
   */
  write(statement: BoundWrite): Promise<"applied" | NativeRow | undefined>;
  /** Conditional writes in one partition, all or none; false for none. */
  writeAll(statements: readonly BoundWrite[]): Promise<boolean>;
  /** A change of the schema; waits until the nodes agree on it. */
  define(cql: string): Promise<void>;
  /** Whether each node has built the index of a column. */
  isQueryable(table: string, column: string): Promise<boolean>;
  pause(ms: number): Promise<void>;
  /** How a keyspace is made, as CQL. */
  replication(): string;
}
