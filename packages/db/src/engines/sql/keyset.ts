// Where a page goes on: the rows strictly after a position in a total order, written so that an index finds the first of
// them at once. Nulls sort before all values, ascending, and after them, descending.

import { conjuncts, type Condition, type Slot } from "../../reference/condition.js";
import type { SortColumn, Values } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import { writeEqual } from "./condition.js";
import type { SqlWriter } from "./writer.js";

/** One column of the order with the slot of its value in the position. */
export interface Place {
  readonly column: Column;
  readonly descending: boolean;
  readonly slot: Slot;
}

/**
 * A run of rows that an index serves as one range: columns that equal the position's, then a bound. The runs of a
 * position follow each other in the order and do not overlap.
 */
export interface Run {
  /** Equal to the position; its nulls are absence. */
  readonly equal: readonly Place[];
  /**
   * - `beyond`: the columns together, all of one direction, lie strictly beyond the position;
   * - `present`, `absent`: the one column has a value, has none.
   */
  readonly bound:
    | { readonly kind: "beyond"; readonly places: readonly Place[] }
    | { readonly kind: "present" | "absent"; readonly place: Place };
}

/** The order without columns that the filter fixes to one value: they order nothing, and an index need not have them there. */
export function openOrder(order: readonly SortColumn[], filter: Condition): { readonly column: SortColumn; readonly place: number }[] {
  const fixed = new Set(conjuncts(filter).flatMap((part) => (part.kind === "test" && part.op === "eq" ? [part.column.name] : [])));
  return order.map((column, place) => ({ column, place })).filter(({ column }) => !fixed.has(column.column.name));
}

/** Which places of a position are null, as text; statements are kept by it. */
export function nullsOf(places: readonly Place[], values: Values): string {
  let nulls = "";
  for (const { slot } of places) nulls += values[slot] === null ? "1" : "0";
  return nulls;
}

/**
 * Takes a position apart.
 *
 * @param isNull  whether the position's value at a place is null
 * @returns the runs after it in order; none when nothing can come after it
 */
export function runsAfter(places: readonly Place[], isNull: (place: Place) => boolean, equal: readonly Place[] = []): Run[] {
  const [first, ...rest] = places;
  if (first === undefined) return [];
  const { descending } = first;
  if (isNull(first)) {
    const ties = runsAfter(rest, isNull, [...equal, first]);
    return descending ? ties : [...ties, { equal, bound: { kind: "present", place: first } }];
  }
  // Comparing rows as a whole leaves out nulls. Ascending they come before the position; descending after it, so
  // that only the first column may have them, as a run of their own.
  const whole = rest.every((place) => place.descending === descending && !isNull(place) && (!descending || place.column.isKey));
  const beyond: Run[] = whole
    ? [{ equal, bound: { kind: "beyond", places } }]
    : [...runsAfter(rest, isNull, [...equal, first]), { equal, bound: { kind: "beyond", places: [first] } }];
  return descending && !first.column.isKey ? [...beyond, { equal, bound: { kind: "absent", place: first } }] : beyond;
}

/** Writes the condition of a run. */
export function writeRun(writer: SqlWriter, run: Run, isNull: (place: Place) => boolean): string {
  const name = (place: Place): string => writer.dialect.quote(place.column.name);
  const equal = run.equal.map((place) =>
    isNull(place) ? `${name(place)} IS NULL` : writeEqual(writer, name(place), place.slot, place.column),
  );
  return [...equal, writeBound(writer, run, name)].join(" AND ");
}

function writeBound(writer: SqlWriter, { bound }: Run, name: (place: Place) => string): string {
  if (bound.kind !== "beyond") return `${name(bound.place)} IS ${bound.kind === "absent" ? "NULL" : "NOT NULL"}`;
  const { places } = bound;
  const first = places[0]!;
  const sign = first.descending ? "<" : ">";
  const value = (place: Place): string => writer.dialect.inOrder(place.column, writer.bind(place.slot, place.column));
  const equal = (place: Place): string => writeEqual(writer, name(place), place.slot, place.column);
  if (places.length === 1) return `${name(first)} ${sign} ${value(first)}`;
  if (writer.dialect.rowValues) return `(${places.map(name).join(", ")}) ${sign} (${places.map(value).join(", ")})`;
  const beyond = ([place, ...rest]: readonly Place[]): string =>
    rest.length === 0
      ? `${name(place!)} ${sign} ${value(place!)}`
      : `(${name(place!)} ${sign} ${value(place!)} OR (${equal(place!)} AND ${beyond(rest)}))`;
  return `${name(first)} ${sign}= ${value(first)} AND ${beyond(places)}`;
}
