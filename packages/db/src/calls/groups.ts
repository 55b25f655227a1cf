// What is computed over the rows of a query, by groups: by the engine where it does so exactly, else folded here.

import { valueEncoder } from "../compile/bind.js";
import type { Prepared } from "../compile/prepared.js";
import { aggregateShape } from "../compile/shapes.js";
import type { Measure, SortColumn, Value, Values } from "../driver.js";
import { isComputed } from "../plan/aggregate-plan.js";
import { valuesOf } from "../present/presenter.js";
import { type Fold, foldOf, measureKey, resultOf } from "../reference/measure.js";
import { orderComparator } from "../reference/order.js";
import { compileArrayDecoder, decoderOf, encoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import type { CallContext } from "./context.js";
import { fetchedBy, storedRows } from "./page.js";
import { pathBindings } from "./page-reader.js";
import type { Query } from "./query.js";

/** Values of the columns of its order, logical, and the results of the measures, as {@link Fold} has them. */
export interface Group {
  readonly place: readonly unknown[];
  readonly results: readonly unknown[];
}

/** Which groups are wanted. */
export interface Wanted {
  /** Total over the columns of the groups. */
  readonly order: readonly SortColumn[];
  /** Those behind this place alone. */
  readonly after: readonly unknown[] | undefined;
  /** No more than these, the first in the order. */
  readonly most: number;
}

/** Whether the engine of a query computes these measures by these columns itself. */
export function isByEngine({ bound, plan }: Query, groupBy: readonly Column[], measures: readonly Measure[]): boolean {
  return isComputed(plan, groupBy, measures, bound.pool.capabilities) && (groupBy.length === 0 || !plan.coreSort);
}

/** The results of measures over all rows of a query. */
export async function totalsOf(query: Query, context: CallContext, measures: readonly Measure[]): Promise<readonly unknown[]> {
  const folds = measures.map(foldOf);
  const start = folds.map((fold) => fold.start);
  if (query.never) return start;
  if (!isByEngine(query, [], measures)) {
    const groups = await foldGroups(query, context, measures, { order: [], after: undefined, most: 1 });
    return groups[0]?.results ?? start;
  }
  const computer = computerOf(query, measures, []);
  const parts = await Promise.all(
    pathBindings(query, computer).map(async ({ fixed }) => {
      const { rows } = await query.bound.pool.send(computer.first, fixed, context);
      return computer.groupOf(rows[0]!).results;
    }),
  );
  return parts.reduce((sum, part) => folds.map((fold, i) => fold.merge(sum[i], part[i])), start);
}

/** The groups of the rows of a query, in order. */
export async function groupsOf(
  query: Query,
  context: CallContext,
  measures: readonly Measure[],
  wanted: Wanted,
): Promise<readonly Group[]> {
  if (query.never) return [];
  const columns = wanted.order.map(({ column }) => column);
  if (!isByEngine(query, columns, measures)) return foldGroups(query, context, measures, wanted);
  const { order, after, most } = wanted;
  const computer = computerOf(query, measures, order);
  const values = [...computer.encodeValues(query.values), most, ...(after === undefined ? [] : computer.encodePlace(after))];
  const { rows } = await query.bound.pool.send(after === undefined ? computer.first : computer.rest, values, context);
  return rows.map((row) => computer.groupOf(row));
}

/** What an engine's groups of one shape need, made once for each. */
interface Computer {
  readonly first: Prepared;
  readonly rest: Prepared;
  readonly encodeValues: (values: readonly unknown[]) => Value[];
  readonly encodePlace: (place: readonly unknown[]) => Value[];
  readonly groupOf: (row: Values) => Group;
}

function computerOf(query: Query, measures: readonly Measure[], groupBy: readonly SortColumn[]): Computer {
  const { bound, plan, condition, values, consistent, shape: asked } = query;
  const by = groupBy.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`).join(",");
  return bound.kept(`aggregate ${asked.key}|${by}|${measures.map(measureKey).join(",")}`, () => {
    const { pool, table, codec } = bound;
    const columns = groupBy.map(({ column }) => column);
    const shape = { values: values.length, consistent, groupBy };
    const encoders = columns.map((column) => encoderOf(column, codec));
    const decodePlace = compileArrayDecoder(columns, codec);
    const results = measures.map((measure) => resultOf(measure, measure.column && decoderOf(measure.column, codec)));
    return {
      first: pool.prepare(aggregateShape(table, plan, measures, shape)),
      rest: pool.prepare(aggregateShape(table, plan, measures, { ...shape, continues: columns.length > 0 })),
      encodeValues: valueEncoder(condition, values.length, codec),
      encodePlace: (place) => place.map((value, i) => encoders[i]!(value)),
      groupOf: (row) => ({
        place: columns.length === 0 ? [] : decodePlace(row),
        results: results.map((result, i) => result(row[columns.length + i]!)),
      }),
    };
  });
}

/** Groups that are held beyond those that are wanted before the last ones are given up. */
const spareGroups = 1000;

async function foldGroups(query: Query, context: CallContext, measures: readonly Measure[], wanted: Wanted): Promise<readonly Group[]> {
  const by = wanted.order.map(({ column }) => column);
  const measured = [...new Set(measures.flatMap(({ column }) => (column === undefined ? [] : [column])))];
  const read = valuesOf(query.bound.codec, fetchedBy(query), [...by, ...measured]);
  const steps = measures.map((measure): Step => {
    const at = measure.column === undefined ? -1 : by.length + measured.indexOf(measure.column);
    return { ...foldOf(measure), at };
  });
  const groups = new Groups(wanted, steps);
  for await (const rows of storedRows(query, context)) for (const row of rows) groups.add(read(row));
  return groups.first();
}

interface Step extends Fold {
  /** The place of its value in a row; −1: it has none. */
  readonly at: number;
}

/** Groups while rows come in. No more are held than are wanted, twice over, however many there are. */
class Groups {
  readonly #wanted: Wanted;
  readonly #steps: readonly Step[];
  readonly #compare: (a: readonly unknown[], b: readonly unknown[]) => number;
  readonly #groups = new Map<string, { readonly place: readonly unknown[]; readonly results: unknown[] }>();
  /** Groups behind this one are not wanted: so many come before it. */
  #last: readonly unknown[] | undefined;

  constructor(wanted: Wanted, steps: readonly Step[]) {
    this.#wanted = wanted;
    this.#steps = steps;
    this.#compare = orderComparator(wanted.order);
  }

  add(row: readonly unknown[]): void {
    const steps = this.#steps;
    const id = this.#idOf(row);
    let group = this.#groups.get(id);
    if (group === undefined) {
      const { order, most } = this.#wanted;
      const place = row.slice(0, order.length);
      if (!this.#isWanted(place)) return;
      this.#groups.set(id, (group = { place, results: steps.map(({ start }) => start) }));
      if (this.#groups.size >= 2 * most + spareGroups) this.#dropLast();
    }
    const { results } = group;
    for (let i = 0; i < steps.length; i++) {
      const { add, at } = steps[i]!;
      results[i] = add(results[i], at < 0 ? undefined : row[at]);
    }
  }

  /** The groups that are wanted, in order. */
  first(): readonly Group[] {
    const sorted = [...this.#groups.values()].sort((a, b) => this.#compare(a.place, b.place));
    return sorted.slice(0, this.#wanted.most);
  }

  #isWanted(place: readonly unknown[]): boolean {
    const { after } = this.#wanted;
    if (after !== undefined && this.#compare(place, after) <= 0) return false;
    return this.#last === undefined || this.#compare(place, this.#last) <= 0;
  }

  #dropLast(): void {
    const kept = this.first();
    this.#last = kept.at(-1)!.place;
    const ids = new Set(kept.map(({ place }) => this.#idOf(place)));
    for (const id of this.#groups.keys()) if (!ids.has(id)) this.#groups.delete(id);
  }

  /** Text that is equal for rows of one group; no value has U+0000 in it. */
  #idOf(row: readonly unknown[]): string {
    const { order } = this.#wanted;
    let id = "";
    for (let i = 0; i < order.length; i++) {
      const value = row[i];
      if (i > 0) id += "\u0000";
      if (value !== null) id += `=${value instanceof Date ? value.getTime() : String(value)}`;
    }
    return id;
  }
}
