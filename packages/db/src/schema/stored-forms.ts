// How logical values are stored: named encodings, one of which a driver's codec chooses for each kind. Decoders are
// functions of read-stored.ts; some are pieces of JavaScript source as well, so that row-decoder.ts can put those of a
// whole row into one function without a call for each column.

import type { Codec, Value } from "./stored-value.js";
import { bytesToBase64 } from "./bytes.js";
import * as read from "./read-stored.js";
import { sortableDecimal } from "./sortable.js";
import type { Column } from "./table.js";

const readers: Readonly<Record<keyof typeof read, Reader>> = read;

type Reader = (stored: never, column: Column) => unknown;

export interface Decoder {
  /** The function of read-stored.ts that gives the logical value of a stored one that is present. */
  readonly name: keyof typeof read;
  /** Source of an expression that does the same, for variables with the stored value and the column. */
  readonly inline?: (v: string, column: string) => string;
}

export interface Encoding {
  /** Stored form of a present logical value; undefined where it is the same. */
  readonly encode?: (logical: never) => Value;
  /** Undefined where the logical value is the stored one. */
  readonly decode?: Decoder;
}

// Numbers, strings of digits and bigints are all read, whatever the encoding: clients of one engine differ.
const text: Decoder = { name: "text", inline: (v, column) => `typeof ${v} === "string" ? ${v} : read.text(${v}, ${column})` };
const int: Decoder = { name: "int", inline: (v, column) => `Number.isSafeInteger(${v}) ? ${v} : read.int(${v}, ${column})` };
const real: Decoder = { name: "real", inline: (v, column) => `Number.isFinite(${v}) ? ${v} : read.real(${v}, ${column})` };
const bigint: Decoder = { name: "bigint" };
const truth: Decoder = { name: "truth", inline: (v, column) => `typeof ${v} === "boolean" ? ${v} : read.truth(${v}, ${column})` };
const truthNumber: Decoder = {
  name: "truth",
  inline: (v, column) => `${v} === 1 ? true : ${v} === 0 ? false : read.truth(${v}, ${column})`,
};
const time: Decoder = { name: "time" };
const jsonText: Decoder = { name: "jsonText" };

type Encodings = { readonly [kind in keyof Codec]: { readonly [name in Codec[kind]]: Encoding } };

const encodings: Encodings = {
  text: { text: { decode: text } },
  int: { number: { decode: int }, text: { decode: int, encode: (logical: number) => String(logical) } },
  int64: { bigint: { decode: bigint }, text: { decode: bigint, encode: (logical: bigint) => String(logical) } },
  real: { number: { decode: real }, text: { decode: real, encode: (logical: number) => String(logical) } },
  decimal: {
    text: { decode: { name: "decimal" } },
    sortable: { decode: { name: "sortable" }, encode: (logical: string) => sortableDecimal(logical) },
  },
  bool: {
    boolean: { decode: truth },
    number: { decode: truthNumber, encode: (logical: boolean) => (logical ? 1 : 0) },
    letter: { decode: truth },
  },
  time: {
    number: { decode: time, encode: (logical: Date) => logical.getTime() },
    text: { decode: time, encode: (logical: Date) => String(logical.getTime()) },
  },
  json: {
    value: { decode: { name: "json" } },
    text: {
      decode: jsonText,
      encode: (logical: unknown) => JSON.stringify(logical),
    },
  },
  list: {
    value: { decode: { name: "list" } },
    text: { decode: { name: "list" }, encode: (logical: unknown) => JSON.stringify(logical) },
  },
  blob: {
    bytes: { decode: { name: "bytes" } },
    base64: { decode: { name: "base64" }, encode: (logical: Uint8Array) => bytesToBase64(logical) },
    hex: { decode: { name: "hex" } },
  },
};

/** The encoding that a codec chooses for a column. */
export function encodingOf(column: Column, codec: Codec): Encoding {
  const ofKind: Readonly<Record<string, Encoding>> = encodings[column.kind];
  const encoding = ofKind[codec[column.kind]];
  if (encoding === undefined) throw new TypeError(`the codec has no encoding ${codec[column.kind]} for values of kind ${column.kind}`);
  return encoding;
}

/** The function that a decoder names. */
export function readerOf({ name }: Decoder): (stored: Value, column: Column) => unknown {
  return readers[name] as Reader as (stored: Value, column: Column) => unknown;
}

/**
 * Source of an expression for a logical value, with `read-stored.ts` as `read`.
 *
 * @param v       name of the variable with the stored value, which is present
 * @param column  source of an expression for the column
 */
export function decoderSource({ name, inline }: Decoder, v: string, column: string): string {
  return inline === undefined ? `read.${name}(${v}, ${column})` : inline(v, column);
}
