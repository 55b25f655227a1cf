// Password hashes for logging in. Node only.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { invalid } from "./errors.js";

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

// OWASP Password Storage Cheat Sheet: one of its equal settings for scrypt, with 32 MiB a hash.
const cost: Cost = { N: 2 ** 15, r: 8, p: 3 };
// What a stored hash may ask for at most: 256 MiB.
const maxCost: Cost = { N: 2 ** 18, r: 16, p: 16 };
const [saltBytes, hashBytes] = [16, 32];
const maxPasswordLength = 1024;

/** A stored hash that no password is known to have: checking against it takes as long as against any other. */
export const noPassword = `scrypt$${cost.N}$${cost.r}$${cost.p}$${"A".repeat(22)}$${"A".repeat(43)}`;

const format = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22,})\$([A-Za-z0-9_-]{43,})$/;

/**
 * Hashes a password with scrypt and a random salt. Gives `scrypt$N$r$p$salt$hash`, at most 140 characters.
 *
 * @param password  1 to 1,024 characters; equal texts in different Unicode forms are equal passwords (NFKC)
 * @throws AuthError `invalid` when it is empty or too long
 */
export async function hashPassword(password: string): Promise<string> {
  if (typeof password !== "string" || password === "") throw invalid("password", "is empty");
  if (password.length > maxPasswordLength) throw invalid("password", `has more than ${maxPasswordLength} characters`);
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, hashBytes, cost);
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

/** Whether `password` is the one that `stored` was made from; false for a text that no `hashPassword` made. Takes constant time. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const match = format.exec(stored);
  if (match === null || typeof password !== "string" || password.length > maxPasswordLength) return false;
  const [N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (N > maxCost.N || N < 2 || (N & (N - 1)) !== 0 || r < 1 || r > maxCost.r || p < 1 || p > maxCost.p) return false;
  const expected = Buffer.from(match[5]!, "base64url");
  const hash = await derive(password, Buffer.from(match[4]!, "base64url"), expected.length, { N, r, p });
  return timingSafeEqual(hash, expected);
}

/** Whether a hash was made with weaker parameters than `hashPassword` uses now; false for a text that is no hash. */
export function isWeakHash(stored: string): boolean {
  const match = format.exec(stored);
  if (match === null) return false;
  const [N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return N * r * p < cost.N * cost.r * cost.p || N * r < cost.N * cost.r;
}

function derive(password: string, salt: Uint8Array, length: number, { N, r, p }: Cost): Promise<Buffer> {
  const maxmem = 128 * N * r + 128 * r * p + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, length, { N, r, p, maxmem }, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}
