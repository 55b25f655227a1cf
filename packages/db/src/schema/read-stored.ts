// What the decoders of encodings.ts need more than an expression for. They take what clients of engines give for one
// stored form: numbers as text, bytes as buffers, sets as sets.

import { decimalOfNumber, shortestDecimal } from "./decimal.js";
import { copyJson } from "./json-value.js";
import { readSortableDecimal } from "./sortable.js";
import type { Column } from "./table.js";
import { distinct } from "./value-checks.js";

export function truth(stored: unknown): boolean {
  return stored === true || stored === 1 || stored === "t" || stored === "true" || stored === "1" || stored === 1n;
}

/** An engine that computes with decimals may have written needless zeros. */
export function decimal(stored: unknown): string {
  if (typeof stored === "number") return decimalOfNumber(stored);
  return shortestDecimal(String(stored)) ?? String(stored);
}

export function sortable(stored: string): string {
  return readSortableDecimal(stored);
}

/** Copied: an engine in this process gives what it holds. */
export function json(stored: unknown): unknown {
  return copyJson(stored);
}

/** Sets are sorted here, since engines that add to them keep no order. */
export function list(stored: string | Iterable<unknown>, column: Column): unknown[] {
  const elements = typeof stored === "string" ? (JSON.parse(stored) as unknown[]) : stored;
  const items = column.element === "text" ? Array.from(elements) : Array.from(elements, Number);
  return column.isSet ? distinct(items) : items;
}

export function bytes(stored: Uint8Array | ArrayBuffer): Uint8Array {
  // A plain Uint8Array of its own memory: a Buffer may be a view of a client's shared pool.
  return stored instanceof Uint8Array ? new Uint8Array(stored) : new Uint8Array(stored.slice(0));
}

export function base64(stored: string | Uint8Array): Uint8Array {
  return new Uint8Array(typeof stored === "string" ? Buffer.from(stored, "base64") : stored);
}

export function hex(stored: string | Uint8Array): Uint8Array {
  return new Uint8Array(typeof stored === "string" ? Buffer.from(stored.slice(stored.startsWith("\\x") ? 2 : 0), "hex") : stored);
}
