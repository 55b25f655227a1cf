// Random steps on a cache and on a plain model of it, which have to agree. `BK_MODEL_STEPS` and `BK_MODEL_SEED` choose others.

import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import type { Cache } from "@bk/cache";
import { fixtures } from "./fixtures.js";
import { type Fixture, isWanted } from "./test-fixture.js";

const steps = Number(process.env["BK_MODEL_STEPS"] ?? (process.env["BK_TEST_QUICK"] === "1" ? 500 : 2_000));
const seed = Number(process.env["BK_MODEL_SEED"] ?? 1);

/** Those whose clock is moved, not waited for. */
const isMovable = (name: string): boolean => ["cache-local", "cache-shared", "cache-db", "cache-db-memory"].includes(name);
/** Those of which each cache object has something of its own. */
const isAlone = (name: string): boolean => ["cache-local", "cache-tiered"].includes(name);

/** Mulberry32 by Tommy Ettinger (public domain). */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Kept<Value> {
  value: Value;
  /** 0: never. */
  until: number;
}

/** What a cache has to be like. */
class Model {
  now = 0;
  readonly values = new Map<string, Kept<unknown> & { readonly tags: readonly string[] }>();
  readonly maps = new Map<string, Kept<Map<string, unknown>>>();
  readonly lists = new Map<string, Kept<Set<string>>>();

  pass(ms: number): void {
    this.now += ms;
    for (const kept of [this.values, this.maps, this.lists] as Map<string, Kept<unknown>>[])
      for (const [key, { until }] of kept) if (until !== 0 && until <= this.now) kept.delete(key);
  }

  until(ttlMs: number | undefined): number {
    return ttlMs === undefined || ttlMs === 0 ? 0 : this.now + ttlMs;
  }

  put(key: string, value: unknown, ttlMs?: number, tags: readonly string[] = []): void {
    this.values.set(key, { value, until: this.until(ttlMs), tags });
  }

  get(key: string): unknown {
    return this.values.get(key)?.value;
  }

  /** Adds to a number. @returns the sum; "invalid" where there is none */
  static sum(value: unknown, by: number): number | "invalid" {
    return value === undefined || Number.isSafeInteger(value) ? Number(value ?? 0) + by : "invalid";
  }

  map(name: string): Map<string, unknown> {
    return this.maps.get(name)?.value ?? new Map<string, unknown>();
  }

  /** Keeps a map that was changed; one without fields is none. */
  keepMap(name: string, fields: Map<string, unknown>, ttlMs?: number): void {
    if (fields.size === 0) return void this.maps.delete(name);
    this.maps.set(name, { value: fields, until: ttlMs === undefined ? (this.maps.get(name)?.until ?? 0) : this.until(ttlMs) });
  }
}

interface Round {
  readonly cache: Cache;
  readonly model: Model;
  /** An integer from 0 up to, not including, `end`. */
  below(end: number): number;
  pick<T>(from: readonly T[]): T;
  /** A time to live, or none. */
  ttl(): number | undefined;
}

/** What a step did: what it was, what the cache gave, and what the model gives. */
type Step = readonly [what: string, got: unknown, expected: unknown];

const keys = ["a", "b", "c:1", "c:2", "ü \u0001/{x}"];
const tagged = ["t:1", "t:2", "t:3"];
const tags = ["red", "green"];
const names = ["m", "n:{o}"];
const fields = ["x", "y", "constructor"];
const values = [0, 7, -3, 1.5, "", "text", "12", true, null, [1, "2"], { a: { b: 1 } }];

const refusedAs = (call: Promise<unknown>): Promise<unknown> => call.catch((error: { code?: unknown }) => error.code);
const opts = (ttlMs: number | undefined): { ttlMs?: number } => (ttlMs === undefined ? {} : { ttlMs });

const table: Readonly<Record<string, (round: Round) => Promise<Step>>> = {
  async put({ cache, model, pick, ttl }) {
    const [key, value, ttlMs] = [pick(keys), pick(values), ttl()];
    const got = await cache.put(key, value, opts(ttlMs));
    model.put(key, value, ttlMs);
    return [`put ${key} ${JSON.stringify(value)} ${ttlMs}`, got, undefined];
  },
  async putMany({ cache, model, pick, ttl }) {
    const [entries, ttlMs] = [new Map([pick(keys), pick(keys), pick(tagged)].map((key) => [key, pick(values)])), ttl()];
    const got = await cache.putMany(entries, opts(ttlMs));
    for (const [key, value] of entries) model.put(key, value, ttlMs);
    return [`putMany ${JSON.stringify([...entries])} ${ttlMs}`, got, undefined];
  },
  async get({ cache, model, pick }) {
    const key = pick([...keys, ...tagged]);
    return [`get ${key}`, await cache.get(key), model.get(key)];
  },
  async getMany({ cache, model }) {
    const all = [...keys, ...tagged, "none"];
    return ["getMany", await cache.getMany(all), all.map((key) => model.get(key))];
  },
  async has({ cache, model, pick }) {
    const key = pick([...keys, ...tagged]);
    return [`has ${key}`, await cache.has(key), model.values.has(key)];
  },
  async add({ cache, model, pick, ttl }) {
    const [key, value, ttlMs] = [pick(keys), pick(values), ttl()];
    const expected = !model.values.has(key);
    const got = await cache.add(key, value, opts(ttlMs));
    if (expected) model.put(key, value, ttlMs);
    return [`add ${key} ${JSON.stringify(value)} ${ttlMs}`, got, expected];
  },
  async getOrPut({ cache, model, pick, ttl }) {
    const [key, value, ttlMs] = [pick(keys), pick(values), ttl()];
    const expected = model.get(key);
    const got = await cache.getOrPut(key, value, opts(ttlMs));
    if (!model.values.has(key)) model.put(key, value, ttlMs);
    return [`getOrPut ${key} ${JSON.stringify(value)} ${ttlMs}`, got, expected];
  },
  async getAndPut({ cache, model, pick, ttl }) {
    const [key, value, ttlMs] = [pick([...keys, ...tagged]), pick(values), ttl()];
    const expected = model.get(key);
    const got = await cache.getAndPut(key, value, opts(ttlMs));
    model.put(key, value, ttlMs);
    return [`getAndPut ${key} ${JSON.stringify(value)} ${ttlMs}`, got, expected];
  },
  async getAndDel({ cache, model, pick }) {
    const key = pick([...keys, ...tagged]);
    const expected = model.get(key);
    const got = await cache.getAndDel(key);
    model.values.delete(key);
    return [`getAndDel ${key}`, got, expected];
  },
  async del({ cache, model, pick }) {
    const some = [...new Set([pick(keys), pick(keys)])];
    const expected = some.filter((key) => model.values.delete(key)).length;
    return [`del ${some.join(" ")}`, await cache.del(some), expected];
  },
  async incr({ cache, model, pick, below, ttl }) {
    const [key, by, ttlMs, ttlMode] = [pick(keys), below(20) - 10, ttl(), pick(["touch", "create"] as const)];
    const before = model.values.get(key);
    const expected = Model.sum(before?.value, by);
    const got = await refusedAs(cache.incr(key, by, { ...opts(ttlMs), ttlMode }));
    if (expected !== "invalid") {
      const keeps = ttlMs === undefined || (before !== undefined && ttlMode === "create");
      model.values.set(key, { value: expected, until: keeps ? (before?.until ?? 0) : model.until(ttlMs), tags: [] });
    }
    return [`incr ${key} ${by} ${ttlMs} ${ttlMode}`, got, expected];
  },
  async setMax({ cache, model, pick, below, ttl }) {
    const [key, to, ttlMs] = [pick(keys), below(20) - 10, ttl()];
    const before = model.get(key);
    const isNumber = before === undefined || typeof before === "number";
    const got = await refusedAs(cache.setMax(key, to, opts(ttlMs)));
    if (isNumber && (before === undefined || before < to)) model.put(key, to, ttlMs);
    return [`setMax ${key} ${to} ${ttlMs}`, got, isNumber ? before : "invalid"];
  },
  async touch({ cache, model, pick, ttl }) {
    const [key, ttlMs = 0] = [pick(keys), ttl()];
    const kept = model.values.get(key);
    if (kept !== undefined) kept.until = model.until(ttlMs);
    return [`touch ${key} ${ttlMs}`, await cache.touch(key, ttlMs), kept !== undefined];
  },
  async putTagged({ cache, model, pick, below, ttl }) {
    const [key, value, ttlMs, own] = [pick(tagged), pick(values), ttl(), tags.slice(0, 1 + below(2))];
    const got = await cache.put(key, value, { ...opts(ttlMs), tags: own });
    model.put(key, value, ttlMs, own);
    return [`put ${key} ${JSON.stringify(value)} ${ttlMs} #${own.join("#")}`, got, undefined];
  },
  async invalidate({ cache, model, pick }) {
    const tag = pick(tags);
    const got = await cache.invalidate(tag);
    for (const [key, kept] of model.values) if (kept.tags.includes(tag)) model.values.delete(key);
    return [`invalidate ${tag}`, got, undefined];
  },
  async mapPut({ cache, model, pick, ttl }) {
    const [name, ttlMs] = [pick(names), ttl()];
    const some = new Map([pick(fields), pick(fields)].map((field) => [field, pick(values)]));
    const got = await cache.map(name).putMany(some, opts(ttlMs));
    model.keepMap(name, new Map([...model.map(name), ...some]), ttlMs);
    return [`map ${name} put ${JSON.stringify([...some])} ${ttlMs}`, got, undefined];
  },
  async mapAll({ cache, model, pick }) {
    const name = pick(names);
    return [`map ${name} all`, new Map([...(await cache.map(name).all())].toSorted()), new Map(Array.from(model.map(name)).toSorted())];
  },
  async mapGet({ cache, model, pick }) {
    const name = pick(names);
    return [
      `map ${name} get`,
      await cache.map(name).getMany([...fields, "none"]),
      [...fields, "none"].map((each) => model.map(name).get(each)),
    ];
  },
  async mapDel({ cache, model, pick }) {
    const [name, some] = [pick(names), [pick(fields), pick(fields)]];
    const left = new Map(model.map(name));
    const expected = some.filter((field) => left.delete(field)).length;
    if (expected > 0) model.keepMap(name, left);
    return [`map ${name} del ${some.join(" ")}`, await cache.map(name).del(some), expected];
  },
  async mapIncr({ cache, model, pick, below, ttl }) {
    const [name, field, by, ttlMs] = [pick(names), pick(fields), below(20) - 10, ttl()];
    const expected = Model.sum(model.map(name).get(field), by);
    if (expected !== "invalid") model.keepMap(name, new Map([...model.map(name), [field, expected]]), ttlMs);
    return [`map ${name} incr ${field} ${by} ${ttlMs}`, await refusedAs(cache.map(name).incr(field, by, opts(ttlMs))), expected];
  },
  async mapMax({ cache, model, pick, below, ttl }) {
    const [name, field, to, ttlMs] = [pick(names), pick(fields), below(20) - 10, ttl()];
    const before = model.map(name).get(field);
    const isNumber = before === undefined || typeof before === "number";
    if (isNumber && (before === undefined || before < to)) model.keepMap(name, new Map([...model.map(name), [field, to]]), ttlMs);
    return [
      `map ${name} setMax ${field} ${to} ${ttlMs}`,
      await refusedAs(cache.map(name).setMax(field, to, opts(ttlMs))),
      isNumber ? before : "invalid",
    ];
  },
  async mapClear({ cache, model, pick }) {
    const name = pick(names);
    return [`map ${name} clear`, await cache.map(name).clear(), model.maps.delete(name)];
  },
  async listAdd({ cache, model, pick, ttl }) {
    const [name, ttlMs, some] = [pick(names), ttl(), [pick(fields), pick(fields)]];
    const before = model.lists.get(name);
    const all = new Set([...(before?.value ?? []), ...some]);
    model.lists.set(name, { value: all, until: ttlMs === undefined ? (before?.until ?? 0) : model.until(ttlMs) });
    const expected = { added: all.size - (before?.value.size ?? 0), size: all.size };
    return [`list ${name} add ${some.join(" ")} ${ttlMs}`, await cache.list(name).add(some, opts(ttlMs)), expected];
  },
  async listDel({ cache, model, pick }) {
    const [name, member] = [pick(names), pick(fields)];
    const list = model.lists.get(name);
    const expected = list?.value.delete(member) === true ? 1 : 0;
    if (list?.value.size === 0) model.lists.delete(name);
    return [`list ${name} del ${member}`, await cache.list(name).del([member]), expected];
  },
  async listAll({ cache, model, pick }) {
    const name = pick(names);
    const list = [...(model.lists.get(name)?.value ?? [])];
    return [`list ${name} all`, (await cache.list(name).all<string>()).toSorted(), list.toSorted()];
  },
  async keys({ cache, model, pick }) {
    const pattern = pick(["*", "c:*", "t:?", "a", "none*"]);
    const matches = new RegExp(`^${pattern.replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`, "u");
    const got: string[] = [];
    for await (const key of cache.keys(pattern)) got.push(key);
    // A value that was dropped by a tag lies there until it is overwritten.
    const known = got.filter((key) => !tagged.includes(key) || model.values.has(key));
    return [`keys ${pattern}`, known.toSorted(), [...model.values.keys()].filter((key) => matches.test(key)).toSorted()];
  },
  async clear({ cache, model, pick, below }) {
    const pattern = below(3) === 0 ? undefined : pick(["c:*", "t:?", "a"]);
    const got = await cache.clear(pattern);
    const matches = new RegExp(`^${(pattern ?? "*").replaceAll("*", "[^]*").replaceAll("?", "[^]")}$`, "u");
    for (const key of model.values.keys()) if (matches.test(key)) model.values.delete(key);
    if (pattern === undefined) for (const kept of [model.maps, model.lists]) kept.clear();
    return [`clear ${pattern}`, got, undefined];
  },
};

async function checkModel(fixture: Fixture): Promise<void> {
  const store = await fixture.open();
  const random = randomFrom(seed);
  const below = (end: number): number => Math.floor(random() * end);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const movable = isMovable(fixture.name);
  const ttl = (): number | undefined => pick([undefined, undefined, ...(movable ? [1_000, 5_000] : []), 3_600_000]);
  const caches = [await store.openCache()];
  try {
    if (!isAlone(fixture.name)) caches.push(await store.openCache());
    const { capabilities } = caches[0]!;
    const unable = [...(capabilities.keys ? [] : ["keys", "clear"]), ...(capabilities.lists ? [] : ["listAdd", "listDel", "listAll"])];
    // Those that go over the whole store are rare.
    const often = Object.keys(table).filter((name) => !unable.includes(name));
    const names = [1, 2, 3, 4].flatMap(() => often.filter((name) => name !== "keys" && name !== "clear")).concat(often);
    const model = new Model();
    const done: string[] = [];
    for (let step = 0; step < steps; step++) {
      if (movable && below(12) === 0) {
        const ms = pick([500, 1_000, 4_000]);
        await store.pass(ms);
        model.pass(ms);
        done.push(`pass ${ms}`);
      }
      const at = below(caches.length);
      const [what, got, expected] = await table[pick(names)]!({ cache: caches[at]!, model, below, pick, ttl });
      done.push(`${at}: ${what}`);
      if (!isDeepStrictEqual(got, expected))
        expect(got, `step ${step} of seed ${seed}, after\n${done.slice(-60).join("\n")}\n`).toEqual(expected);
    }
  } finally {
    await Promise.all(caches.map((cache) => cache.close()));
    await store.clean();
  }
}

describe.each(fixtures.filter(isWanted))("driver: $name", (fixture) => {
  it(`does what the model does, in ${steps} random steps from seed ${seed}`, { timeout: 1_200_000 }, () => checkModel(fixture));
});
