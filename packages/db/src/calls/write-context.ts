// What the writing calls share: their options, results and context.

import type { Clock } from "@bk/core";

import type { Row } from "../compile/bound-table.js";
import type { CallOptions } from "../normalize/call-options.js";
import type { ReadContext } from "../plan/query.js";

export interface WriteContext extends ReadContext {
  readonly clock: Clock;
}

export interface WriteOptions extends CallOptions {
  /** Give the row after (`new`) or before (`old`) the change back, where there is one. */
  readonly returning?: "new" | "old" | undefined;
  /** Keep given values of `now` columns. */
  readonly keepNow?: boolean | undefined;
}

export interface ChangeOptions extends WriteOptions {
  /** The change is made only if this holds for the row. */
  readonly where?: unknown;
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** Make the row when it is missing. */
  readonly upsert?: boolean | undefined;
  /** Reject when nothing was changed: `not-found` or `condition-failed`. */
  readonly mustMatch?: boolean | undefined;
}

/** What the core adds to a caller's options when it changes a row on behalf of a call on many. */
export interface RowOptions extends ChangeOptions {
  /** Operators of plain values in `where`. */
  readonly whereOps?: Readonly<Record<string, string>> | undefined;
}

export interface WriteResult {
  readonly affected: number;
  readonly row?: Row;
}

export const nothing: WriteResult = Object.freeze({ affected: 0 });
export const done: WriteResult = Object.freeze({ affected: 1 });
