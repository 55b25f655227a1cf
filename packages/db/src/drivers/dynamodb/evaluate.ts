// Conditions and changes on rows that were read, where a request cannot say them: with the core's own meaning.

import type { Change, Values } from "../../driver.js";
import { slotDecoder } from "../../engines/decode-slots.js";
import { applyChanges } from "../../reference/apply-changes.js";
import { type Condition, isAlways, testsOf } from "../../reference/condition.js";
import { compileMatcher } from "../../reference/matches.js";
import { decoderOf, encoderOf } from "../../schema/encodings.js";
import type { Column } from "../../schema/table.js";
import { codec } from "./capabilities.js";

/** Makes a function that gives logical values, each at `column.index`, of stored ones in order of `columns`. */
function logicalReader(columns: readonly Column[]): (row: Values) => unknown[] {
  const decoders = columns.map((column) => ({ index: column.index, decode: decoderOf(column, codec) }));
  return (row) => {
    const logical: unknown[] = [];
    decoders.forEach(({ index, decode }, i) => (logical[index] = decode(row[i] ?? null)));
    return logical;
  };
}

/** Makes a test of stored rows, whose values are in order of `columns`, with the values of a call. */
export function compileTest(columns: readonly Column[], condition: Condition): (row: Values, values: Values) => boolean {
  if (isAlways(condition)) return () => true;
  const tests = [...testsOf(condition)];
  const matches = compileMatcher(condition, (column) => column.index);
  const toLogical = logicalReader(columns);
  const decode = slotDecoder({ tests }, codec);
  return (row, values) => matches(toLogical(row), decode(values));
}

/** Makes a function that gives the stored row, in order of `columns`, after changes with the values of a call. */
export function compileChanges(columns: readonly Column[], changes: readonly Change[]): (row: Values, values: Values) => Values {
  const toLogical = logicalReader(columns);
  const decode = slotDecoder({ changes }, codec);
  const encoders = columns.map((column) => ({ index: column.index, encode: encoderOf(column, codec) }));
  return (row, values) => {
    const logical = applyChanges(changes, toLogical(row), decode(values));
    return encoders.map(({ index, encode }) => encode(logical[index]));
  };
}
