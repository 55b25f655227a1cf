import type { CallOptions } from "./calls.js";
import type { CacheCore } from "./core.js";
import type { Stored } from "./driver.js";
import { invalid } from "./errors.js";
import { systemKey } from "./keys.js";
import type { Fields } from "./operation.js";
import { checkInteger, checkKey, checkKeys, checkNumber, checkOptions, checkTtl } from "./options.js";

/** Options of changes of a map. */
export interface MapPutOptions extends CallOptions {
  /** When the whole map expires, in milliseconds from now; default: what it had before, at first the `ttlMs` of the cache. 0: as the default. */
  readonly ttlMs?: number | undefined;
}

const callOptions = ["signal", "timeoutMs"];
const putOptions = [...callOptions, "ttlMs"];

/**
 * A map by name: values by field, read and changed one by one, which expire together.
 *
 * A map and a value of one name do not meet. A map without fields is no map.
 */
export class CacheMap {
  readonly #core: CacheCore;
  readonly #key: string;

  /** @internal */
  constructor(core: CacheCore, name: string) {
    this.#core = core;
    this.#key = systemKey(core.prefix, "map", name);
  }

  /** @returns the value of a field; undefined when there is none */
  async get<T = unknown>(field: string, options?: CallOptions): Promise<T | undefined> {
    const [value] = await this.getMany<T>([field], options);
    return value;
  }

  /** @returns the values in the order of the fields, undefined for missing ones */
  async getMany<T = unknown>(fields: readonly string[], options?: CallOptions): Promise<(T | undefined)[]> {
    checkOptions(options, callOptions, "map.get");
    const operation = { op: "mapGet", fields: checkKeys(fields, "fields") } as const;
    const values = await this.#core.apply("map.get", this.#key, operation, options);
    return values.map((value) => (value === undefined ? undefined : this.#core.decode(value)) as T | undefined);
  }

  /** @returns all fields with their values; empty when there is no map */
  async all<T = unknown>(options?: CallOptions): Promise<Map<string, T>> {
    checkOptions(options, callOptions, "map.all");
    const fields = await this.#core.apply("map.all", this.#key, { op: "mapAll" } as const, options);
    return new Map(fields.map(([field, value]) => [field, this.#core.decode(value) as T]));
  }

  /** Sets one field. */
  async put(field: string, value: unknown, options?: MapPutOptions): Promise<void> {
    return this.#put([[checkKey(field, "field"), this.#encode(value)]], options);
  }

  /** Sets fields, all in one step. */
  async putMany(values: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>, options?: MapPutOptions): Promise<void> {
    return this.#put(
      entriesOf(values).map(([field, value]) => [checkKey(field, "each field"), this.#encode(value)]),
      options,
    );
  }

  async #put(fields: Fields, options: MapPutOptions | undefined): Promise<void> {
    const ttlMs = this.#ttl(options, "map.put");
    if (fields.length > 0) await this.#core.apply("map.put", this.#key, { op: "mapPut", fields, ttlMs } as const, options);
  }

  /** @returns how many of the fields there were */
  async del(field: string | readonly string[], options?: CallOptions): Promise<number> {
    checkOptions(options, callOptions, "map.del");
    const fields = typeof field === "string" ? [checkKey(field, "field")] : checkKeys(field, "fields");
    if (fields.length === 0) return 0;
    return this.#core.apply("map.del", this.#key, { op: "mapDel", fields: [...new Set(fields)] } as const, options);
  }

  /**
   * Adds to a number, atomically; a missing one is 0.
   *
   * @param by  an integer
   * @returns the sum
   * @throws CacheError `invalid` when the field holds no integer, or the sum is not safe
   */
  async incr(field: string, by = 1, options?: MapPutOptions): Promise<number> {
    const operation = {
      op: "mapIncr",
      field: checkKey(field, "field"),
      by: checkInteger(by, "by"),
      ttlMs: this.#ttl(options, "map.incr"),
    } as const;
    return this.#core.apply("map.incr", this.#key, operation, options);
  }

  /**
   * Sets a number unless there is one that is as large, atomically.
   *
   * @returns the number that was there, undefined when there was none
   */
  async setMax(field: string, to: number, options?: MapPutOptions): Promise<number | undefined> {
    const operation = {
      op: "mapMax",
      field: checkKey(field, "field"),
      to: checkNumber(to, "to", -Number.MAX_VALUE, Number.MAX_VALUE),
      ttlMs: this.#ttl(options, "map.setMax"),
    } as const;
    return this.#core.apply("map.setMax", this.#key, operation, options);
  }

  /** Removes the whole map. @returns whether there was one */
  async clear(options?: CallOptions): Promise<boolean> {
    checkOptions(options, callOptions, "map.clear");
    const count = await this.#core.calls.run("map.clear", false, options, (call) => this.#core.driver.del([this.#key], call));
    return count > 0;
  }

  #encode(value: unknown): Stored {
    const stored = this.#core.codec.encode(value);
    this.#core.checkSize(stored);
    return stored;
  }

  #ttl(options: MapPutOptions | undefined, op: string): number {
    checkOptions(options, putOptions, op);
    return checkTtl(options?.ttlMs, this.#core.ttlMs);
  }
}

/** The entries of a Map or a record. */
export function entriesOf(
  values: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>,
): (readonly [key: string, value: unknown])[] {
  if (values instanceof Map) return [...(values as ReadonlyMap<string, unknown>)];
  if (typeof values !== "object" || values === null || Array.isArray(values)) throw invalid("entries", "a Map or an object");
  return Object.entries(values);
}
