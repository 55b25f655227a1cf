// What `near` is asked, and what it gives beside rows.

import type { FilterOptions } from "./filter-options.js";

/** A place, and how far around it rows are looked for. */
export interface NearPlace {
  /** Degrees, −90 to 90. */
  readonly latitude: number;
  /** Degrees, −180 to 180. */
  readonly longitude: number;
  /** Above 0, in kilometers. */
  readonly distanceKm: number;
}

export interface NearOptions<Column, Ops, Filter> extends FilterOptions<Ops> {
  /** A filter that the rows must match as well. */
  readonly filter?: Filter | undefined;
  /** The geohash column to look in; needed where the table has several that are made of a latitude and a longitude. */
  readonly column?: Column | undefined;
  /** Rows of a page, 1 to 10,000; default 50. */
  readonly count?: number | undefined;
  /** `next` of the previous page. */
  readonly start?: string | undefined;
}

/** What a page of rows near a place has besides. */
export interface Distances {
  /** How far each row is from the place, in kilometers, on a sphere of the earth's mean radius. */
  readonly distancesKm: number[];
}
