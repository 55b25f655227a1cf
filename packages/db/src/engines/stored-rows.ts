// Conditions and changes on rows that an engine keeps or has read, with the core's own meaning.

import type { Change, Codec, Value, Values } from "../driver.js";
import { applyChanges } from "../reference/apply-changes.js";
import { type Condition, isAlways, testsOf } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { decoderOf, encoderOf } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import { slotDecoder } from "./decode-slots.js";

/** How an engine keeps rows. */
export interface RowForm<Row> {
  readonly codec: Codec;
  /** The stored value of a column; null where it is absent. */
  read(row: Row, column: Column): Value;
}

/** Makes a function that gives logical values of these columns, each at `column.index`. */
export function logicalReader<Row>(columns: readonly Column[], form: RowForm<Row>): (row: Row) => unknown[] {
  const decoders = columns.map((column) => ({ column, decode: decoderOf(column, form.codec) }));
  return (row) => {
    const logical: unknown[] = [];
    for (const { column, decode } of decoders) logical[column.index] = decode(form.read(row, column));
    return logical;
  };
}

/** Makes a condition a test of rows: first for the values of the call, then for each row. */
export function compileRowTest<Row>(condition: Condition, form: RowForm<Row>): (values: Values) => (row: Row) => boolean {
  if (isAlways(condition)) return () => () => true;
  const tests = [...testsOf(condition)];
  const matches = compileMatcher(condition, (column) => column.index);
  const toLogical = logicalReader([...new Set(tests.map(({ column }) => column))], form);
  const decode = slotDecoder({ tests }, form.codec);
  return (values) => {
    const logicalValues = decode(values);
    return (row) => matches(toLogical(row), logicalValues);
  };
}

/** Makes a function that gives the stored row, in order of `columns`, after changes with the values of a call. */
export function compileRowChanges<Row>(
  columns: readonly Column[],
  changes: readonly Change[],
  form: RowForm<Row>,
): (row: Row, values: Values) => Value[] {
  const toLogical = logicalReader(columns, form);
  const decode = slotDecoder({ changes }, form.codec);
  const encoders = columns.map((column) => ({ index: column.index, encode: encoderOf(column, form.codec) }));
  return (row, values) => {
    const logical = applyChanges(changes, toLogical(row), decode(values));
    return encoders.map(({ index, encode }) => encode(logical[index] ?? null));
  };
}
