import type { CallOptions } from "./calls.js";
import type { CacheCore } from "./core.js";
import type { Call, Stored } from "./driver.js";
import { CacheError, invalid } from "./errors.js";
import { systemKey } from "./keys.js";
import { checkInteger, checkOptions, checkTtl } from "./options.js";
import { identityOf } from "./stored.js";

/** Options of `add`. */
export interface ListAddOptions extends CallOptions {
  /** When the whole list expires, in milliseconds from now; default: what it had before, at first the `ttlMs` of the cache. */
  readonly ttlMs?: number | undefined;
}

/** Options of `pop`. */
export interface ListPopOptions extends CallOptions {
  /**
   * Members that were taken out with this option in the last so many milliseconds, and have been added again, stay; default 0: none does.
   * It costs two more requests for each member.
   */
  readonly spareMs?: number | undefined;
}

const callOptions = ["signal", "timeoutMs"];

/** A list by name: members without order and repeats, which expire together. `unsupported` where `capabilities.lists` is false. */
export class CacheList {
  readonly #core: CacheCore;
  readonly #name: string;
  readonly #key: string;

  /** @internal */
  constructor(core: CacheCore, name: string) {
    this.#core = core;
    this.#name = name;
    this.#key = systemKey(core.prefix, "list", name);
    if (!core.driver.capabilities.lists)
      throw new CacheError("unsupported", `${core.driver.name} has no lists (capability lists); a map has fields instead`, {
        driver: core.driver.name,
        op: "list",
        detail: { capability: "lists" },
      });
  }

  /** Adds members. @returns how many were new, and how many there are now */
  async add(members: readonly unknown[], options?: ListAddOptions): Promise<{ readonly added: number; readonly size: number }> {
    checkOptions(options, [...callOptions, "ttlMs"], "list.add");
    const operation = { op: "listAdd", members: this.#encodeAll(members), ttlMs: checkTtl(options?.ttlMs, this.#core.ttlMs) } as const;
    return this.#core.apply("list.add", this.#key, operation, options);
  }

  /** @returns how many of the members there were */
  async del(members: readonly unknown[], options?: CallOptions): Promise<number> {
    checkOptions(options, callOptions, "list.del");
    return this.#core.apply("list.del", this.#key, { op: "listDel", members: this.#encodeAll(members) } as const, options);
  }

  async has(member: unknown, options?: CallOptions): Promise<boolean> {
    checkOptions(options, callOptions, "list.has");
    return this.#core.apply("list.has", this.#key, { op: "listHas", member: this.#core.codec.encode(member) } as const, options);
  }

  /** @returns all members, in no order */
  async all<T = unknown>(options?: CallOptions): Promise<T[]> {
    checkOptions(options, callOptions, "list.all");
    return this.#decodeAll(await this.#core.apply("list.all", this.#key, { op: "listAll" } as const, options));
  }

  async size(options?: CallOptions): Promise<number> {
    checkOptions(options, callOptions, "list.size");
    return this.#core.apply("list.size", this.#key, { op: "listSize" } as const, options);
  }

  /** @returns at most `count` members (1), picked at random, each once */
  async pick<T = unknown>(count = 1, options?: CallOptions): Promise<T[]> {
    return this.#pick("list.pick", count, false, options);
  }

  /** Takes out at most `count` members (1), picked at random: each member goes to one caller. */
  async pop<T = unknown>(count = 1, options: ListPopOptions = {}): Promise<T[]> {
    const { spareMs, ...rest } = options;
    const ttlMs = checkTtl(spareMs, 0, "spareMs");
    if (ttlMs === 0) return this.#pick("list.pop", count, true, rest);
    checkOptions(rest, callOptions, "list.pop");
    checkInteger(count, "count", 1, 100_000);
    return this.#decodeAll(await this.#core.calls.run("list.pop", false, rest, (call) => this.#popSparing(count, ttlMs, call)));
  }

  /** Who makes the mark of a member, which lives for `ttlMs`, takes it out. */
  async #popSparing(count: number, ttlMs: number, call: Call): Promise<Stored[]> {
    const { driver, prefix } = this.#core;
    const popped: Stored[] = [];
    const seen = new Set<string>();
    // Some at random, which are enough where few are spared; then all.
    for (const look of [{ op: "listPick", count: 2 * count + 10, remove: false }, { op: "listAll" }] as const) {
      for (const member of await driver.apply(this.#key, look, call)) {
        if (popped.length === count || call.isGone) return popped;
        const identity = identityOf(member);
        if (seen.has(identity)) continue;
        seen.add(identity);
        const mark = systemKey(prefix, "spare", `${this.#name.length}:${this.#name}${identity}`);
        if ((await driver.apply(mark, { op: "add", value: "1", ttlMs, prolong: false } as const, call)) !== undefined) continue;
        if ((await driver.apply(this.#key, { op: "listDel", members: [member] } as const, call)) === 1) popped.push(member);
        // Somebody took it who spares none.
        else await driver.del([mark], call);
      }
    }
    return popped;
  }

  /** Removes the whole list. @returns whether there was one */
  async clear(options?: CallOptions): Promise<boolean> {
    checkOptions(options, callOptions, "list.clear");
    const count = await this.#core.calls.run("list.clear", false, options, (call) => this.#core.driver.del([this.#key], call));
    return count > 0;
  }

  async #pick<T>(op: string, count: number, remove: boolean, options: CallOptions | undefined): Promise<T[]> {
    checkOptions(options, callOptions, op);
    const operation = { op: "listPick", count: checkInteger(count, "count", 1, 100_000), remove } as const;
    return this.#decodeAll(await this.#core.apply(op, this.#key, operation, options));
  }

  #encodeAll(members: readonly unknown[]): Stored[] {
    if (!Array.isArray(members)) throw invalid("members", "a list");
    return members.map((member) => this.#core.codec.encode(member));
  }

  #decodeAll<T>(members: readonly Stored[]): T[] {
    return members.map((member) => this.#core.decode(member) as T);
  }
}
