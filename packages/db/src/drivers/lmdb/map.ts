// LMDB as a map of texts in order: reads come at once from the mapped file; writes are checked inside of the one write
// transaction that all processes share, and those of one turn are committed together.

import type { RootDatabase } from "lmdb";

import { DbError } from "../../errors.js";
import type { MapReads, OrderedMap } from "../../engines/kv/ordered-map.js";

/** Keys are bytes of UTF-8, whose order is that of the code points. */
export type Database = RootDatabase<string, Uint8Array>;

/** Bytes of a page of a new file; half of one is the longest key. */
export const pageSize = 8_192;
const longestKey = 4_026;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function lmdbMap(database: Database): OrderedMap {
  const reads: MapReads = {
    getMany: (keys) => keys.map((key) => valueOf(database, key)),
    range: ({ from, to, descending, limit }) => {
      const [low, high] = [boundOf(from), boundOf(to)];
      // `to` is outside of the range. What a bound that was cut stands for is before `from`, and before `to`.
      const bounds = descending
        ? { start: high.bytes, exclusiveStart: !high.isCut, end: low.bytes, inclusiveEnd: !low.isCut }
        : { start: low.bytes, exclusiveStart: low.isCut, end: high.bytes, inclusiveEnd: high.isCut };
      return [...database.getRange({ ...bounds, reverse: descending, limit })].map(({ key, value }) => [decoder.decode(key), value]);
    },
  };
  let hasFailed = false;
  /** What other processes have written is seen from now on. */
  const renew = (): void => database.resetReadTxn();
  return {
    getMany(keys, signal) {
      renew();
      return reads.getMany(keys, signal);
    },
    range(range, signal) {
      renew();
      return reads.range(range, signal);
    },
    snapshot() {
      renew();
      // Reads of one turn share one transaction.
      return { ...reads, close: () => undefined };
    },
    apply(checks, puts, deletes) {
      const writes = [...deletes.map((key) => [key, undefined] as const), ...puts].map(([key, value]) => [keyOf(key), value] as const);
      const transaction = database.transaction(() => {
        if (!checks.every(([key, value]) => valueOf(database, key) === value)) return false;
        for (const [key, value] of writes) {
          if (value === undefined) database.removeSync(key);
          else database.putSync(key, value);
        }
        return true;
      });
      return transaction.then(undefined, (error: unknown) => {
        hasFailed = true;
        return failedCommit(error);
      });
    },
    async close() {
      // The client waits for each commit to be flushed, a failed one only until the next: one that writes nothing.
      if (hasFailed) await database.transaction(() => undefined).catch(() => undefined);
      await database.close();
    },
  };
}

/** Rejects with why a commit failed, which the client tells by a promise of its own. */
async function failedCommit(error: unknown): Promise<never> {
  const { commitError } = error as { readonly commitError?: Promise<never> };
  if (commitError !== undefined) await commitError;
  throw error;
}

/** A key beyond what the file takes has no value. */
function valueOf(database: Database, key: string): string | undefined {
  const bytes = encoder.encode(key);
  return bytes.length > longestKey ? undefined : database.get(bytes);
}

/** A bound of a range, cut where it is longer than any key. */
function boundOf(key: string): { readonly bytes: Uint8Array; readonly isCut: boolean } {
  const bytes = encoder.encode(key);
  return { bytes: bytes.subarray(0, longestKey), isCut: bytes.length > longestKey };
}

function keyOf(key: string): Uint8Array {
  const bytes = encoder.encode(key);
  if (bytes.length <= longestKey) return bytes;
  const problem = `the indexed values and the key take ${bytes.length} bytes together; LMDB takes at most ${longestKey}`;
  throw new DbError("too-large", problem, { driver: "lmdb", outcome: "none" });
}
