// @bk/modules/locations: where accounts are, and who is near.

import { BkError } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

import type { BackendModule } from "../contract/module.js";
import { locationRoutes } from "./routes.js";
import { locationService } from "./service.js";
import { locationTables } from "./tables.js";

export { locationTables } from "./tables.js";
export type { Place } from "./places.js";
export { type LocationSearch, locationService, type LocationService, type LocationServiceOptions, type PutLocation } from "./service.js";

export interface LocationsOptions {
  /** Further columns of the app. Those with `pub` are shown to others, who may filter by them. */
  readonly columns?: ColumnDefinitions;
  /** How far somebody must move for it to count, and the step in which distances are told, in kilometers, 0.1 to 999. Default 5. */
  readonly minDistanceKm?: number;
  /** The longest distance of a search, in kilometers, `minDistanceKm` to 999. Default 50. */
  readonly maxDistanceKm?: number;
  /** How exactly others may know where an account is: the width of the squares in which searches see it, in kilometers. 0: exactly. Default a tenth of `minDistanceKm`. */
  readonly blurKm?: number;
  /** Whether others see where an account is, rounded to squares that are `minDistanceKm` wide. Default false. */
  readonly expose?: boolean;
}

/**
 * The module `locations`: `/location/put`, `/location/get`.
 *
 * @throws BkError `invalid` for a distance out of its range, or a column that the table has already
 */
export function locations({ columns = {}, ...options }: LocationsOptions = {}): BackendModule {
  const { minDistanceKm = 5, maxDistanceKm = Math.max(50, minDistanceKm), blurKm = minDistanceKm / 10 } = options;
  checkRange("minDistanceKm", minDistanceKm, 0.1, 999);
  checkRange("maxDistanceKm", maxDistanceKm, minDistanceKm, 999);
  checkRange("blurKm", blurKm, 0, 999);
  const distances = { minDistanceKm, maxDistanceKm };
  const tables = locationTables(columns, distances);
  const isOpen = (name: string): boolean => columns[name]!.secure !== true && columns[name]!.hidden !== true;
  const taken = ["location", ...Object.keys(columns).filter(isOpen)];
  const shown = ["id", "name", ...Object.keys(columns).filter((name) => isOpen(name) && columns[name]!.pub === true)];
  return {
    name: "locations",
    tables,
    ruled: {
      bk_location: {
        verbs: ["read", "add", "update"],
        // Distances tell of the place.
        needs: ["id", "latitude", "longitude"],
        sets: ["name", "latitude", "longitude", "ltime", "geohash"],
      },
    },
    start(host) {
      const service = locationService({ ...host, ...options, ...distances, blurKm, columns: tables.bk_location });
      return {
        name: "locations",
        endpoints: locationRoutes(service, taken, shown),
        forget: (id) => service.forget(id),
        describe: (caller, ids) => service.describe(caller, ids),
      };
    },
  };
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most))
    throw new BkError("invalid", `locations: ${name} must be a number from ${least} to ${most}`, { detail: { field: name } });
}
