import { comparatorOf } from "../schema/compare.js";
import type { Column } from "../schema/table.js";

/** One column of an order. */
export interface SortColumn {
  readonly column: Column;
  readonly descending: boolean;
}

/** Compares positions, logical values of the columns of an order: nulls before all values, ascending. */
export function orderComparator(order: readonly SortColumn[]): (a: readonly unknown[], b: readonly unknown[]) => number {
  const steps = order.map(({ column, descending }) => ({ compare: comparatorOf(column.kind), sign: descending ? -1 : 1 }));
  return (a, b) => {
    for (let i = 0; i < steps.length; i++) {
      const [x, y] = [a[i] ?? null, b[i] ?? null];
      const { compare, sign } = steps[i]!;
      const result = x === null || y === null ? Number(x !== null) - Number(y !== null) : compare(x, y);
      if (result !== 0) return result * sign;
    }
    return 0;
  };
}
