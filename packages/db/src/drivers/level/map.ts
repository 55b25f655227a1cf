// LevelDB as a map of texts in order: of one process, so that writes are checked here and those that wait go out together.

import type { ClassicLevel } from "classic-level";

import type { MapCheck, MapReads, OrderedMap } from "../../engines/kv/ordered-map.js";

/** The map, whose writes wait for the disk where `sync` says so. */
export interface LevelMap extends MapReads {
  snapshot: NonNullable<OrderedMap["snapshot"]>;
  apply(
    checks: readonly MapCheck[],
    puts: readonly (readonly [string, string])[],
    deletes: readonly string[],
    sync: boolean,
  ): Promise<boolean>;
  close(): Promise<void>;
}

interface Waiting {
  readonly checks: readonly MapCheck[];
  readonly puts: readonly (readonly [string, string])[];
  readonly deletes: readonly string[];
  readonly sync: boolean;
  readonly resolve: (isDone: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that one batch of LevelDB carries, so that its memory has a bound. */
const mostTogether = 1_000;

export function levelMap(database: ClassicLevel): LevelMap {
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const together = waiting.slice(0, mostTogether);
      waiting = waiting.slice(mostTogether);
      try {
        const results = await writeTogether(together);
        together.forEach(({ resolve }, i) => resolve(results[i]!));
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
    writing = undefined;
  }

  /** Carries writes out one after the other in one batch: each sees what those before it have written. */
  async function writeTogether(together: readonly Waiting[]): Promise<boolean[]> {
    const keys = [...new Set(together.flatMap(({ checks }) => checks.map(([key]) => key)))];
    const texts = keys.length === 0 ? [] : await database.getMany(keys);
    const stored = new Map(keys.map((key, i) => [key, texts[i]]));
    const draft = new Map<string, string | undefined>();
    const results = together.map(({ checks, puts, deletes }) => {
      if (!checks.every(([key, value]) => (draft.has(key) ? draft.get(key) : stored.get(key)) === value)) return false;
      for (const key of deletes) draft.set(key, undefined);
      for (const [key, value] of puts) draft.set(key, value);
      return true;
    });
    const operations = [...draft].map(([key, value]) =>
      value === undefined ? ({ type: "del", key } as const) : ({ type: "put", key, value } as const),
    );
    if (operations.length > 0) await database.batch(operations, { sync: together.some(({ sync }) => sync) });
    return results;
  }

  return {
    ...reads(database),
    snapshot() {
      const snapshot = database.snapshot();
      return { ...reads(database, { snapshot }), close: () => snapshot.close() };
    },
    apply: (checks, puts, deletes, sync) =>
      new Promise((resolve, reject) => {
        waiting.push({ checks, puts, deletes, sync, resolve, reject });
        writing ??= Promise.resolve().then(writeAll);
      }),
    async close() {
      await writing;
      await database.close();
    },
  };
}

function reads(database: ClassicLevel, of: { readonly snapshot?: ReturnType<ClassicLevel["snapshot"]> } = {}): MapReads {
  return {
    getMany: (keys) => (keys.length === 0 ? [] : database.getMany([...keys], of)),
    range: ({ from, to, descending, limit }) => database.iterator({ gte: from, lt: to, reverse: descending, limit, ...of }).all(),
  };
}
