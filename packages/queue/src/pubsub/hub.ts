// The subscriptions of one bus on the engine: one for each channel or pattern, however many subscribers it has here.

import type { QueueError } from "../errors.js";
import type { Pattern } from "./channels.js";
import type { EngineSubscription, Payload, PubSubDriver, Sink } from "./driver.js";
import type { Source, Subscription } from "./subscription.js";

export class Hub {
  readonly #driver: PubSubDriver;
  readonly #errorOf: (error: unknown, op: string, target: string) => QueueError;
  readonly #entries = new Map<string, Entry>();

  constructor(driver: PubSubDriver, errorOf: (error: unknown, op: string, target: string) => QueueError) {
    this.#driver = driver;
    this.#errorOf = errorOf;
  }

  /**
   * Adds a subscriber; resolves when the engine has taken the subscription.
   *
   * @param pattern  with the prefix of the bus
   * @throws native errors, and errors of this package
   */
  join(
    pattern: Pattern,
    group: string | undefined,
    subscription: Subscription,
  ): { readonly source: Source; readonly taken: Promise<void> } {
    const entry = this.#entryOf(pattern, group);
    entry.users.add(subscription);
    return {
      source: { leave: () => this.#leave(entry, subscription) },
      taken: entry.opening,
    };
  }

  #entryOf(pattern: Pattern, group: string | undefined): Entry {
    // Each member of a group is one on the engine, which shares the messages out.
    const key = group === undefined ? pattern.text : undefined;
    const known = key === undefined ? undefined : this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = new Entry(key, pattern, (error) => this.#failed(entry, error));
    if (key !== undefined) this.#entries.set(key, entry);
    entry.opening = this.#open(entry, { pattern: pattern.text, isWild: pattern.isWild, group });
    // Those who wait for it have their own promises.
    entry.opening.catch(() => undefined);
    return entry;
  }

  async #open(entry: Entry, wanted: Parameters<PubSubDriver["subscribe"]>[0]): Promise<void> {
    try {
      await this.#driver.ready();
      entry.onEngine = await this.#driver.subscribe(wanted, entry);
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
    if (entry.users.size === 0) await this.#end(entry);
  }

  async #leave(entry: Entry, subscription: Subscription): Promise<void> {
    if (entry.users.delete(subscription) && entry.users.size === 0 && entry.onEngine !== undefined) entry.ending = this.#end(entry);
    await entry.ending;
  }

  async #end(entry: Entry): Promise<void> {
    this.#forget(entry);
    try {
      await entry.onEngine!.close();
    } catch {
      // The connection is lost, and with it the subscription.
    }
  }

  #failed(entry: Entry, error: unknown): void {
    this.#forget(entry);
    const reason = this.#errorOf(error, "subscribe", entry.pattern.text);
    for (const user of entry.users) user.fail(reason);
  }

  #forget(entry: Entry): void {
    if (entry.key !== undefined && this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
  }
}

class Entry implements Sink {
  readonly users = new Set<Subscription>();
  opening: Promise<void> = Promise.resolve();
  onEngine: EngineSubscription | undefined;
  ending: Promise<void> | undefined;
  readonly key: string | undefined;
  readonly pattern: Pattern;
  readonly failed: (error: unknown) => void;

  constructor(key: string | undefined, pattern: Pattern, failed: (error: unknown) => void) {
    this.key = key;
    this.pattern = pattern;
    this.failed = failed;
  }

  deliver(channel: string, payload: Payload): void {
    if (this.pattern.isWild && !this.pattern.matches(channel)) return;
    for (const user of this.users) user.push(channel, payload);
  }

  missed(): void {
    for (const user of this.users) user.missed();
  }
}
