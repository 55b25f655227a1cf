// Options of reads beside those of every call.

/** The option of reads by key on tables with the setting `cached`. */
export interface CachedOption {
  /**
   * Whether the row may come from the cache of the database; default: as the table says. Calls in transactions,
   * in scopes with conditions, with `include` or with `consistent` go to the database all the same.
   */
  readonly cached?: boolean | undefined;
}

/** The option of reads that names what is read along. */
export interface Includes<Include, Checked> {
  /**
   * Rows of other tables that are read along, by the names under which they stand: the row that this one refers to
   * (`owner: { select: ["name"] }`, null where there is none), or those that refer to it
   * (`photos: { from: "photo", by: "owner", sort: "-taken", count: 5 }`). They may include others, 3 deep.
   */
  readonly include?: (Include & Checked) | undefined;
}
