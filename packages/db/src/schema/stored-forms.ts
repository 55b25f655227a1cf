// How logical values are stored: named encodings, one of which a driver's codec chooses for each kind. Decoders are
// pieces of JavaScript source, so that row-decoder.ts can put those of a whole row into one function.

import type { Codec, Value } from "./stored-value.js";
import { sortableDecimal } from "./sortable.js";
import type { Column } from "./table.js";

export interface Encoding {
  /** Stored form of a present logical value; undefined where it is the same. */
  readonly encode?: (logical: never) => Value;
  /**
   * Source of an expression for the logical value; undefined where it is the stored one.
   *
   * @param v       name of the variable with the stored value, which is present
   * @param column  source of an expression for the column
   */
  readonly decode?: (v: string, column: string) => string;
}

// Numbers, texts of digits and bigints are all read, whatever the encoding: clients of one engine differ.
const readNumber = (v: string): string => `typeof ${v} === "number" ? ${v} : Number(${v})`;
const readBigint = (v: string): string => `typeof ${v} === "bigint" ? ${v} : BigInt(${v})`;
const readTruth = (v: string): string => `typeof ${v} === "boolean" ? ${v} : read.truth(${v})`;
const readTime = (v: string): string => `new Date(Number(${v}))`;

type Encodings = { readonly [kind in keyof Codec]: { readonly [name in Codec[kind]]: Encoding } };

const encodings: Encodings = {
  text: { text: {} },
  int: { number: { decode: readNumber }, text: { decode: readNumber, encode: (logical: number) => String(logical) } },
  int64: { bigint: { decode: readBigint }, text: { decode: readBigint, encode: (logical: bigint) => String(logical) } },
  real: { number: { decode: readNumber }, text: { decode: readNumber, encode: (logical: number) => String(logical) } },
  decimal: {
    text: { decode: (v) => `read.decimal(${v})` },
    sortable: { decode: (v) => `read.sortable(${v})`, encode: (logical: string) => sortableDecimal(logical) },
  },
  bool: {
    boolean: { decode: readTruth },
    number: { decode: readTruth, encode: (logical: boolean) => (logical ? 1 : 0) },
    letter: { decode: readTruth },
  },
  time: {
    number: { decode: readTime, encode: (logical: Date) => logical.getTime() },
    text: { decode: readTime, encode: (logical: Date) => String(logical.getTime()) },
  },
  json: {
    value: { decode: (v) => `read.json(${v})` },
    text: {
      decode: (v) => `typeof ${v} === "string" ? JSON.parse(${v}) : read.json(${v})`,
      encode: (logical: unknown) => JSON.stringify(logical),
    },
  },
  list: {
    value: { decode: (v, column) => `read.list(${v}, ${column})` },
    text: { decode: (v, column) => `read.list(${v}, ${column})`, encode: (logical: unknown) => JSON.stringify(logical) },
  },
  blob: {
    bytes: { decode: (v) => `read.bytes(${v})` },
    base64: { decode: (v) => `read.base64(${v})`, encode: (logical: Uint8Array) => bufferOf(logical).toString("base64") },
    hex: { decode: (v) => `read.hex(${v})` },
  },
};

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The encoding that a codec chooses for a column. */
export function encodingOf(column: Column, codec: Codec): Encoding {
  const ofKind: Readonly<Record<string, Encoding>> = encodings[column.kind];
  const encoding = ofKind[codec[column.kind]];
  if (encoding === undefined) throw new TypeError(`the codec has no encoding ${codec[column.kind]} for values of kind ${column.kind}`);
  return encoding;
}
