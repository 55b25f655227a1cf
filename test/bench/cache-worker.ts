// Measures caches in a process of its own: contestants take turns, so that what slows the machine slows them all.

import { type Cache, openCache } from "@bk/cache";
import { LRUCache } from "lru-cache";

export interface CacheBenchOptions {
  readonly url: string;
  readonly rounds: number;
  readonly turnMs: number;
}

/** Microseconds of one operation, median of the rounds, by cell and contestant; the first contestant of a cell is the measure. */
export type CacheBenchResult = Record<string, Record<string, number>>;

/** Runs some operations and gives how many. */
type Turn = () => number | Promise<number>;

const count = 1000;
const keys = Array.from({ length: count }, (_each, i) => `user:${i}`);
const text = "a value of some forty characters or so..";
const user = { id: 17, name: "Ann", tags: ["a", "b"], address: { city: "Rome", zip: "00100" } };

const options = JSON.parse(process.argv[2]!) as CacheBenchOptions;
const close: (() => Promise<unknown>)[] = [];
const cells = { ...(await localCells()), ...(await redisCells(options.url)) };
const result: CacheBenchResult = {};
for (const [cell, contestants] of Object.entries(cells)) {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= options.rounds; round++)
    for (const [name, turn] of Object.entries(contestants)) {
      const us = await timeOf(turn);
      // The first round warms up.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), us]);
    }
  result[cell] = Object.fromEntries([...times].map(([name, all]) => [name, all.sort((a, b) => a - b)[all.length >> 1]!]));
}
await Promise.all(close.map((end) => end()));
process.send!({ result });
process.disconnect();

async function timeOf(turn: Turn): Promise<number> {
  const begun = performance.now();
  let done = 0;
  let now = begun;
  while (now - begun < options.turnMs) {
    done += await turn();
    now = performance.now();
  }
  return ((now - begun) * 1000) / done;
}

async function open(url: string, more: Parameters<typeof openCache>[1] = {}): Promise<Cache> {
  const cache = await openCache(url, more);
  close.push(() => cache.close());
  return cache;
}

async function localCells(): Promise<Record<string, Record<string, Turn>>> {
  const lru = new LRUCache<string, string>({ max: 10_000 });
  const [cache, frozen] = [await open("local:", { options: { max: 10_000 } }), await open("local:", { frozen: true })];
  for (const key of keys) {
    lru.set(key, text);
    await cache.put(key, text);
    await frozen.put(key, user);
  }
  const each = (work: (key: string) => unknown): Turn => {
    return () => {
      for (const key of keys) work(key);
      return count;
    };
  };
  return {
    "memory: hit": {
      "lru-cache": each((key) => lru.get(key)),
      "bk peek": each((key) => cache.peek(key)),
      "bk peek, frozen object": each((key) => frozen.peek(key)),
      "bk get, awaited": async () => {
        for (const key of keys) await cache.get(key);
        return count;
      },
    },
    "memory: put": {
      "lru-cache": each((key) => lru.set(key, text)),
      "bk put": async () => {
        for (const key of keys) await cache.put(key, text);
        return count;
      },
    },
  };
}

async function redisCells(url: string): Promise<Record<string, Record<string, Turn>>> {
  const { Redis } = await import("ioredis");
  const redis = new Redis(url);
  close.push(() => redis.quit());
  const cache = await open(url, { prefix: "" });
  const json = JSON.stringify(user);
  for (const key of keys) await redis.set(key, json);
  const alone = (work: (key: string) => Promise<unknown>): Turn => {
    return async () => {
      for (let i = 0; i < 20; i++) await work(keys[i]!);
      return 20;
    };
  };
  const together = (work: (key: string) => Promise<unknown>): Turn => {
    return async () => {
      await Promise.all(keys.map(work));
      return count;
    };
  };
  return {
    "Redis: get alone": {
      ioredis: alone(async (key) => JSON.parse((await redis.get(key))!)),
      bk: alone((key) => cache.get(key)),
    },
    "Redis: put alone": {
      ioredis: alone((key) => redis.set(key, JSON.stringify(user))),
      bk: alone((key) => cache.put(key, user)),
    },
    "Redis: 1,000 gets in a tick": {
      ioredis: together(async (key) => JSON.parse((await redis.get(key))!)),
      bk: together((key) => cache.get(key)),
    },
    "Redis: 1,000 puts in a tick": {
      ioredis: together((key) => redis.set(key, JSON.stringify(user))),
      bk: together((key) => cache.put(key, user)),
      "bk, with ttlMs": together((key) => cache.put(key, user, { ttlMs: 60_000 })),
    },
    "Redis: one round trip": {
      "ioredis ping": alone(() => redis.ping()),
      "bk limit": alone((key) => cache.limit(key, { rate: 1e6, burst: 1e6 })),
      "bk lock": alone((key) => cache.lock(`held ${key}`, { ttlMs: 60_000 })),
    },
  };
}
