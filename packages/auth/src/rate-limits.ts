// How often addresses, logins and accounts may ask, by buckets of tokens.
import { type Clock, systemClock } from "@bk/core";
import { networkOf } from "./attempts.js";
import { loginKey } from "./digest.js";
import { invalid } from "./errors.js";
import { closing, isRulePattern, type RulePattern, type RuleTest } from "./path-rules.js";

/** What rate limits need of a cache, such as a `Cache` of `@bk/cache`: buckets of tokens. */
export interface RateLimiter {
  limit(
    key: string,
    options: { readonly rate: number; readonly perMs: number; readonly burst: number },
  ): Promise<{ readonly allowed: boolean; readonly delayMs: number; readonly remaining: number }>;
}

/** A limit. A request must be within every one that is for it. */
export interface RateRule {
  /**
   * Who is counted: `ip` an address (of IPv6 its network), `login` a login that a request claims together with its address, so that nobody
   * uses up another's, `account` an account that was authenticated.
   */
  readonly by: "ip" | "login" | "account";
  /** Requests that are added in `perMs`. An account that has `rlimits_rate` has that. */
  readonly rate: number;
  /** In milliseconds; default 1000. */
  readonly perMs?: number | undefined;
  /** The most at once; default `rate`. An account that has `rlimits_max` has that. */
  readonly burst?: number | undefined;
  /** The paths that are counted, together; default all. `POST /data/*` is for that method alone. */
  readonly paths?: readonly RulePattern[] | undefined;
  /** How it is called in headers and keys: letters, digits, `-` and `_`. Default `by` and its place in the list. */
  readonly name?: string | undefined;
}

/** Whom a request is counted for. What is undefined is not counted. */
export interface RateSubject {
  readonly method: string;
  readonly path: string;
  readonly address?: string | undefined;
  readonly login?: string | undefined;
  readonly account?: { readonly id: string; readonly rlimits_rate?: unknown; readonly rlimits_max?: unknown } | undefined;
}

export interface RateVerdict {
  readonly allowed: boolean;
  /** How long to wait where it is not allowed, in milliseconds. */
  readonly retryAfterMs: number;
  /** Headers that say so: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) of the rule that is closest to its end. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RateLimitsOptions {
  /** Default `memoryLimiter()`, which counts in this process. */
  readonly limiter?: RateLimiter | undefined;
  readonly rules: readonly RateRule[];
  /** Told when the limiter does not answer: then nobody is held up. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

export interface RateLimits {
  /** Whether a rule counts by this at all. */
  counts(by: RateRule["by"]): boolean;
  /** Counts a request by one of the three. Undefined, at once or awaited, when no rule is for it. Never rejects. */
  take(by: RateRule["by"], subject: RateSubject): Promise<RateVerdict | undefined> | undefined;
}

interface Compiled {
  readonly by: RateRule["by"];
  readonly name: string;
  readonly rate: number;
  readonly perMs: number;
  readonly burst: number;
  readonly fits: RuleTest | undefined;
}

/** @throws AuthError `invalid` for a rule that cannot be used */
export function rateLimits({ limiter = memoryLimiter(), rules, onFault }: RateLimitsOptions): RateLimits {
  const compiled = rules.map(compile);
  const names = new Set(compiled.map(({ name }) => name));
  if (names.size < compiled.length) throw invalid("rules", "has two rules with one name");

  const isFor = (rule: Compiled, by: RateRule["by"], { method, path }: RateSubject): boolean =>
    rule.by === by && rule.fits?.(method, path) !== false;

  async function count(by: RateRule["by"], subject: RateSubject): Promise<RateVerdict | undefined> {
    let worst: { readonly verdict: RateVerdict; readonly remaining: number } | undefined;
    for (const rule of compiled) {
      if (!isFor(rule, by, subject)) continue;
      const key = await keyOf(rule, subject);
      if (key === undefined) continue;
      const own = ownRates(rule, subject);
      try {
        // Another rate begins with a full bucket.
        const reply = await limiter.limit(`rate:${rule.name}:${own.rate}-${own.burst}-${own.perMs}:${key}`, own);
        const headers = headersOf(rule.name, own, reply);
        const verdict = { allowed: reply.allowed, retryAfterMs: reply.allowed ? 0 : Math.max(1, reply.delayMs), headers };
        // Rules behind it are not counted: a request that is refused should cost nothing more.
        if (!reply.allowed) return verdict;
        if (worst === undefined || reply.remaining < worst.remaining) worst = { verdict, remaining: reply.remaining };
      } catch (error) {
        onFault?.(error);
      }
    }
    return worst?.verdict;
  }

  return {
    counts: (by) => compiled.some((rule) => rule.by === by),
    take: (by, subject) => (compiled.some((rule) => isFor(rule, by, subject)) ? count(by, subject) : undefined),
  };
}

function compile({ by, rate, perMs = 1000, burst = Math.max(1, rate), paths, name }: RateRule, at: number): Compiled {
  if (!["ip", "login", "account"].includes(by)) throw invalid(`rules.${at}.by`, "is none of ip, login, account");
  for (const [field, number] of Object.entries({ rate, perMs, burst }))
    if (!(Number.isFinite(number) && number > 0)) throw invalid(`rules.${at}.${field}`, "is not a number above 0");
  if (burst < 1) throw invalid(`rules.${at}.burst`, "is less than 1");
  if (name !== undefined && !/^[A-Za-z][A-Za-z0-9_-]*$/.test(name))
    throw invalid(`rules.${at}.name`, "is no name of letters, digits, - and _");
  for (const pattern of paths ?? []) if (!isRulePattern(pattern)) throw invalid(`rules.${at}.paths`, "has a text that is no path pattern");
  return { by, name: name ?? `${by}-${at}`, rate, perMs, burst, fits: paths && closing(paths) };
}

async function keyOf({ by }: Compiled, { address, login, account }: RateSubject): Promise<string | undefined> {
  const network = address === undefined ? undefined : networkOf(address);
  if (by === "ip") return network;
  if (by === "account") return account?.id;
  return login === undefined ? undefined : `${network ?? ""} ${await loginKey(login)}`;
}

/** What an admin gave an account in `rlimits_rate` and `rlimits_max` is its own. */
function ownRates({ by, rate, perMs, burst }: Compiled, { account }: RateSubject): { rate: number; perMs: number; burst: number } {
  if (by !== "account" || account === undefined) return { rate, perMs, burst };
  const [ownRate, ownMax] = [account.rlimits_rate, account.rlimits_max].map((value) =>
    typeof value === "number" && value > 0 ? value : undefined,
  );
  const least = ownRate ?? rate;
  return { rate: least, perMs, burst: Math.max(1, ownMax ?? (ownRate === undefined ? burst : ownRate), least) };
}

function headersOf(
  name: string,
  { rate, perMs, burst }: { readonly rate: number; readonly perMs: number; readonly burst: number },
  { remaining, delayMs }: { readonly remaining: number; readonly delayMs: number },
): Record<string, string> {
  const windowSeconds = Math.max(1, Math.ceil((burst / rate) * (perMs / 1000)));
  const nextSeconds = Math.max(1, Math.ceil((delayMs > 0 ? delayMs : perMs / rate) / 1000));
  return {
    "ratelimit-policy": `"${name}";q=${Math.floor(burst)};w=${windowSeconds}`,
    ratelimit: `"${name}";r=${Math.max(0, Math.floor(remaining))};t=${nextSeconds}`,
  };
}

export interface MemoryLimiterOptions {
  /** The most keys that are known at a time; the one that was used longest ago is forgotten. Default 20,000. */
  readonly maxKeys?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** Buckets in this process. */
export function memoryLimiter({ maxKeys = 20_000, clock = systemClock }: MemoryLimiterOptions = {}): RateLimiter {
  const buckets = new Map<string, { left: number; atMs: number }>();
  return {
    async limit(key, { rate, perMs, burst }) {
      const now = clock.now();
      const known = buckets.get(key);
      const filled = known === undefined ? burst : Math.min(burst, known.left + (Math.max(0, now - known.atMs) * rate) / perMs);
      const allowed = filled >= 1;
      const left = allowed ? filled - 1 : filled;
      buckets.delete(key);
      if (buckets.size >= maxKeys) buckets.delete(buckets.keys().next().value!);
      buckets.set(key, { left, atMs: now });
      return { allowed, delayMs: allowed ? 0 : Math.ceil(((1 - left) * perMs) / rate), remaining: Math.floor(left) };
    },
  };
}
