import type { Clock } from "@bk/core";

const alphabet = "0123456789abcdefghijklmnopqrstuv";

/**
 * Makes ids that no other has: 80 random bits of this maker, then a number that grows. They have letters and digits, and those
 * of one maker sort by age as long as they have one length.
 */
export function idMaker(clock: Clock): () => string {
  let prefix = "";
  for (const byte of clock.randomBytes(16)) prefix += alphabet[byte & 31];
  // Two digits at a time, since to write a number in digits takes longer than all the rest.
  let high = 32 ** 2;
  let begin = prefix + high.toString(32);
  let low = 0;
  return () => {
    if (low === lastDigits.length) {
      low = 0;
      begin = prefix + (++high).toString(32);
    }
    return begin + lastDigits[low++]!;
  };
}

const lastDigits: readonly string[] = Array.from({ length: 32 ** 2 }, (_each, n) => n.toString(32).padStart(2, "0"));
