// Orders of groups by what is computed of them, and their positions in page tokens.

import type { SortColumn } from "../driver.js";
import { invalid } from "../errors.js";
import { type AggregateSort, type Computed, isColumn } from "../normalize/aggregate.js";
import { shortestDecimal } from "../schema/decimal.js";
import type { Column, Kind } from "../schema/table.js";

export interface Rank {
  /** Compares the values that groups are sorted by. */
  readonly order: readonly SortColumn[];
  /** The order as tokens hold positions in it: sums of any length as texts. */
  readonly tokenOrder: readonly SortColumn[];
  readonly write: (values: readonly unknown[]) => unknown[];
  /** @throws DbError `invalid` for a position that is none: without a `tokenKey` anybody can make tokens */
  readonly read: (position: readonly unknown[]) => unknown[];
}

export function rankOf(order: readonly AggregateSort[]): Rank {
  const columns = order.map(({ of }) => (isColumn(of) ? of : computedColumn(of)));
  const isWide = order.map(({ of }) => !isColumn(of) && of.op === "sum" && (of.column.kind === "int64" || of.column.kind === "decimal"));
  const withColumns = (own: readonly Column[]): SortColumn[] => order.map(({ descending }, i) => ({ column: own[i]!, descending }));
  return {
    order: withColumns(columns),
    tokenOrder: withColumns(columns.map((column, i) => (isWide[i] ? { ...column, kind: "text" } : column))),
    write: (values) => values.map((value, i) => (isWide[i] && value !== null ? String(value) : value)),
    read: (position) => position.map((value, i) => (isWide[i] && value !== null ? readSum(value as string, columns[i]!.kind) : value)),
  };
}

const ofCount = { index: 0, type: "int", element: undefined, isSet: false, maxLength: undefined, isRest: false, definition: {} } as const;

/** A column that holds what is computed, as far as orders and positions need one. */
function computedColumn({ op, column }: Computed): Column {
  if (op === "count") return { ...ofCount, name: "count", kind: "int", isKey: false };
  const kind: Kind = op === "avg" && column.kind !== "decimal" ? "real" : column.kind;
  return { ...column, kind, isKey: false };
}

function readSum(text: string, kind: Kind): bigint | string {
  if (kind === "int64" && /^(0|-?[1-9]\d*)$/.test(text)) return BigInt(text);
  if (kind === "decimal" && shortestDecimal(text) === text) return text;
  throw invalid("start is not a page token of this call; pass the `next` of a page as it was given");
}
