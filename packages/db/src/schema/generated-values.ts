// Values that are made when a row is inserted without them.

import { bytesToHex } from "./bytes.js";
import type { Clock } from "@bk/core";
import type { Column } from "./table.js";

/** The range of `random` where the column does not say. */
export const defaultRandomRange = { min: 0, max: 2 ** 32 - 1 } as const;

/**
 * Makes the values of `uuid`, `tuuid` and `random` columns; undefined for columns of other types.
 *
 * - `uuid`: 32 hex digits at random, after the column's `prefix`.
 * - `tuuid`: 32 hex digits that sort by time: 12 of milliseconds since 1970, 6 of a counter, 14 at random. Those of one
 *   generator rise strictly, also within a millisecond and when the clock is set back.
 * - `random`: an integer from `min` to `max`, each as likely as the others.
 */
export function generatorOf(column: Column): ((clock: Clock) => unknown) | undefined {
  const { prefix = "", min = defaultRandomRange.min, max = defaultRandomRange.max } = column.definition;
  switch (column.type) {
    case "uuid":
      return (clock) => prefix + bytesToHex(clock.randomBytes(16));
    case "tuuid":
      return timeOrdered(prefix);
    case "random":
      return (clock) => randomInteger(clock, min, max);
    default:
      return undefined;
  }
}

function timeOrdered(prefix: string): (clock: Clock) => string {
  let lastMs = -1;
  let counter = 0;
  return (clock) => {
    const now = Math.floor(clock.now());
    const bytes = clock.randomBytes(10);
    if (now > lastMs) {
      lastMs = now;
      // Starts low at random: there is room to count, and two processes seldom start alike.
      counter = (bytes[7]! << 8) | bytes[8]!;
    } else if (++counter > 0xffffff) {
      lastMs++;
      counter = 0;
    }
    return prefix + digits(lastMs, 12) + digits(counter, 6) + bytesToHex(bytes.subarray(0, 7));
  };
}

function randomInteger(clock: Clock, min: number, max: number): number {
  const span = BigInt(max) - BigInt(min) + 1n;
  // Draws above the last whole multiple of the span would favor low numbers, and are thrown away.
  const limit = 2n ** 64n - (2n ** 64n % span);
  for (;;) {
    const draw = BigInt(`0x${bytesToHex(clock.randomBytes(8))}`);
    if (draw < limit) return Number(BigInt(min) + (draw % span));
  }
}

function digits(value: number, count: number): string {
  return value.toString(16).padStart(count, "0");
}
