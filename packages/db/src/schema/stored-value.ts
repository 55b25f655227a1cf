// What drivers and the core exchange: values in stored form.

/** What crosses the boundary: a closed set. Times are milliseconds since 1970 unless the codec says otherwise. */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | { readonly [name: string]: Value };

/** The values of one call; a command refers to them by index (slot). */
export type Values = readonly Value[];

/**
 * How a driver stores each kind of value: the name of an encoding of `schema/encodings.ts`. The core encodes before
 * `execute` and decodes after; drivers do not convert.
 *
 * | kind | encodings (stored form) |
 * |---|---|
 * | text | `text` |
 * | int | `number`, `text` (digits) |
 * | int64 | `bigint`, `text` (digits) |
 * | real | `number`, `text` |
 * | decimal | `text`, `sortable` (text that sorts as the number) |
 * | bool | `boolean`, `number` (0, 1), `letter` (read as `t`/`f`, written as a boolean) |
 * | time | `number` (ms), `text` (digits of ms) |
 * | json, list | `value` (as it is), `text` (JSON text) |
 * | blob | `bytes`, `base64`, `hex` (read as `\x…`, written as bytes) |
 */
export interface Codec {
  readonly text: "text";
  readonly int: "number" | "text";
  readonly int64: "bigint" | "text";
  readonly real: "number" | "text";
  readonly decimal: "text" | "sortable";
  readonly bool: "boolean" | "number" | "letter";
  readonly time: "number" | "text";
  readonly json: "value" | "text";
  readonly list: "value" | "text";
  readonly blob: "bytes" | "base64" | "hex";
}
