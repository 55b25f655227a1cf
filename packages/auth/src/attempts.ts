// Limits how often somebody may be wrong about a login.
import { type Clock, systemClock } from "@bk/core";

/** Counts failed attempts by login and address: nobody can lock somebody else's login out from another address. */
export interface Attempts {
  /** Milliseconds to wait before this address may try this login again; 0 when it may now. */
  waitMs(login: string, address: string): number | Promise<number>;
  /** Counts a failed attempt. */
  failed(login: string, address: string): void | Promise<void>;
}

/** Attempts whose counts are at hand. */
export interface MemoryAttempts extends Attempts {
  waitMs(login: string, address: string): number;
  failed(login: string, address: string): void;
}

export interface MemoryAttemptsOptions {
  /** Failed attempts of one address at one login, within a minute; default 20. */
  readonly maxPerMinute?: number | undefined;
  readonly clock?: Clock | undefined;
}

interface Bucket {
  /** Attempts that are left; grows by `maxPerMinute` a minute up to that. */
  left: number;
  atMs: number;
}

const minuteMs = 60_000;
const maxBuckets = 20_000;

/** Attempts in this process. Of pairs of login and address it knows the last 20,000. */
export function memoryAttempts({ maxPerMinute = 20, clock = systemClock }: MemoryAttemptsOptions = {}): MemoryAttempts {
  const buckets = new Map<string, Bucket>();
  const keyOf = (login: string, address: string): string => `${networkOf(address)} ${login}`;

  function filled(bucket: Bucket, now: number): number {
    return Math.min(maxPerMinute, bucket.left + (Math.max(0, now - bucket.atMs) * maxPerMinute) / minuteMs);
  }

  return {
    waitMs(login, address) {
      const bucket = buckets.size === 0 ? undefined : buckets.get(keyOf(login, address));
      if (bucket === undefined) return 0;
      const left = filled(bucket, clock.now());
      return left >= 1 ? 0 : Math.ceil(((1 - left) * minuteMs) / maxPerMinute);
    },
    failed(login, address) {
      const key = keyOf(login, address);
      const now = clock.now();
      const bucket = buckets.get(key);
      const left = bucket === undefined ? maxPerMinute : filled(bucket, now);
      // Put at the end: the first one is the one that failed longest ago.
      buckets.delete(key);
      if (buckets.size >= maxBuckets) buckets.delete(buckets.keys().next().value!);
      buckets.set(key, { left: Math.max(0, left - 1), atMs: now });
    },
  };
}

/** An IPv6 customer has 2^64 addresses: the first half of the address stands for all of them. */
export function networkOf(address: string): string {
  if (!address.includes(":") || /^::ffff:\d+\./i.test(address)) return address.replace(/^::ffff:/i, "");
  const [head = "", tail = ""] = address.split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === "" ? [] : tail.split(":");
  const missing = address.includes("::") ? Math.max(0, 8 - first.length - last.length) : 0;
  return [...first, ...Array<string>(missing).fill("0"), ...last].slice(0, 4).join(":");
}
