// The decoders of stored values that are present. They take what clients of engines give for one stored form: numbers as
// strings, bytes as buffers, sets as sets.

import { base64ToBytes, hexToBytes } from "./bytes.js";
import { decimalOfNumber, shortestDecimal } from "./decimal.js";
import { copyJson } from "./json-value.js";
import { misfit } from "./refuse.js";
import { readSortableDecimal } from "./sortable.js";
import type { Column } from "./table.js";
import { wholeNumber } from "./whole-number.js";
import { distinct } from "./value-checks.js";

export function text(stored: unknown, column: Column): string {
  if (typeof stored === "string") return stored;
  throw misfit(column);
}

/** A safe integer; `5.00` of an engine's decimal counts. */
export function int(stored: unknown, column: Column): number {
  const number = numberOf(stored);
  if (Number.isSafeInteger(number)) return number;
  throw misfit(column);
}

export function real(stored: unknown, column: Column): number {
  const number = numberOf(stored);
  if (Number.isFinite(number)) return number;
  throw misfit(column);
}

/** NaN for what is no number; an empty string is none. */
function numberOf(stored: unknown): number {
  if (typeof stored === "number") return stored;
  if (typeof stored === "bigint") return Number(stored);
  if (typeof stored !== "string") return NaN;
  const number = Number(stored);
  return number === 0 && stored.trim() === "" ? NaN : number;
}

export function bigint(stored: unknown, column: Column): bigint {
  const value = wholeNumber(stored);
  if (value !== undefined && value === BigInt.asIntN(64, value)) return value;
  throw misfit(column);
}

export function time(stored: unknown, column: Column): Date {
  const date = new Date(int(stored, column));
  if (Number.isNaN(date.getTime())) throw misfit(column);
  return date;
}

const truths: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>(
  [true, 1, 1n, "t", "true", "1"]
    .map((each): [unknown, boolean] => [each, true])
    .concat([false, 0, 0n, "f", "false", "0"].map((each) => [each, false])),
);

export function truth(stored: unknown, column: Column): boolean {
  const known = truths.get(stored);
  if (known !== undefined) return known;
  throw misfit(column);
}

/** An engine that computes with decimals may have written needless zeros. */
export function decimal(stored: unknown, column: Column): string {
  if (typeof stored === "number" && Number.isFinite(stored)) return decimalOfNumber(stored);
  const shortest = typeof stored === "string" || typeof stored === "bigint" ? shortestDecimal(String(stored)) : undefined;
  if (shortest !== undefined) return shortest;
  throw misfit(column);
}

export function sortable(stored: unknown, column: Column): string {
  const read = typeof stored === "string" ? readSortableDecimal(stored) : "";
  if (shortestDecimal(read) !== undefined) return read;
  throw misfit(column);
}

/** Copied: an engine in this process gives what it holds. */
export function json(stored: unknown): unknown {
  return copyJson(stored);
}

export function jsonText(stored: unknown, column: Column): unknown {
  return typeof stored === "string" ? parsed(stored, column) : copyJson(stored);
}

function parsed(stored: string, column: Column): unknown {
  try {
    return JSON.parse(stored) as unknown;
  } catch (error) {
    throw misfit(column, error);
  }
}

/** Sets are sorted here, since engines that add to them keep no order. */
export function list(stored: string | Iterable<unknown>, column: Column): unknown[] {
  const elements = (typeof stored === "string" ? parsed(stored, column) : stored) as Iterable<unknown>;
  if (typeof stored === "string" && !Array.isArray(elements)) throw misfit(column);
  const items = column.element === "text" ? Array.from(elements) : Array.from(elements, Number);
  return column.isSet ? distinct(items) : items;
}

export function bytes(stored: unknown, column: Column): Uint8Array {
  if (!(stored instanceof Uint8Array || stored instanceof ArrayBuffer)) throw misfit(column);
  // A plain Uint8Array of its own memory: a Buffer may be a view of a client's shared pool.
  return stored instanceof Uint8Array ? new Uint8Array(stored) : new Uint8Array(stored.slice(0));
}

export function base64(stored: string | Uint8Array): Uint8Array {
  return typeof stored === "string" ? base64ToBytes(stored) : new Uint8Array(stored);
}

export function hex(stored: string | Uint8Array): Uint8Array {
  return typeof stored === "string" ? hexToBytes(stored, stored.startsWith("\\x") ? 2 : 0) : new Uint8Array(stored);
}
