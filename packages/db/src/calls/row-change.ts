// A change of one row, checked: what the ways of carrying it out share.

import type { BoundTable } from "../compile/bound-table.js";
import type { Condition } from "../reference/condition.js";
import type { Change, Codec, Value } from "../driver.js";
import type { LogicalRow } from "../normalize/row.js";
import { encoderOf } from "../schema/encodings.js";
import type { RowOptions } from "./write-context.js";

/** One row's change, checked. */
export interface RowChange {
  readonly key: readonly unknown[];
  readonly storedKey: Value[];
  readonly changes: readonly Change[];
  /** Logical values by slot: those of the changes and of the guard. */
  readonly values: unknown[];
  readonly guard: Condition;
  /** The guard without the parts that the core added. */
  readonly where: Condition;
  readonly ranged: boolean;
  /** The row to make when there is none; undefined: none is made. */
  readonly create: (() => LogicalRow) | undefined;
  readonly options: RowOptions | undefined;
}

export function isNativeChange(bound: BoundTable, { column, op, member, from }: Change): boolean {
  if (member !== undefined || from !== undefined) return false;
  // The length of what an engine puts together is not known beforehand.
  if (column.maxLength !== undefined && (op === "append" || op === "prepend" || op === "add")) return false;
  return op === "set" || (bound.pool.driver.capabilities.changes[column.kind]?.includes(op) ?? false);
}

export type ValuesEncoder = (values: readonly unknown[]) => Value[];

export function changeEncoder(changes: readonly Change[], guard: ValuesEncoder, codec: Codec): ValuesEncoder {
  const encoders = changes.flatMap(({ column, slot }) => (slot === undefined ? [] : [{ slot, encode: encoderOf(column, codec) }]));
  return (values) => {
    const stored = guard(values);
    for (const { slot, encode } of encoders) stored[slot] = encode(values[slot] ?? null);
    return stored;
  };
}
