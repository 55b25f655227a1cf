// A driver on a store that gives an entry with its version, and writes one if the version is still the same: what
// `carryOut` makes of the entry is written back, again and again until nobody was faster.

import type { Clock } from "@bk/core";
import type { CacheDriver, Call, Capabilities, Stored } from "../driver.js";
import { CacheError } from "../errors.js";
import type { Operation, OpName, ResultOf } from "../operation.js";
import { fromJson, type StoredJson, toJson } from "../stored.js";
import { carryOut, type Entry, valueEntry } from "./carry-out.js";
import type { Bucket } from "./bucket.js";

/** What a store has under a key. */
export interface CasEntry<Version> {
  readonly value: Stored;
  readonly version: Version;
  /** Milliseconds since 1970; 0: never. */
  readonly expiresAt: number;
}

/** Whether a key may be looked for elsewhere when its own server is away: never one that must be in one place, as a lock. */
export type Place = "anywhere" | "home";

export interface CasStore<Version> {
  /** In the order of the keys; undefined for missing and expired ones. */
  get(keys: readonly string[], call: Call, place: Place): Promise<readonly (CasEntry<Version> | undefined)[]>;
  /**
   * Writes.
   *
   * @param ttlMs  0: no expiry
   * @param expected  null: only if there is nothing; a version: only over that; undefined: whatever there is
   * @returns false when what was expected does not hold
   */
  set(key: string, value: Stored, ttlMs: number, expected: Version | null | undefined, call: Call, place: Place): Promise<boolean>;
  /** Removes. @param expected  as in `set` @returns whether it was there, and as expected */
  del(key: string, expected: Version | undefined, call: Call, place: Place): Promise<boolean>;
}

/** How often an entry is tried to be changed while others are faster. */
const attempts = 100;

export interface CasDriverOptions<Version> {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly store: CasStore<Version>;
  readonly clock: Clock;
}

/** The members of a driver that stand on a `CasStore`. */
export function casDriver<Version>(
  options: CasDriverOptions<Version>,
): Pick<CacheDriver, "name" | "capabilities" | "get" | "getMany" | "put" | "putMany" | "del" | "apply"> {
  const { store, clock } = options;
  const turns = new Turns();

  async function apply<Op extends Operation>(key: string, operation: Op, call: Call): Promise<ResultOf<Op>> {
    const kind = kinds[operation.op];
    const place = kind === "lock" || kind === "bucket" ? "home" : "anywhere";
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (call.isGone) throw new CacheError("cancelled", "given up", { outcome: "none" });
      const [found] = await store.get([key], call, place);
      const before = found === undefined ? undefined : decodeEntry(kind, found);
      const now = clock.now();
      const { entry, isChanged, result } = carryOut(before, operation, { now, random: () => clock.random() });
      if (!isChanged) return result;
      if (call.isGone) throw new CacheError("cancelled", "given up", { outcome: "none" });
      const isDone =
        entry === undefined
          ? await store.del(key, found?.version, call, place)
          : await store.set(
              key,
              encodeEntry(entry),
              entry.expiresAt === 0 ? 0 : Math.max(1, entry.expiresAt - now),
              found?.version ?? null,
              call,
              place,
            );
      if (isDone) return result;
      // Others are faster: they get further apart.
      await clock.sleep(clock.random() * Math.min(attempt, 50));
    }
    throw new CacheError("unavailable", "too many others change the same key", { outcome: "none" });
  }

  return {
    name: options.name,
    capabilities: options.capabilities,
    get: (key, call) => turns.take([key], async () => (await store.get([key], call, "anywhere"))[0]?.value),
    getMany: (keys, call) => turns.take(keys, async () => (await store.get(keys, call, "anywhere")).map((found) => found?.value)),
    put: (key, value, ttlMs, call) => turns.take([key], async () => void (await store.set(key, value, ttlMs, undefined, call, "anywhere"))),
    putMany: async (entries, ttlMs, call) => {
      await Promise.all(entries.map(([key, value]) => turns.take([key], () => store.set(key, value, ttlMs, undefined, call, "anywhere"))));
    },
    del: async (keys, call) => {
      const found = await Promise.all(keys.map((key) => turns.take([key], () => store.del(key, undefined, call, "anywhere"))));
      return found.filter(Boolean).length;
    },
    apply: (key, operation, call) => turns.take([key], () => apply(key, operation, call)),
  };
}

/** Lets calls of one process on one key run one after the other. */
class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  take<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.flatMap((key) => this.#last.get(key) ?? []);
    const result = before.length === 0 ? work() : Promise.allSettled(before).then(work);
    for (const key of keys) this.#last.set(key, result);
    const end = (): void => {
      for (const key of keys) if (this.#last.get(key) === result) this.#last.delete(key);
    };
    result.then(end, end);
    return result;
  }
}

const kinds: Readonly<Record<OpName, Entry["kind"]>> = {
  add: "value",
  swap: "value",
  take: "value",
  replace: "value",
  remove: "value",
  incr: "value",
  setMax: "value",
  touch: "value",
  left: "value",
  mapGet: "map",
  mapAll: "map",
  mapPut: "map",
  mapDel: "map",
  mapIncr: "map",
  mapMax: "map",
  listAdd: "list",
  listDel: "list",
  listHas: "list",
  listAll: "list",
  listSize: "list",
  listPick: "list",
  lock: "lock",
  extend: "lock",
  unlock: "lock",
  locked: "lock",
  limit: "bucket",
};

/** A value is stored as it is; other kinds, which lie under keys of their own, as JSON. */
function encodeEntry(entry: Entry): Stored {
  switch (entry.kind) {
    case "value":
      return entry.value;
    case "map":
      return JSON.stringify([...entry.fields].map(([field, value]) => [field, toJson(value)]));
    case "list":
      return JSON.stringify([...entry.members].map(([identity, value]) => [identity, toJson(value)]));
    case "lock":
      return JSON.stringify([entry.owner, entry.until, entry.token]);
    case "bucket":
      return JSON.stringify([entry.bucket.tokens, entry.bucket.time, entry.bucket.calls, entry.bucket.factor]);
  }
}

function decodeEntry(kind: Entry["kind"], { value, expiresAt }: CasEntry<unknown>): Entry {
  if (kind === "value") return valueEntry(value, expiresAt);
  const parts = JSON.parse(value as string) as unknown[];
  if (kind === "lock") {
    const [owner, until, token] = parts as [string, number, number];
    return { kind, owner, until, token, expiresAt };
  }
  if (kind === "bucket") {
    // Those of earlier versions have two parts.
    const [tokens, time, calls = 0, factor = 1] = parts as [number, number, number?, number?];
    return { kind, bucket: { tokens, time, calls, factor } satisfies Bucket, expiresAt };
  }
  const values = new Map((parts as [string, StoredJson][]).map(([name, json]) => [name, fromJson(json)]));
  return kind === "map" ? { kind, fields: values, expiresAt } : { kind, members: values, expiresAt };
}
