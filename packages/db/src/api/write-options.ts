// The options of the calls that write, typed by what they take.

import type { CallOptions, RowOptions } from "../calls/options.js";

export interface WriteOptions extends RowOptions {
  /** Return the row as it is after (`new`) or was before (`old`) the write, if there is one. */
  readonly returning?: "new" | "old" | undefined;
  /** Keep given values of `now` columns. Default false. */
  readonly keepNow?: boolean | undefined;
  /**
   * The rows must exist that the written columns refer to (`ref`), else the call is `not-found`. Outside of a transaction one may be
   * deleted between the check and the write. Default false.
   */
  readonly checkRefs?: boolean | undefined;
}

export interface UpdateOptions<Filter, Ops> extends WriteOptions {
  /** Change the row only if this holds for it. */
  readonly where?: Filter | undefined;
  /** Operations other than `set`, by column: `{ tags: "add" }`. */
  readonly ops?: Ops | undefined;
  /** Make the row when it is missing, whatever `where` and `mustMatch` say: they are about a row that exists. Default false. */
  readonly upsert?: boolean | undefined;
  /** Reject with `not-found` or `condition-failed` instead of `affected: 0`. Default false. */
  readonly mustMatch?: boolean | undefined;
}

export interface IncrOptions<Filter, Ops> extends Omit<UpdateOptions<Filter, Ops>, "upsert"> {}

export interface DelOptions<Filter> extends RowOptions {
  /** Return the deleted row. */
  readonly returning?: "old" | undefined;
  readonly where?: Filter | undefined;
  readonly mustMatch?: boolean | undefined;
}

export interface ManyOptions<FilterOps> extends RowOptions {
  /** Operators of plain values in the filter. */
  readonly filterOps?: FilterOps | undefined;
  /** Every row of the table; needed where the filter has no condition. Implies `scan`. */
  readonly all?: boolean | undefined;
  /** Allow a read of the whole table where no key or index serves the filter. Default false. */
  readonly scan?: boolean | undefined;
}

export interface UpdateAllOptions<FilterOps, Ops> extends ManyOptions<FilterOps> {
  /** Operations other than `set`, by column. */
  readonly ops?: Ops | undefined;
}

export interface BulkOptions extends CallOptions {
  /** All items or none, in a transaction; `unsupported` where the database has none. Default false. */
  readonly atomic?: boolean | undefined;
  /** As of the items' own options, for all that write rows. Default false. */
  readonly checkRefs?: boolean | undefined;
}
