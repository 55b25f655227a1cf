// How many rows a read takes at once when nobody said so: by what its rows have weighed so far, so that rows of a megabyte
// do not fill the memory by thousands.

import type { Value } from "../driver.js";

/** Roughly the most bytes of rows that are read at once. */
const mostBytes = 4 * 1024 * 1024;
/** Rows that are read at once before it is known how large they are. */
const firstRows = 32;

/** What the rows of one shape weigh, kept from call to call. */
export interface RowWeight {
  /** Bytes of a row, on the average of those read last; undefined: none was read. */
  bytes: number | undefined;
}

export class BatchSize {
  readonly #weight: RowWeight;
  readonly #most: number;
  #rows: number;
  #bytes = 0;

  /**
   * @param rows  wanted at first, where they are not too large
   * @param most  that it grows to
   */
  constructor(weight: RowWeight, rows: number, most: number) {
    this.#weight = weight;
    this.#most = most;
    this.#rows = Math.min(rows, most, weight.bytes === undefined ? firstRows : fitting(weight.bytes));
  }

  /** Rows to read next. */
  get rows(): number {
    return this.#rows;
  }

  /** Bytes of all rows that were read, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes note of rows that were read: the next ones are four times as many, as far as they fit. */
  saw(rows: readonly (readonly Value[])[]): void {
    if (rows.length === 0) return;
    let bytes = 0;
    for (const row of rows) bytes += bytesOf(row);
    this.#bytes += bytes;
    this.#weight.bytes = bytes / rows.length;
    this.#rows = Math.min(4 * this.#rows, fitting(this.#weight.bytes), this.#most);
  }
}

function fitting(rowBytes: number): number {
  return Math.max(1, Math.floor(mostBytes / rowBytes));
}

/** Roughly the memory that a stored value takes; a row is a list of values. */
function bytesOf(value: Value | readonly Value[]): number {
  if (typeof value === "string") return value.length + 16;
  if (typeof value !== "object" || value === null) return 8;
  if (value instanceof Uint8Array) return value.byteLength + 64;
  let bytes = 16;
  for (const member of Array.isArray(value) ? (value as readonly Value[]) : Object.values(value)) bytes += bytesOf(member as Value);
  return bytes;
}
