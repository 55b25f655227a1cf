/** What a page of a search with `highlight` has besides. */
export interface Highlights {
  /**
   * For each row, by searched column: where its text has the words and phrases that were asked for, in order, each as start and end for
   * `slice`. Columns that have none of them, or were not read, are left out.
   */
  readonly highlights: { readonly [column: string]: readonly (readonly [start: number, end: number])[] }[];
}
