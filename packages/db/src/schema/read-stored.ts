// The decoders of stored values that are present. They take what clients of engines give for one stored form: numbers as
// strings, bytes as buffers, sets as sets.

import { base64ToBytes, hexToBytes } from "./bytes.js";
import { decimalOfNumber, shortestDecimal } from "./decimal.js";
import { copyJson } from "./json-value.js";
import { readSortableDecimal } from "./sortable.js";
import type { Column } from "./table.js";
import { distinct } from "./value-checks.js";

export function number(stored: unknown): number {
  return Number(stored);
}

export function bigint(stored: bigint | number | string): bigint {
  return BigInt(stored);
}

export function time(stored: unknown): Date {
  return new Date(Number(stored));
}

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

export function jsonText(stored: unknown): unknown {
  return typeof stored === "string" ? (JSON.parse(stored) as unknown) : copyJson(stored);
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
  return typeof stored === "string" ? base64ToBytes(stored) : new Uint8Array(stored);
}

export function hex(stored: string | Uint8Array): Uint8Array {
  return typeof stored === "string" ? hexToBytes(stored, stored.startsWith("\\x") ? 2 : 0) : new Uint8Array(stored);
}
