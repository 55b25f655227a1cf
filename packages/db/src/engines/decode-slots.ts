import type { Change, Codec, Value, Values } from "../driver.js";
import { decoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import type { Slot, Test } from "../reference/condition.js";

/** What the values of a call are for: tests, changes and single columns. */
export interface SlotUses {
  readonly tests?: Iterable<Test>;
  readonly changes?: readonly Change[];
  readonly columns?: Iterable<readonly [Slot, Column]>;
}

/**
 * Makes a function that gives the logical values of a call: each slot decoded as a value of the column that it is for.
 * Engines that evaluate conditions and changes by the core's own functions need it.
 */
export function slotDecoder(uses: SlotUses, codec: Codec): (values: Values) => unknown[] {
  const decoders = new Map<Slot, (stored: Value) => unknown>();
  const use = (slot: Slot, column: Column): void => void decoders.set(slot, decoderOf(column, codec));
  for (const { column, op, slots } of uses.tests ?? []) {
    // The other tests of lists compare with one element, which is stored as it is.
    if (column.kind !== "list" || op === "same") for (const slot of slots) use(slot, column);
  }
  for (const { column, slot } of uses.changes ?? []) if (slot !== undefined) use(slot, column);
  for (const [slot, column] of uses.columns ?? []) use(slot, column);
  return (values) => values.map((value, slot) => decoders.get(slot)?.(value) ?? value);
}
