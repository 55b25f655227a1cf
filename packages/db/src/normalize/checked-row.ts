// Rows that are checked already: to check twice would multiply, generate and default twice.

/** A whole row of logical values by `column.index`, which `put` takes as it is. */
export class CheckedRow {
  readonly values: unknown[];

  constructor(values: unknown[]) {
    this.values = values;
  }
}
