// A database in one JSON file, for one process at a time: read as a whole when it is opened, written as a whole before a
// write is acknowledged. The shortest driver that keeps every promise: a map of four calls, made a store, given to the engine.

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, resolve as absolute } from "node:path";

import { type Clock, parseConnectUrl } from "@bk/core";
import { type Classified, DbError, type Driver, type DriverOptions } from "@bk/db";
import { compareText, kvDriver, kvStoreOver } from "@bk/db/kv";
import type { KvCommand, KvStore, MapCheck } from "@bk/db/kv";

type Pairs = ReadonlyMap<string, string>;

/**
 * Opens `json:path/to/file.json`; the file and its folder are made by the first write.
 *
 * @throws DbError `invalid` for a URL without a path and for any option; `drift` when the file holds something else
 */
export async function jsonFileDriver({ url, options, clock }: DriverOptions): Promise<Driver<KvCommand>> {
  const { path, hosts, options: inUrl } = parseConnectUrl(url);
  const [unknown] = [...Object.keys(inUrl), ...Object.keys(options)];
  if (unknown !== undefined) throw new DbError("invalid", `json-file: unknown option "${unknown}"`, { detail: { field: unknown } });
  if (path === undefined || hosts.length > 0)
    throw new DbError("invalid", "json-file: write the URL as json:path/to/file.json", { detail: { field: "url" } });
  return driverOver(await jsonFileStore(path), clock);
}

/** Claims what the engine does; gets and puts of one tick are groups, so that one write of the file serves them. */
export function driverOver(store: KvStore, clock: Clock): Driver<KvCommand> {
  return kvDriver("json-file", store, {
    clock,
    classify,
    capabilities: { group: { get: { most: 1000, outcome: "whole" }, put: { most: 1000, outcome: "whole" } } },
  });
}

/** Errors of the file system: the old file is still there, so nothing was done. */
function classify(error: unknown): Classified | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? { code: "unavailable", outcome: "none", message: `the file cannot be written (${code})` } : undefined;
}

async function readPairs(path: string): Promise<Pairs> {
  try {
    return new Map(JSON.parse(await readFile(path, "utf8")) as [string, string][]);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw new DbError("drift", "json-file: there is something else where the file should be", { cause });
  }
}

/** Replaces the file at once: whoever reads it, also after a crash, finds all of the old text or all of the new one. */
async function savePairs(path: string, pairs: Pairs): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify([...pairs]), { flush: true });
  await rename(`${path}.new`, path);
}

interface Waiting {
  readonly checks: readonly MapCheck[];
  readonly puts: readonly (readonly [string, string])[];
  readonly deletes: readonly string[];
  readonly resolve: (isDone: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export async function jsonFileStore(name: string): Promise<KvStore> {
  const path = absolute(name);
  let pairs = await readPairs(path);
  let waiting: Waiting[] = [];
  let saving: Promise<void> | undefined;

  /** Carries out everything that waits, with one write of the file for all of it; readers see it when it is saved. */
  async function save(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const draft = new Map(pairs);
      const results = batch.map(({ checks, puts, deletes }) => {
        if (!checks.every(([key, value]) => draft.get(key) === value)) return false;
        for (const key of deletes) draft.delete(key);
        for (const [key, value] of puts) draft.set(key, value);
        return true;
      });
      try {
        if (results.includes(true)) await savePairs(path, draft);
        pairs = draft;
        batch.forEach(({ resolve }, i) => resolve(results[i]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    saving = undefined;
  }

  return kvStoreOver({
    getMany: (keys) => keys.map((key) => pairs.get(key)),
    range({ from, to, descending, limit }) {
      const found = [...pairs].filter(([key]) => compareText(key, from) >= 0 && compareText(key, to) < 0);
      return found.sort(([a], [b]) => (descending ? compareText(b, a) : compareText(a, b))).slice(0, limit);
    },
    apply: (checks, puts, deletes) =>
      new Promise((resolve, reject) => {
        waiting.push({ checks, puts, deletes, resolve, reject });
        saving ??= Promise.resolve().then(save);
      }),
    close: async () => saving,
  });
}
