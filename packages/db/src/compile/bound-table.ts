// A table on a pool: what its calls need again and again, made once: rules, encoders, decoders and prepared commands.

import type { PlainFilters } from "../normalize/filter-cache.js";
import type { Codec, Reply, Shape, Value, Values } from "../driver.js";
import { RowOrder } from "../execute/gatherer.js";
import type { TableHooks } from "../calls/hooks.js";
import { NameTrie } from "../calls/name-trie.js";
import { type RowRules, rowRules } from "../normalize/row.js";
import type { Pool, Prepared } from "../execute/pool.js";
import type { ChangePlan } from "../calls/update-fast.js";
import { compileArrayDecoder, compileRowDecoder, encoderOf } from "../schema/encodings.js";
import type { Column, Table } from "../schema/table.js";

export type Row = Record<string, unknown>;
export type Encoder = (logical: unknown) => Value;

/** Through this codec logical values become rows that share nothing with them. */
const copyingCodec: Codec = {
  text: "text",
  int: "number",
  int64: "bigint",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "text",
  list: "text",
  blob: "base64",
};

/** How many shapes of selects, updates and deletes are kept for each table. */
const keptShapes = 500;
/** Shapes with longer keys (an `in` of thousands) are not kept: they are rare, and 500 of them would fill the memory. */
const longestKey = 5_000;

export class BoundTable {
  readonly pool: Pool;
  readonly table: Table;
  readonly rules: RowRules;
  readonly hooks: TableHooks;
  readonly codec: Codec;
  /** By `column.index`. */
  readonly encoders: readonly Encoder[];
  readonly keyEncoders: readonly Encoder[];
  /** Whole rows as logical values by `column.index`, and as objects. */
  readonly decodeArray: (row: readonly Value[]) => unknown[];
  readonly decodeRow: (row: readonly Value[]) => Row;
  readonly #presentLogical: (row: readonly unknown[]) => Row;
  readonly filters: PlainFilters = new Map();
  /** Changes of one row that were met before, by the names that they give. */
  readonly plans = { update: new NameTrie<ChangePlan>(), incr: new NameTrie<ChangePlan>() };
  readonly #kept = new Map<string, unknown>();
  readonly #order = new RowOrder();

  constructor(pool: Pool, table: Table, hooks: TableHooks) {
    this.pool = pool;
    this.table = table;
    this.rules = rowRules(table);
    this.hooks = hooks;
    this.codec = pool.driver.codec;
    this.encoders = table.columns.map((column) => encoderOf(column, this.codec));
    this.keyEncoders = table.key.map((column) => this.encoders[column.index]!);
    this.decodeArray = compileArrayDecoder(table.columns, this.codec);
    this.decodeRow = compileRowDecoder(table, table.columns, this.codec);
    const encoders = table.columns.map((column) => encoderOf(column, copyingCodec));
    const decode = compileRowDecoder(table, table.columns, copyingCodec);
    this.#presentLogical = (row) => decode(encoders.map((encode, i) => encode(row[i] ?? null)));
  }

  /** What was made for this key before, or `make()`'s result, which is kept. The oldest is dropped when there are too many. */
  kept<T>(key: string, make: () => T): T {
    const known = this.#kept.get(key);
    if (known !== undefined) return known as T;
    const made = make();
    if (key.length > longestKey) return made;
    if (this.#kept.size >= keptShapes) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, made);
    return made;
  }

  prepared(key: string, shape: () => Shape): Prepared {
    return this.kept(key, () => this.pool.prepare(shape()));
  }

  encodeKey(key: readonly unknown[]): Value[] {
    const { keyEncoders } = this;
    const values = new Array<Value>(keyEncoders.length);
    for (let i = 0; i < keyEncoders.length; i++) values[i] = keyEncoders[i]!(key[i]);
    return values;
  }

  /** Stored values of a whole row, by `column.index`. */
  encodeRow(row: readonly unknown[]): Value[] {
    const { encoders } = this;
    const values = new Array<Value>(encoders.length);
    for (let i = 0; i < encoders.length; i++) values[i] = encoders[i]!(row[i] ?? null);
    return values;
  }

  /** A row as the caller gets it, copied: the values it is made of stay ours. */
  presentLogical(row: readonly unknown[]): Row {
    return this.#presentLogical(row as readonly Value[]);
  }

  /**
   * Runs the write of one row after the writes of that row that were called before.
   *
   * A write that ends at once (synchronous engine, nothing gathered) costs no bookkeeping.
   */
  ordered<T>(key: Values, write: () => T | Promise<T>): T | Promise<T> {
    const text = this.rowText(key);
    if (this.#order.has(text)) return this.#order.run(text, async () => write());
    const result = write();
    return result instanceof Promise ? this.#order.run(text, () => result) : result;
  }

  /** Runs one write of many rows, no two of them the same, after the writes of each that were called before; `rows` by {@link rowText}. */
  orderedMany<T>(rows: readonly string[], write: () => T | Promise<T>): T | Promise<T> {
    return this.#order.runMany(rows, write);
  }

  /** Equal for keys of one row. */
  rowText(key: Values): string {
    return key.length === 1 && typeof key[0] === "string" ? key[0] : key.map(String).join("\u0000");
  }
}

/** Slots 0 … n−1. */
export function slotsOf(columns: readonly Column[], from = 0): number[] {
  return columns.map((_column, i) => from + i);
}

export function firstRow(reply: Reply): readonly Value[] | undefined {
  return reply.rows[0];
}
