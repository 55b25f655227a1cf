// Between logical and stored values: closures for one column, and decoders of whole rows.

import type { Codec, Value } from "./stored-value.js";
import { generatedFunction } from "./generated-code.js";
import * as read from "./read-stored.js";
import { decoderSource, encodingOf, readerOf } from "./stored-forms.js";
import type { Column } from "./table.js";

export { compileArrayDecoder, compileRowDecoder, type RowDecoderOptions } from "./row-decoder.js";

/** Gives stored values of a column's logical ones; null of null and undefined. */
export function encoderOf(column: Column, codec: Codec): (logical: unknown) => Value {
  const encode = encodingOf(column, codec).encode as ((logical: unknown) => Value) | undefined;
  if (encode === undefined) return (logical) => (logical ?? null) as Value;
  return (logical) => (logical === null || logical === undefined ? null : encode(logical));
}

/** Gives logical values of a column's stored ones, fresh where they could be changed; null of null and undefined. */
export function decoderOf(column: Column, codec: Codec): (stored: Value) => unknown {
  const { decode } = encodingOf(column, codec);
  if (decode === undefined) return (stored) => stored ?? null;
  const reader = readerOf(decode);
  const source = `return (v) => v === null || v === undefined ? null : (${decoderSource(decode, "v", "column")});`;
  return (
    generatedFunction<(stored: Value) => unknown>({ read, column }, source) ??
    ((stored) => (stored === null || stored === undefined ? null : reader(stored, column)))
  );
}
