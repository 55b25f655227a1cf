// Where accounts are, and who is near a place.

import type { Clock } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

import { hasCode, invalid } from "../common/failures.js";
import { visible } from "../common/visible.js";
import { type CallerDb, type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, NearPage, Row } from "../contract/database.js";
import type { Directory } from "../contract/directory.js";
import type { Caller } from "../contract/endpoint.js";
import { blurred, distanceKm, type Place } from "./places.js";

export interface LocationServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the table. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly directory: Directory;
  readonly clock: Clock;
  /** The columns of the table, as `locationTables` gives them. */
  readonly columns: ColumnDefinitions;
  /** How far somebody must move for it to count, and the step in which distances are told, in kilometers. Default 5. */
  readonly minDistanceKm?: number;
  /** The longest distance of a search, in kilometers. Default 50. */
  readonly maxDistanceKm?: number;
  /** How exactly others may know where an account is: the width of the squares in which searches see it, in kilometers. 0: exactly. Default a tenth of `minDistanceKm`. */
  readonly blurKm?: number;
  /** Whether others see where an account is, rounded to squares that are `minDistanceKm` wide. Default false. */
  readonly expose?: boolean;
}

/** What is asked of a search. */
export interface LocationSearch extends Place {
  /** Kilometers; what is below the least or above the longest distance becomes that. Default the least. */
  readonly distanceKm?: number | undefined;
  /** Public columns that the rows must have these values in. */
  readonly filter?: Row;
  /** Rows of a page, 1 to 100; default 32. */
  readonly count?: number;
  /** `next` of the page before. */
  readonly start?: string | undefined;
  /** Another step in which distances are told, in kilometers; never a smaller one. */
  readonly roundKm?: number | undefined;
  /** Whether rows get what the directory knows of their account now. */
  readonly details?: boolean | undefined;
}

export type PutLocation =
  | { readonly ignored: true; readonly min_distance: number }
  /** The row as its owner sees it, with the place before under `old`. */
  | Row;

export interface LocationService {
  /**
   * Says where the caller is. A move of no more than the least distance is ignored.
   *
   * @param columns  the row's other columns; those that are left out become empty
   * @throws BkError `invalid` for what is no place
   */
  put(caller: Caller, place: Place, columns?: Row): Promise<PutLocation>;
  /**
   * A page of the accounts near a place, the nearest first, without the caller's own. Each has its public columns and `distance`.
   *
   * @throws BkError `invalid` for what is no place, a column that is not public, or a `start` of another search
   */
  search(caller: Caller, search: LocationSearch): Promise<{ readonly rows: Row[]; readonly next?: string }>;
  /** Where the caller is, for its account, if that is among those asked for. Of others nothing is told. */
  describe(caller: Caller, ids: readonly string[]): Promise<ReadonlyMap<string, Row>>;
  forget(id: string): Promise<void>;
}

/** What an account is told of its own place. */
const ownPlace = ["latitude", "longitude", "geohash", "location", "ltime"] as const;

export function locationService(options: LocationServiceOptions): LocationService {
  const {
    db,
    dbFor = unruled(db),
    directory,
    clock,
    columns,
    minDistanceKm = 5,
    maxDistanceKm = 50,
    blurKm = minDistanceKm / 10,
    expose = false,
  } = options;
  const table = "bk_location";
  const isPublic = (name: string): boolean => Object.hasOwn(columns, name) && columns[name]!.pub === true;
  /** Whether the database finds geohashes by their beginning; known after the first search. */
  let findsBeginnings = true;

  async function nearPage(mine: CallerDb, place: Place & { readonly distanceKm: number }, asked: Row): Promise<NearPage> {
    if (findsBeginnings) {
      try {
        return await mine.near(table, place, { ...asked, column: "about_hash" });
      } catch (error) {
        if (!hasCode(error, "scan-refused")) throw error;
        findsBeginnings = false;
      }
    }
    return mine.near(table, place, { ...asked, column: "area_hash" });
  }

  return {
    async put(caller, { latitude, longitude }, more = {}) {
      const place = checkPlace({ latitude, longitude });
      const mine = dbFor(caller);
      const old = await mine.get(table, { id: caller.id });
      const before = old === undefined ? undefined : placeOf(old);
      if (before !== undefined && distanceKm(before, place) <= minDistanceKm) return { ignored: true, min_distance: minDistanceKm };
      const about = blurred(place, blurKm);
      const person = (await directory.find([caller.id])).get(caller.id);
      const { row } = await mine.put(
        table,
        {
          ...more,
          id: caller.id,
          name: person?.name ?? caller.name ?? null,
          ...place,
          about_latitude: about.latitude,
          about_longitude: about.longitude,
          ltime: clock.now(),
        },
        { returning: "new" },
      );
      return {
        ...visible(columns, row!, "owner"),
        ...(before === undefined ? {} : { old: { geohash: old!["geohash"], ...before } }),
      };
    },

    async search(caller, { latitude, longitude, filter = {}, count = 32, start, details = false, ...search }) {
      const place = checkPlace({ latitude, longitude });
      for (const name of Object.keys(filter)) if (!isPublic(name)) throw invalid(`${name.slice(0, 50)} is not public`, name);
      const reachKm = Math.min(Math.max(search.distanceKm ?? minDistanceKm, minDistanceKm), maxDistanceKm);
      const roundKm = Math.max(search.roundKm ?? minDistanceKm, minDistanceKm);
      const page = await nearPage(
        dbFor(caller),
        { ...place, distanceKm: reachKm },
        { filter: { ...filter, id: { $ne: caller.id } }, count, ...(start === undefined || start === "" ? {} : { start }) },
      );
      const people = details
        ? await directory.find(
            page.rows.map(({ id }) => id as string),
            caller,
          )
        : undefined;
      const rows = page.rows.map((row, i) => ({
        ...visible(columns, row, "other"),
        ...people?.get(row["id"] as string),
        ...(expose
          ? blurred({ latitude: row["about_latitude"] as number, longitude: row["about_longitude"] as number }, minDistanceKm)
          : {}),
        distance: Number((Math.floor(page.distancesKm[i]! / roundKm) * roundKm).toFixed(3)),
      }));
      return { rows, ...(page.next === undefined ? {} : { next: page.next }) };
    },

    async describe(caller, ids) {
      const [{ id }, mine] = [caller, dbFor(caller)];
      const row = ids.includes(id) && mine.reads(table) ? await mine.get(table, { id }, { select: ownPlace }) : undefined;
      return new Map(row === undefined ? [] : [[id, row]]);
    },

    async forget(id) {
      await db.del(table, { id });
    },
  };
}

function checkPlace({ latitude, longitude }: Place): Place {
  if (!(Math.abs(latitude) <= 90)) throw invalid("latitude must be from -90 to 90", "latitude");
  if (!(Math.abs(longitude) <= 180)) throw invalid("longitude must be from -180 to 180", "longitude");
  return { latitude, longitude };
}

function placeOf({ latitude, longitude }: Row): Place | undefined {
  return typeof latitude === "number" && typeof longitude === "number" ? { latitude, longitude } : undefined;
}
