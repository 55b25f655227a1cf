import type { Clock } from "@bk/core";

const alphabet = "0123456789abcdefghijklmnopqrstuv";

/**
 * Makes ids that no other has: 80 random bits of this maker, then a number that grows. They have letters and digits, and those
 * of one maker sort by age as long as they have one length.
 */
export function idMaker(clock: Clock): () => string {
  let prefix = "";
  for (const byte of clock.randomBytes(16)) prefix += alphabet[byte & 31];
  let next = 32 ** 4;
  return () => prefix + (next++).toString(32);
}
