// Numbers that are added to, one or many.

import type { IncrManyOptions, IncrOptions } from "./cache-options.js";
import type { CacheCore } from "./core.js";
import { CacheError, invalid } from "./errors.js";
import { entriesOf } from "./map.js";
import { checkInteger, checkOptions } from "./options.js";

const options = ["signal", "timeoutMs", "ttlMs", "ttlMode"];

export async function incr(core: CacheCore, key: string, by: number, given: IncrOptions | undefined): Promise<number> {
  checkOptions(given, options, "incr");
  const change = changeOf(core, key, by, given?.ttlMs, given?.ttlMode);
  const sum = await core.apply("incr", change.stored, change.operation, given);
  saw(core, change.stored, sum);
  return sum;
}

export async function incrMany(
  core: CacheCore,
  by: ReadonlyMap<string, number> | Readonly<Record<string, number>>,
  given: IncrManyOptions | undefined,
): Promise<Map<string, number>> {
  checkOptions(given, options, "incrMany");
  const ttls = given?.ttlMs;
  if (typeof ttls === "object" && (ttls === null || Array.isArray(ttls))) throw invalid("ttlMs", "a number, or numbers by key");
  const entries = entriesOf(by) as [string, number][];
  const ttlOf = (key: string): number | undefined => (typeof ttls !== "object" ? ttls : Object.hasOwn(ttls, key) ? ttls[key] : undefined);
  const changes = entries.map(([key, each]) => changeOf(core, key, each, ttlOf(key), given?.ttlMode));
  if (changes.length === 0) return new Map();
  return core.calls.run("incrMany", false, given, async (call) => {
    const ended = await Promise.allSettled(changes.map(async ({ stored, operation }) => core.driver.apply(stored, operation, call)));
    const sums = new Map<string, number>();
    for (const [at, result] of ended.entries()) {
      if (result.status !== "fulfilled") continue;
      saw(core, changes[at]!.stored, result.value);
      sums.set(entries[at]![0], result.value);
    }
    const failed = ended.find((result) => result.status === "rejected");
    if (failed === undefined) return sums;
    if (sums.size === 0) throw failed.reason;
    const { code, message, detail } = core.calls.errorOf(failed.reason, "incrMany", false, call);
    throw new CacheError(code, message, {
      driver: core.driver.name,
      op: "incrMany",
      outcome: "some",
      detail: { ...detail, done: [...sums.keys()] },
      cause: failed.reason,
    });
  });
}

function changeOf(core: CacheCore, key: string, by: number, ttlMs: number | undefined, mode: IncrOptions["ttlMode"] = "touch") {
  if (mode !== "touch" && mode !== "create")
    throw new CacheError("invalid", "ttlMode must be touch or create", { detail: { field: "ttlMode" } });
  const operation = { op: "incr", by: checkInteger(by, "by"), ttlMs: core.ttl(ttlMs), renew: mode === "touch" } as const;
  return { stored: core.key(key), operation };
}

function saw(core: CacheCore, stored: string, sum: number): void {
  core.counts.sets++;
  core.saw(stored, String(sum));
}
