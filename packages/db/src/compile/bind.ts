// Values on their way to the driver: each encoded as the column that it is for is stored.

import type { Change, Codec, Value } from "../driver.js";
import { allTestsOf, type Condition } from "../reference/condition.js";
import { encoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";

export type Encoder = (logical: unknown) => Value;
export type ValuesEncoder = (values: readonly unknown[]) => Value[];

/** Encodes the values of a condition, each as the column of its test is stored. */
export function valueEncoder(condition: Condition, slots: number, codec: Codec): ValuesEncoder {
  const encoders: Encoder[] = Array.from({ length: slots }, () => (value) => value as Value);
  for (const { column, op, slots: own, member } of allTestsOf(condition)) {
    if (member !== undefined) continue;
    const encode = column.kind === "list" && op !== "same" ? elementEncoder(column, codec) : encoderOf(column, codec);
    for (const slot of own) encoders[slot] = encode;
  }
  return (values) => encoders.map((encode, slot) => encode(values[slot]));
}

function elementEncoder(column: Column, codec: Codec): Encoder {
  const kind = column.element ?? "text";
  return encoderOf({ ...column, kind, element: undefined, isSet: false }, codec);
}

/** Encodes the values of changes, and what `guard` encodes. */
export function changeEncoder(changes: readonly Change[], guard: ValuesEncoder, codec: Codec): ValuesEncoder {
  const encoders = changes.flatMap(({ column, slot }) => (slot === undefined ? [] : [{ slot, encode: encoderOf(column, codec) }]));
  return (values) => {
    const stored = guard(values);
    for (const { slot, encode } of encoders) stored[slot] = encode(values[slot] ?? null);
    return stored;
  };
}
