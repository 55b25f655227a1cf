// Random steps on many rows that are broken off, taken up again, and have writes come between.

import { type CallStep, rowCall, scopeOf } from "./generate.js";
import { filterOf, including, readFilter } from "./generate-filters.js";
import type { Random } from "./random.js";
import { keyColumns, type ModelTable, type PoolName, pools, sortable, tableNames } from "./tables.js";

type Values = Record<string, unknown>;

/** Where a step is broken off, and what is written before it is taken up again. */
interface Interrupted {
  /** Rows of a page. */
  readonly count: number;
  /** Broken off after so many pages, where there are so many; undefined: not at all. */
  readonly stopAfter: number | undefined;
  /** Whole rows that are put or deleted meanwhile: what becomes of such a row does not depend on how it was before. */
  readonly between: readonly CallStep[];
}

export interface ScanStep extends Interrupted {
  readonly kind: "scan";
  readonly table: ModelTable;
  readonly filter: Values;
  readonly options: Values;
  readonly scope?: Values;
}

export interface CopyStep extends Interrupted {
  readonly kind: "copy";
  readonly from: PoolName;
  readonly to: PoolName;
  readonly tables: readonly ModelTable[];
}

export interface BackfillStep extends Interrupted {
  readonly kind: "backfill";
  readonly columns: true | readonly string[];
  readonly dryRun: boolean;
  /** Rows that are put before, without values of columns that inserts fill. */
  readonly older: readonly CallStep[];
}

export type LongStep = ScanStep | CopyStep | BackfillStep;

const weights = { scan: 5, copy: 3, backfill: 2 } as const;

export function longStep(random: Random): LongStep {
  switch (random.weighted(weights)) {
    case "scan":
      return scan(random);
    case "copy":
      return copy(random);
    case "backfill":
      return backfill(random);
  }
}

function interrupted(random: Random, tables: readonly ModelTable[]): Interrupted {
  const stopAfter = random.chance(0.7) ? 1 + random.below(3) : undefined;
  const write = (): CallStep =>
    rowCall(random, random.pick(["put", "put", "del"]), random.pick(tables), { withoutUnique: true, withoutErrors: true });
  return {
    count: random.pick([1, 2, 3, 5, 50]),
    stopAfter,
    between: stopAfter !== undefined && random.chance(0.6) ? random.times(5, write) : [],
  };
}

function scan(random: Random): ScanStep {
  const table = random.pick(tableNames);
  const broken = interrupted(random, [table]);
  // Rows that are written meanwhile are told apart by their keys, and must not decide over others.
  const isAlone = broken.between.length === 0;
  const columns = random.times(3, () => random.pick(sortable[table]));
  return {
    kind: "scan",
    table,
    filter: isAlone ? readFilter(random, table) : filterOf(random, table),
    options: {
      ...(random.chance(0.2) ? { select: isAlone ? columns : [...keyColumns[table], ...columns] } : {}),
      ...(isAlone && random.chance(0.2) ? including(random, table) : {}),
    },
    ...broken,
    ...(isAlone && random.chance(0.15) ? { scope: { [table]: scopeOf(random, table) } } : {}),
  };
}

function copy(random: Random): CopyStep {
  const some = random.some(tableNames, 0.3);
  const tables = some.length === 0 ? [random.pick(tableNames)] : some;
  const isBack = random.chance(0.4);
  return {
    kind: "copy",
    from: isBack ? "other" : "main",
    to: isBack ? "main" : "other",
    tables,
    ...interrupted(random, tables),
  };
}

/** Columns that inserts fill, by table. */
const filled: { readonly [table in ModelTable]?: readonly string[] } = {
  album: ["small", "hits", "mtime"],
  chat: ["area", "born"],
  stat: ["small"],
};

function backfill(random: Random): BackfillStep {
  const tables = Object.keys(filled) as ModelTable[];
  const columns = random.some(
    tables.flatMap((table) => filled[table]!.map((column) => `${table}.${column}`)),
    0.4,
  );
  const dryRun = random.chance(0.2);
  const broken = interrupted(random, tables);
  const older = (): CallStep => {
    const { verb, args } = rowCall(random, "put", random.pick(["album", "stat"]), { withoutUnique: true, withoutErrors: true });
    const [table, row] = args as [ModelTable, Values];
    return { kind: "call", verb, args: [table, { ...row, small: null, ...(table === "album" ? { hits: null } : {}) }] };
  };
  return {
    kind: "backfill",
    older: random.times(8, older),
    columns: columns.length === 0 || random.chance(0.5) ? true : columns,
    dryRun,
    ...broken,
    ...(dryRun ? { stopAfter: undefined, between: [] } : {}),
  };
}

/** Tables of which other rows can be in the way of a row. */
export function hasUnique(table: ModelTable): boolean {
  return pools[table]["mail"] !== undefined;
}
