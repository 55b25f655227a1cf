import type { Clock } from "@bk/core";

import type { TableScope } from "../normalize/scope.js";
import type { TokenCodec } from "../present/page-token.js";
import type { BoundTable, OrderedCall, Row } from "./bound-table.js";
import type { OpenTransaction } from "./open-transaction.js";

/** What a call takes from the database that it belongs to, and how it goes to the engine. */
export interface CallContext extends OrderedCall {
  readonly tokens: TokenCodec;
  /** Most rows that the core sorts itself. */
  readonly sortLimit: number;
  /** Most rows of another table that `$ref` reads first. */
  readonly relatedLimit: number;
  readonly clock: Clock;
  readonly now: () => number;
  /** The pool that the caller named, for other tables that the call reads. */
  readonly poolName?: string | undefined;
  /** The transaction that the call is in. */
  readonly transaction?: OpenTransaction | undefined;
  /** Another table, as a call on it that is made in `from` would see it. */
  readonly relate: (table: string, from: CallContext) => RelatedTable;
  /** Logical values of the scope's condition. */
  readonly scopeValues: readonly unknown[];
  readonly scope: TableScope | undefined;
}

/** A table that a call on another one reads. */
export interface RelatedTable {
  readonly bound: BoundTable;
  readonly context: CallContext;
  /** In a batch transaction: reads a row before it is asked for by its key. */
  readonly load: ((key: readonly unknown[]) => Promise<void>) | undefined;
}

export interface WriteResult {
  readonly affected: number;
  readonly row?: Row;
}

export const nothing: WriteResult = Object.freeze({ affected: 0 });
export const done: WriteResult = Object.freeze({ affected: 1 });
