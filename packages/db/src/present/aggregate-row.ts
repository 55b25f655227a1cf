// The row of a group as the caller gets it: sums and averages of what was computed exactly.

import type { Measure } from "../driver.js";
import { DbError } from "../errors.js";
import type { AggregateRequest, Computed, ComputedOp } from "../normalize/aggregate.js";
import { computedOps } from "../normalize/aggregate.js";
import { measureKey } from "../reference/measure.js";
import { averageOfUnits, sumOfUnits } from "../schema/exact-sum.js";
import type { Column } from "../schema/table.js";

/** What has to be computed for a request: an average is a sum and the number of its values. */
export function measuresOf({ counts, computed }: AggregateRequest): Measure[] {
  const wanted: Measure[] = counts ? [{ op: "count", column: undefined }] : [];
  for (const op of computedOps)
    for (const column of computed[op] ?? [])
      wanted.push(...(op === "avg" ? [sumOf(column), { op: "count", column } as const] : [{ op, column }]));
  return [...new Map(wanted.map((measure) => [measureKey(measure), measure])).values()];
}

const sumOf = (column: Column): Measure => ({ op: "sum", column });

/** Gives the value of what is computed, from the results of measures. */
export function computedValue({ op, column }: Computed, measures: readonly Measure[]): (results: readonly unknown[]) => unknown {
  const at = (measure: Measure): number => measures.findIndex((one) => measureKey(one) === measureKey(measure));
  if (op !== "sum" && op !== "avg") {
    const place = at({ op, column });
    return (results) => results[place];
  }
  const { kind } = column;
  const sum = at(sumOf(column));
  if (op === "avg") {
    const count = at({ op: "count", column });
    return (results) => (results[sum] === null ? null : averageOfUnits(kind, results[sum] as bigint, results[count] as number));
  }
  return (results) => (results[sum] === null ? null : (sumOfUnits(kind, results[sum] as bigint) ?? refuseSum(column)));
}

function refuseSum({ name, kind }: Column): never {
  const most = kind === "int" ? "2^53 - 1" : "what a double holds";
  throw new DbError("too-large", `the sum of column ${name} is beyond ${most}; narrow the filter, make smaller groups, or ask for avg`, {
    column: name,
  });
}

/**
 * Makes rows: a member for each option that was given, with a value for each of its columns.
 *
 * @param columns  those of the places
 */
export function aggregateRow(
  { by, counts, computed }: AggregateRequest,
  columns: readonly Column[],
  measures: readonly Measure[],
): (place: readonly unknown[], results: readonly unknown[]) => Record<string, unknown> {
  const placed = by?.map((column) => ({ name: column.name, at: columns.indexOf(column) }));
  const count = counts ? computedValue({ op: "count", column: undefined }, measures) : undefined;
  const members = computedOps.flatMap((op) => {
    const own = computed[op];
    return own === undefined ? [] : [{ op, values: own.map((column) => valueOf(op, column, measures)) }];
  });
  return (place, results) => {
    const row: Record<string, unknown> = {};
    if (placed !== undefined) row["by"] = Object.fromEntries(placed.map(({ name, at }) => [name, place[at]]));
    if (count !== undefined) row["count"] = count(results);
    for (const { op, values } of members) row[op] = Object.fromEntries(values.map(({ name, value }) => [name, value(results)]));
    return row;
  };
}

function valueOf(
  op: ComputedOp,
  column: Column,
  measures: readonly Measure[],
): { name: string; value: (results: readonly unknown[]) => unknown } {
  return { name: column.name, value: computedValue({ op, column }, measures) };
}
