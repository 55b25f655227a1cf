// What clients show to be let in, as it is kept and compared.

import { createHash, timingSafeEqual } from "node:crypto";

/** What is stored in place of a random token: SHA-256 in hexadecimal. */
export const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Whether two texts are equal, in a time that depends on their lengths alone. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
