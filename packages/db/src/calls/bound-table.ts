// What every call on a table reuses, built once per pool: rules, encoders, decoders and prepared commands.

import type { Encoder } from "../compile/bind.js";
import type { Prepared } from "../compile/prepared.js";
import type { Codec, Shape, Value, Values } from "../driver.js";
import { copyingCodec } from "../engines/copying-codec.js";
import { DbError, withOutcome } from "../errors.js";
import type { Call } from "../execute/call.js";
import type { Pool } from "../execute/pool.js";
import { RowOrder } from "../execute/row-order.js";
import type { PlainFilters } from "../normalize/filter-cache.js";
import { type RowRules, rowRules } from "../normalize/row.js";
import { readableTable, type ScopeShape } from "../normalize/scope.js";
import { compileArrayDecoder, compileRowDecoder, encoderOf } from "../schema/encodings.js";
import { defaultSelection } from "../schema/selection.js";
import type { Column, Table } from "../schema/table.js";
import { BoundScope, everything } from "./bound-scope.js";
import type { CachedRows, Touched } from "./cached-rows.js";
import type { TableHooks } from "./hooks.js";

export type Row = Record<string, unknown>;

/** How many shapes of selects, updates and deletes are kept for each table. */
const keptShapes = 500;
/** Shapes with longer keys (an `in` of thousands) are not kept: they are rare, and 500 of them would fill the memory. */
const longestKey = 5_000;
/** How many forms of scopes are kept for each table. */
const keptScopes = 100;

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
  /** What the calls may see and do of the table; undefined: everything. */
  readonly scope: BoundScope | undefined;
  /** The table as filters, sorts and selections may name its columns. */
  readonly readable: Table;
  /** The columns of a read that names none; undefined: all of them. */
  readonly defaultColumns: readonly Column[] | undefined;
  /** Its rows in the cache; undefined where none are cached. */
  readonly cached: CachedRows | undefined;
  readonly #kept = new Map<string, unknown>();
  readonly #scoped = new Map<string, BoundTable>();
  /** The table without a scope: writes of a row wait for each other, whatever scope they are in. */
  readonly #whole: BoundTable;
  readonly #order: RowOrder;

  /**
   * @param whole   the same table without a scope, for one with `shape`
   * @param cached  makes what is needed to cache its rows
   */
  constructor(
    pool: Pool,
    table: Table,
    hooks: TableHooks,
    whole?: BoundTable,
    shape?: ScopeShape,
    hidesDeleted = false,
    cached?: (bound: BoundTable) => CachedRows | undefined,
  ) {
    if (table.uniques.length > 0 && pool.capabilities.unique === "none") throw cannotBeUnique(pool, table);
    this.#whole = whole ?? this;
    this.#order = whole === undefined ? new RowOrder() : whole.#order;
    this.pool = pool;
    this.table = table;
    this.rules = rowRules(table, pool.capabilities.limits);
    this.hooks = hooks;
    this.codec = pool.driver.codec;
    this.encoders = table.columns.map((column) => encoderOf(column, this.codec));
    this.keyEncoders = table.key.map((column) => this.encoders[column.index]!);
    this.decodeArray = compileArrayDecoder(table.columns, this.codec);
    const selected = selectedBy(table, shape);
    const options = { fetched: table.columns };
    this.decodeRow = compileRowDecoder(table, selected, this.codec, options);
    const encoders = table.columns.map((column) => encoderOf(column, copyingCodec));
    const decode = compileRowDecoder(table, selected, copyingCodec, options);
    this.#presentLogical = (row) => decode(encoders.map((encode, i) => encode(row[i] ?? null)));
    this.scope = shape === undefined ? undefined : new BoundScope(table, shape, hidesDeleted ? table.deletedAt : undefined, this.codec);
    this.readable = readableTable(table, shape?.seen);
    this.defaultColumns = shape?.seen === undefined ? undefined : selected;
    this.cached = whole === undefined ? cached?.(this) : whole.cached;
  }

  /**
   * The table within a scope of some form; without a form and where nothing is deleted by a mark, the table itself.
   *
   * @param withDeleted  rows that are marked as deleted are there too
   */
  within(shape: ScopeShape | undefined, withDeleted: boolean): BoundTable {
    const { table } = this;
    const hidesDeleted = table.deletedAt !== undefined && !withDeleted;
    if (shape === undefined && !hidesDeleted) return this;
    const own = shape ?? everything;
    const key = `${hidesDeleted ? "live" : "all"} ${own.key}`;
    const known = this.#scoped.get(key);
    if (known !== undefined) return known;
    const made = new BoundTable(this.pool, table, this.hooks, this, own, hidesDeleted);
    if (this.#scoped.size >= keptScopes) this.#scoped.delete(this.#scoped.keys().next().value!);
    this.#scoped.set(key, made);
    return made;
  }

  /** A row that a write gave back. One that cannot be decoded does not undo the write, and its error says so. */
  decodeWritten(row: readonly Value[]): Row {
    return afterWrite(this.decodeRow, row);
  }

  /** The same as logical values by `column.index`. */
  decodeWrittenArray(row: readonly Value[]): unknown[] {
    return afterWrite(this.decodeArray, row);
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

  /** The key in the stored values of a whole row. */
  keyIn(stored: Values): Value[] {
    const { key } = this.table;
    return key.length === 1 ? [stored[key[0].index]!] : key.map((column) => stored[column.index]!);
  }

  /** A row that a write gives back, as the caller gets it, copied: the values it is made of stay ours. */
  presentLogical(row: readonly unknown[]): Row {
    return afterWrite(this.#presentLogical, row as readonly Value[]);
  }

  /**
   * Runs the write of one row after the writes of that row that were called before. The calls of a transaction have an
   * order of their own: a call outside may wait for the transaction, never the transaction for it.
   *
   * A write that ends at once (synchronous engine, nothing gathered) costs no bookkeeping.
   */
  ordered<T>(call: OrderedCall, key: Values, write: () => T | Promise<T>): T | Promise<T> {
    if (this.cached !== undefined) call.touched?.add(this.cached, key);
    const order = call.orderOf?.(this.#whole) ?? this.#order;
    const text = this.rowText(key);
    if (order.has(text)) return order.run(text, call.deadline, async () => write());
    const result = write();
    return result instanceof Promise ? order.run(text, call.deadline, () => result) : result;
  }

  /** Runs one write of many rows, no two of them the same, after the writes of each that were called before; `rows` by {@link rowText}. */
  orderedMany<T>(rows: readonly string[], write: () => T | Promise<T>): T | Promise<T> {
    return this.#order.runMany(rows, undefined, write);
  }

  /** Equal for keys of one row. */
  rowText(key: Values): string {
    return key.length === 1 && typeof key[0] === "string" ? key[0] : key.map(String).join("\u0000");
  }
}

function afterWrite<T>(decode: (row: readonly Value[]) => T, row: readonly Value[]): T {
  try {
    return decode(row);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    throw withOutcome(error, "done", `the row was written, but cannot be given back: ${error.message}`);
  }
}

/** The columns of a whole row that callers get. */
function selectedBy(table: Table, shape: ScopeShape | undefined): readonly Column[] {
  const seen = shape?.seen;
  if (seen === undefined) return table.columns;
  return defaultSelection(table).filter((column) => (column.isRest ? seen.rest : seen.columns.has(column)));
}

/** A call with the order that its writes keep; without `orderOf` that of the table. */
export interface OrderedCall extends Call {
  readonly orderOf?: ((bound: BoundTable) => RowOrder) | undefined;
  /** What the call writes is noted here, where the database has a cache. */
  readonly touched?: Touched | undefined;
}

function cannotBeUnique({ driver }: Pool, { name, uniques }: Table): DbError {
  const message = `the driver ${driver.name} enforces no unique values (capability unique), and ${name} declares ${uniques[0]!.name}; remove the unique group, or keep the table in another pool`;
  return new DbError("unsupported", message, { table: name, detail: { capability: "unique" } });
}
