// Rows near a place, nearest first: read ring by ring, each by the geohash cells that it touches.

import type { SortColumn } from "../driver.js";
import { invalid } from "../errors.js";
import { deriveJoins } from "../normalize/derive-joins.js";
import { parseFilter } from "../normalize/filter.js";
import { checkCount } from "../normalize/order.js";
import { unknownColumn } from "../normalize/row.js";
import { valuesOf } from "../present/presenter.js";
import { allOf, type Condition } from "../reference/condition.js";
import { orderComparator } from "../reference/order.js";
import { defaultGeohashPrecision } from "../schema/geohash.js";
import { cellsOfRing, distanceKm, farthestKm, type Place, type Ring } from "../schema/great-circle.js";
import { encodeKey } from "../schema/ordered-text.js";
import { isPlainObject } from "../schema/plain-object.js";
import type { Column, Table } from "../schema/table.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { includesOf } from "./include.js";
import type { NearOptions } from "./options.js";
import { fetchedBy, type Includes, storedRows } from "./page.js";
import { pageReader, type StoredRow } from "./page-reader.js";
import { plannedQuery, type Query, readFilter, refuseQuery, withColumns } from "./query.js";
import { resolveRelated } from "./related.js";

interface Around extends Place {
  readonly distanceKm: number;
}

export interface NearPage {
  readonly rows: Row[];
  /** Of each row, in kilometers. */
  readonly distancesKm: number[];
  readonly next?: string;
}

/** Cells of one ring, each read by a request of its own; so many cells of one character are all there are. */
const mostCells = 32;
/** The same where cells are asked for one by one, by an engine that does not find texts by their beginning. */
const mostWholeCells = 256;
/** Cells that are read at the same time. */
const cellsAtOnce = 8;
/** The first ring's part of the whole distance. */
const firstPart = 1 / 64;
/** How much wider a ring is than the one before it, where that had too few rows. */
const growth = 4;
/** Rings are not made narrower than this, in kilometers. */
const narrowestKm = 1e-6;
/** A ring that has more rows is made narrower, unless a page has many. */
const leastRows = 1_000;
/** In place of a cell: every row that has one. */
const everywhere = "";

/** One page of the rows within a distance of a place, nearest first. */
export async function nearPage(bound: BoundTable, context: CallContext, place: unknown, options: NearOptions = {}): Promise<NearPage> {
  const around = checkAround(place);
  const count = checkCount(options.count);
  const columns = columnsOf(bound, options.column);
  const { include, consistent, start } = options;
  const includes = include === undefined ? undefined : await includesOf(bound.table, context, include, consistent);
  const search = new NearSearch(bound, context, around, columns, options, includes);
  const position = start === undefined ? undefined : await search.positionIn(start);
  const { found, isAll } = await search.first(count, position);
  const rows = found.map(({ query, row }) => pageReader(query).presenter.present(row));
  await includes?.addTo(
    rows,
    found.map(({ included }) => included),
    context,
  );
  const distancesKm = found.map((one) => one.distanceKm);
  return isAll ? { rows, distancesKm } : { rows, distancesKm, next: await search.tokenOf(found.at(-1)!) };
}

interface GeoColumns {
  readonly geohash: Column;
  readonly latitude: Column;
  readonly longitude: Column;
}

interface Found {
  /** The one that gave the row. */
  readonly query: Query;
  readonly row: StoredRow;
  readonly distanceKm: number;
  readonly key: readonly unknown[];
  /** What the included rows are found by. */
  readonly included: readonly unknown[];
}

/** The filter of the call, as it is asked of each cell. */
interface Asked {
  readonly condition: Condition;
  readonly values: readonly unknown[];
  readonly identity: string;
}

/** A ring, and which of its rows are wanted. */
interface Part extends Ring {
  /** Rows at its inner edge belong to it. */
  readonly isClosed: boolean;
  readonly after: Position | undefined;
}

/** Where the page before ended. */
type Position = Pick<Found, "distanceKm" | "key">;

class NearSearch {
  readonly #bound: BoundTable;
  readonly #context: CallContext;
  readonly #around: Around;
  readonly #columns: GeoColumns;
  readonly #options: NearOptions;
  readonly #needs: readonly Column[];
  readonly #compareKeys: (a: readonly unknown[], b: readonly unknown[]) => number;
  readonly #order: readonly SortColumn[];
  /** Whether cells are served that are asked for by their whole text, and by their beginning. */
  readonly #served = new Map<boolean, boolean>();
  #madeAsked: Promise<Asked> | undefined;

  constructor(
    bound: BoundTable,
    context: CallContext,
    around: Around,
    columns: GeoColumns,
    options: NearOptions,
    includes: Includes | undefined,
  ) {
    const { key } = bound.table;
    const order = key.map((column) => ({ column, descending: false }));
    this.#bound = bound;
    this.#context = context;
    this.#around = around;
    this.#columns = columns;
    this.#options = options;
    this.#needs = [columns.latitude, columns.longitude, ...key, ...(includes?.needs ?? [])];
    this.#compareKeys = orderComparator(order);
    this.#order = [{ column: distanceColumn, descending: false }, ...order];
  }

  /** The first rows after a position. */
  async first(count: number, position: Position | undefined): Promise<{ found: readonly Found[]; isAll: boolean }> {
    const reachKm = Math.min(this.#around.distanceKm, farthestKm);
    // One row more than wanted tells whether there is a next page.
    const wanted = count + 1;
    const most = Math.max(leastRows, 4 * wanted);
    const found: Found[] = [];
    let fromKm = position?.distanceKm ?? 0;
    let widthKm = Math.max((reachKm - fromKm) * firstPart, narrowestKm);
    for (let after = position, isFirst = true; ;) {
      const cells = await this.#cells({ fromKm, toKm: Math.min(fromKm + widthKm, reachKm) });
      const toKm = cells === undefined ? reachKm : Math.min(fromKm + widthKm, reachKm);
      const mayBeNarrower = cells !== undefined && toKm - fromKm > narrowestKm;
      const ring = { fromKm, toKm, isClosed: isFirst, after };
      const inRing = await this.#rowsOf(ring, cells ?? [everywhere], wanted - found.length, mayBeNarrower ? most : Infinity);
      if (inRing === undefined) {
        widthKm = (toKm - fromKm) / growth;
        continue;
      }
      found.push(...inRing);
      if (found.length > count) return { found: found.slice(0, count), isAll: false };
      if (toKm >= reachKm) return { found, isAll: true };
      [isFirst, after, fromKm] = [false, undefined, toKm];
      widthKm *= growth;
    }
  }

  /**
   * The first `wanted` rows of a ring.
   *
   * @param most  rows that are read of it; where it has more, undefined
   */
  async #rowsOf(ring: Part, cells: readonly string[], wanted: number, most: number): Promise<Found[] | undefined> {
    let found = new Map<string, Found>();
    let seen = 0;
    const sorted = (): Found[] => [...found.values()].sort((a, b) => this.#compare(a, b)).slice(0, wanted);
    const readCell = async (cell: string): Promise<void> => {
      const query = await this.#queryOf(cell);
      const read = valuesOf(this.#bound.codec, fetchedBy(query), this.#needs);
      for await (const rows of storedRows(query, this.#context)) {
        for (const row of rows) {
          const one = this.#foundOf(query, row, read(row));
          if (one === undefined || !this.#isIn(ring, one)) continue;
          seen++;
          // A row that was moved meanwhile may be in two cells.
          found.set(this.#keyText(one), one);
        }
        if (seen > most) return;
        if (found.size > 2 * wanted + leastRows) found = new Map(sorted().map((one) => [this.#keyText(one), one]));
      }
    };
    const left = [...cells];
    const lane = async (): Promise<void> => {
      for (let cell = left.shift(); cell !== undefined && seen <= most; cell = left.shift()) await readCell(cell);
    };
    await Promise.all(Array.from({ length: Math.min(cellsAtOnce, cells.length) }, lane));
    return seen > most ? undefined : sorted();
  }

  #isIn({ fromKm, toKm, isClosed, after }: Part, one: Position): boolean {
    const at = one.distanceKm;
    if (at > toKm || at < fromKm || (at === fromKm && !isClosed)) return false;
    return after === undefined || this.#compare(one, after) > 0;
  }

  /**
   * The cells of a ring, as small as there may be of them; undefined where the whole table is read.
   *
   * @throws DbError `scan-refused` where it would have to be, and nobody said so
   */
  async #cells(ring: Ring): Promise<string[] | undefined> {
    const finest = precisionOf(this.#columns.geohash);
    let length = finest;
    let cells = cellsOfRing(this.#around, ring, length, mostCells);
    while (cells === undefined) cells = cellsOfRing(this.#around, ring, --length, mostCells);
    if (cells.length === 0 || (await this.#isServed(cells[0]!))) return cells;
    // An engine that finds texts by the whole alone.
    const whole = cellsOfRing(this.#around, ring, finest, mostWholeCells);
    if (whole !== undefined && (await this.#isServed(whole[0]!))) return whole;
    refuseQuery(await this.#queryOf(everywhere), this.#options.scan === true, true);
    return undefined;
  }

  /** Whether a key or an index serves cells like this one. */
  async #isServed(cell: string): Promise<boolean> {
    const isWhole = cell.length === precisionOf(this.#columns.geohash);
    let served = this.#served.get(isWhole);
    if (served === undefined) this.#served.set(isWhole, (served = (await this.#queryOf(cell)).plan.narrow));
    return served;
  }

  async #queryOf(cell: string): Promise<Query> {
    const { table, readable } = this.#bound;
    const { geohash } = this.#columns;
    const { select, consistent, scan } = this.#options;
    const asked = await this.#asked();
    const isWhole = cell.length === precisionOf(geohash);
    const inCell = { [geohash.name]: cell === everywhere ? { $null: false } : isWhole ? { $eq: cell } : { $begins_with: cell } };
    const values = [...asked.values];
    const both = allOf([asked.condition, parseFilter(readable, inCell, values, { call: "select" })]);
    const condition = deriveJoins(table, both, values);
    return withColumns(plannedQuery(this.#bound, this.#context, condition, values, { select, consistent, scan }), this.#needs);
  }

  /** The filter; what it asks of rows of other tables is read once for all cells. */
  #asked(): Promise<Asked> {
    return (this.#madeAsked ??= this.#makeAsked());
  }

  async #makeAsked(): Promise<Asked> {
    const { filter, ops, consistent, scan } = this.#options;
    const values: unknown[] = [];
    const asked = readFilter(this.#bound, filter, values, ops);
    const { identity } = plannedQuery(this.#bound, this.#context, asked, [...values], undefined);
    const condition = await resolveRelated(this.#bound, this.#context, asked, values, { scan, consistent });
    return { condition, values, identity: identity() };
  }

  /** @param values  of `#needs` */
  #foundOf(query: Query, row: StoredRow, [latitude, longitude, ...rest]: readonly unknown[]): Found | undefined {
    if (typeof latitude !== "number" || typeof longitude !== "number") return undefined;
    const key = rest.slice(0, this.#bound.table.key.length);
    return { query, row, distanceKm: distanceKm(this.#around, { latitude, longitude }), key, included: rest.slice(key.length) };
  }

  #compare(a: Position, b: Position): number {
    return a.distanceKm - b.distanceKm || this.#compareKeys(a.key, b.key);
  }

  #keyText({ key }: Position): string {
    return encodeKey(this.#bound.table.key, key);
  }

  async tokenOf({ distanceKm: at, key }: Position): Promise<string> {
    return this.#context.tokens.encode(await this.#identity(), [at, ...key], this.#order);
  }

  async positionIn(token: string): Promise<Position> {
    const [at, ...key] = await this.#context.tokens.decode(await this.#identity(), token, this.#order);
    if (typeof at !== "number" || at < 0) throw invalid("start is damaged; pass the `next` of a page as it was given");
    return { distanceKm: at, key };
  }

  /** Equal for calls that a page token may go on with. */
  async #identity(): Promise<string> {
    const { latitude, longitude, distanceKm: reachKm } = this.#around;
    const { identity } = await this.#asked();
    return `near ${latitude} ${longitude} ${reachKm} ${this.#columns.geohash.name} ${identity}`;
  }
}

const distanceColumn: Column = {
  index: 0,
  name: "distanceKm",
  type: "real",
  kind: "real",
  isKey: true,
  element: undefined,
  isSet: false,
  maxLength: undefined,
  isRest: false,
  definition: {},
};

function precisionOf({ definition }: Column): number {
  return definition.precision ?? defaultGeohashPrecision;
}

const wanted = "near takes { latitude, longitude, distanceKm }: degrees, and kilometers above 0";

function checkAround(place: unknown): Around {
  if (!isPlainObject(place)) throw invalid(wanted);
  for (const name of Object.keys(place))
    if (!["latitude", "longitude", "distanceKm"].includes(name)) throw invalid(`${wanted}; there is no ${name.slice(0, 50)}`);
  const { latitude, longitude, distanceKm: reachKm } = place;
  if (!isWithin(latitude, 90)) throw invalid("latitude must be a number from -90 to 90");
  if (!isWithin(longitude, 180)) throw invalid("longitude must be a number from -180 to 180");
  if (typeof reachKm !== "number" || !(reachKm > 0)) throw invalid("distanceKm must be a number above 0");
  return { latitude, longitude, distanceKm: reachKm };
}

function isWithin(value: unknown, most: number): value is number {
  return typeof value === "number" && Math.abs(value) <= most;
}

/** The geohash column by which rows are found, and those that it is made of. */
function columnsOf({ table, readable }: BoundTable, name: string | undefined): GeoColumns {
  const made = geohashesOf(table);
  const [geohash, other] = name === undefined ? made : made.filter((column) => column.name === name);
  if (geohash === undefined) {
    const there = made.map((column) => column.name).join(", ") || "none";
    throw invalid(`near needs a geohash column that is made of stored columns (lat, lon); ${table.name} has ${there}`);
  }
  if (other !== undefined)
    throw invalid(
      `${table.name} has several geohash columns: ${made.map((column) => column.name).join(", ")}; name one by the option column`,
    );
  const { lat, lon } = geohash.definition;
  const [latitude, longitude] = [lat!, lon!].map((column) => {
    const found = readable.byName.get(column);
    if (found === undefined) throw unknownColumn(readable, column);
    return found;
  });
  return { geohash, latitude: latitude!, longitude: longitude! };
}

function geohashesOf(table: Table): Column[] {
  const isStored = (name: string | undefined): boolean => name !== undefined && (table.byName.get(name)?.index ?? -1) >= 0;
  return table.columns.filter(({ type, definition: { lat, lon } }) => type === "geohash" && isStored(lat) && isStored(lon));
}
