import { invalid } from "../common/failures.js";
import { pageReply } from "../common/pages.js";
import type { Row } from "../contract/database.js";
import { anyRow, type Call, endpoint, type Endpoint, pageSchema } from "../contract/endpoint.js";
import type { LocationService } from "./service.js";

const latitude = { type: "real", min: -90, max: 90, required: true, about: "degrees" } as const;
const longitude = { type: "real", min: -180, max: 180, required: true, about: "degrees" } as const;

const searched = {
  latitude,
  longitude,
  distance: { type: "real", min: 0, about: "kilometers; becomes the least or the longest distance where it is below or above it" },
  _count: { type: "int", min: 1, max: 100, default: 32, about: "rows of a page" },
  _start: { max: 4000, about: "`next_token` of the page before, with the same other parameters" },
  _token: { max: 4000, about: "the same as `_start`" },
  _select: { type: "list", about: "columns to give" },
  _details: { type: "bool", about: "whether to give what is known of each account now" },
  _round: { type: "real", min: 0, about: "the step of distances, in kilometers; never less than the least distance" },
} as const;

/**
 * @param taken  columns that `/location/put` takes beside the place
 * @param shown  columns that others see, and may filter by
 */
export function locationRoutes(service: LocationService, taken: readonly string[], shown: readonly string[]): Endpoint[] {
  const isShown: ReadonlySet<string> = new Set([...shown, "distance", "latitude", "longitude"]);
  const searchAt = (path: string, byDefault: { readonly details: boolean }): Endpoint =>
    endpoint({
      path,
      summary: "Accounts near a place, the nearest first, with their distance in kilometers",
      who: "account",
      parameters: searched,
      columns: { table: "bk_location", only: shown.filter((name) => name !== "id") },
      reply: pageSchema(anyRow),
      async answer({ caller, values, columns: filter }: Call<typeof searched>) {
        const { _select: select } = values;
        for (const name of select ?? []) if (!isShown.has(name)) throw invalid(`there is no public column ${name.slice(0, 50)}`, "_select");
        const page = await service.search(caller, {
          latitude: values.latitude,
          longitude: values.longitude,
          distanceKm: values.distance,
          filter,
          count: values._count,
          start: values._start ?? values._token,
          roundKm: values._round,
          details: values._details ?? byDefault.details,
        });
        return pageReply(page as { rows: Row[]; next?: string }, select === undefined ? undefined : (row) => pick(row, select));
      },
    });
  return [
    endpoint({
      path: "/location/put",
      summary: "Says where the caller is; a move that is too short is ignored",
      who: "account",
      changes: true,
      parameters: { latitude, longitude },
      columns: { table: "bk_location", only: taken },
      reply: anyRow,
      answer: ({ caller, values, columns }) => service.put(caller, values, columns),
    }),
    searchAt("/location/get", { details: false }),
    searchAt("/location/search", { details: false }),
    searchAt("/account/select/location", { details: true }),
  ];
}

function pick(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(row, name)).map((name) => [name, row[name]]));
}
