export interface FilterOptions<Ops> {
  /** Operators of plain values in the filter: `{ taken: "ge" }`. */
  readonly ops?: Ops | undefined;
  /** Allow a read of the whole table where no key or index serves the filter. Default false. */
  readonly scan?: boolean | undefined;
}
