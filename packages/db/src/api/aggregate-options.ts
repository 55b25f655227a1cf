import type { RowOptions } from "../calls/options.js";
import type { FilterOptions } from "./filter-options.js";

/** The columns of one option of `aggregate`. */
export type SomeOf<Name extends string> = readonly Name[] | undefined;

export interface AggregateOptions<Sort, Ops, By, Count, Sum, Avg, Min, Max> extends RowOptions, FilterOptions<Ops> {
  /** The columns that groups are made by: one row for each combination of their values. Without, one row over all rows. */
  readonly by?: By;
  /** Count the rows. Default false. */
  readonly count?: Count;
  /** Columns of numbers to add. Of whole numbers a sum beyond ±(2^53 − 1) is refused, save of `int64`, whose sums are bigints. */
  readonly sum?: Sum;
  /** Columns of numbers to give the average of: a number; of decimals a string of at most 34 digits. */
  readonly avg?: Avg;
  /** Columns to give the first value of, in their order. */
  readonly min?: Min;
  /** Columns to give the last value of, in their order. */
  readonly max?: Max;
  /** Columns of `by`, or what is computed: `count()`, `sum(stars)`; with `-` in front for descending. Default: as in `by`. */
  readonly sort?: Sort | readonly Sort[] | undefined;
  /** Reverses the direction of every sort column. Default false. */
  readonly desc?: boolean | undefined;
  /** Groups of a page, 1 to 10,000; default 50. */
  readonly limit?: number | undefined;
  /** `next` of the previous page. */
  readonly start?: string | undefined;
  /** See every acknowledged write, on databases where reads may lag behind. Default false. */
  readonly consistent?: boolean | undefined;
}
