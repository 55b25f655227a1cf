// A cache as the store of Keyv, for cache-manager, cacheable and all others that take one.

import { EventEmitter } from "node:events";
import type { Cache } from "./cache.js";

/** What can be handed to `new Keyv({ store })`. */
export interface KeyvStore {
  /** Keyv iterates over stores that name something that it knows. */
  readonly opts: { readonly url: string; readonly dialect: string };
  /** Set by Keyv, which puts it before each key, with a colon. */
  namespace: string | undefined;
  get<Value>(key: string): Promise<Value | undefined>;
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]>;
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<void>;
  delete(key: string): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  /** Removes what lies in the namespace; without one, all values of the cache. */
  clear(): Promise<void>;
  disconnect(): Promise<void>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/**
 * A store of Keyv over a cache, with any driver.
 *
 * `iterator` is there where `capabilities.keys` is. Where it is not, `clear` works by a tag on each value.
 */
export function keyvStore(cache: Cache): KeyvStore {
  return cache.capabilities.keys ? new ListedStore(cache) : new Store(cache);
}

class Store extends EventEmitter implements KeyvStore {
  readonly opts = { url: "", dialect: "redis" };
  namespace: string | undefined = undefined;
  readonly cache: Cache;

  constructor(cache: Cache) {
    super();
    this.cache = cache;
  }

  /** The options of writes: with an expiry, and where keys cannot be listed with a tag to clear by. */
  protected options(ttl: number | undefined): { ttlMs?: number; tags?: string[] } {
    return { ...(ttl === undefined ? {} : { ttlMs: ttl }), tags: [this.#tag()] };
  }

  #tag(): string {
    return `keyv:${this.namespace ?? ""}`;
  }

  get<Value>(key: string): Promise<Value | undefined> {
    return this.cache.get<Value>(key);
  }

  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return this.cache.getMany<Value>(keys);
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    if (value === undefined) await this.cache.del(key);
    else await this.cache.put(key, value, this.options(ttl));
    return true;
  }

  async setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<void> {
    await Promise.all(entries.map(({ key, value, ttl }) => this.set(key, value, ttl)));
  }

  // By its value: one whose tag was invalidated is not there.
  async delete(key: string): Promise<boolean> {
    return (await this.cache.getAndDel(key)) !== undefined;
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)));
    return deleted.includes(true);
  }

  has(key: string): Promise<boolean> {
    return this.cache.has(key);
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.cache.getMany(keys)).map((value) => value !== undefined);
  }

  async clear(): Promise<void> {
    await this.cache.invalidate(this.#tag());
  }

  async disconnect(): Promise<void> {
    await this.cache.close();
  }
}

class ListedStore extends Store {
  protected override options(ttl: number | undefined): { ttlMs?: number } {
    return ttl === undefined ? {} : { ttlMs: ttl };
  }

  override async clear(): Promise<void> {
    await this.cache.clear(this.#pattern(this.namespace));
  }

  /** Keys with their values, as Keyv knows them. */
  async *iterator<Value>(namespace?: string): AsyncGenerator<[string, Value | undefined], void> {
    for await (const key of this.cache.keys(this.#pattern(namespace))) {
      const value = await this.cache.get<Value>(key);
      if (value !== undefined) yield [key, value];
    }
  }

  #pattern(namespace: string | undefined): string | undefined {
    return namespace === undefined ? undefined : `${namespace.replaceAll(/[\\*?]/g, "\\$&")}:*`;
  }
}
