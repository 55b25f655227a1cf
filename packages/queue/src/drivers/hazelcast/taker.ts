// Taking messages: what is due first, then what the hints name.

import type { Clock } from "@bk/core";

import type { TakeRequest } from "../../queue/driver.js";
import type { HazelcastPlace } from "./place.js";
import { type HazelcastTaken, type Json, partsOf, recordOf } from "./record.js";

/** How often a consumer that waits looks for what is due by itself: what was delayed, what consumers that are gone had. */
const lookMs = 250;
/** A message that waits for so long after its turn has lost its hint: with a consumer that was killed in the middle of a take, say. */
const graceMs = 2000;
/** Most that one look reads. */
const lookCount = 1000;

/** What was read and may be taken. */
type Found = readonly [key: string, json: Json];

export class Taker {
  readonly #place: HazelcastPlace;
  readonly #clock: Clock;
  readonly #maker: string;
  #takes = 0;
  #lookAt = -Infinity;
  /** Hints that were made before this time have had their turn. */
  #passed = -Infinity;

  constructor(place: HazelcastPlace, clock: Clock) {
    this.#place = place;
    this.#clock = clock;
    this.#maker = Buffer.from(clock.randomBytes(9)).toString("base64url");
  }

  /** Something is due at this time: whether that is sooner than was known. */
  lookBy(at: number): boolean {
    if (at >= this.#lookAt) return false;
    this.#lookAt = at;
    return true;
  }

  untilLookMs(): number {
    return Math.max(1, this.#lookAt - this.#clock.now());
  }

  /** @param hints  those that came already */
  async take({ count, visibilityMs, signal }: TakeRequest, hints: readonly string[]): Promise<HazelcastTaken[]> {
    const owner = `${this.#maker}${(this.#takes++).toString(36)}`;
    const claim = (found: readonly Found[]): Promise<HazelcastTaken[]> => this.#claim(found, owner, visibilityMs);
    const taken: HazelcastTaken[] = [];
    let given = hints;
    if (given.length === 0 && this.#clock.now() >= this.#lookAt) taken.push(...(await this.#look(count, claim)));
    while (taken.length < count && !signal.aborted) {
      const wanted = count - taken.length;
      const named = [...given];
      given = [];
      const now = this.#clock.now();
      if (named.length < wanted) await this.#place.hints.drainTo(named, wanted - named.length);
      this.#passed = named.length < wanted ? now : partsOf(named.at(-1)!).at;
      if (named.length === 0) break;
      taken.push(...(await claim(await this.#read(named))));
      // With something in hand there is nothing to wait for.
      if (taken.length > 0) break;
    }
    return taken;
  }

  /** Those of the hints that do wait. */
  async #read(hints: readonly string[]): Promise<Found[]> {
    const keys = [...new Set(hints.map((hint) => partsOf(hint).key))];
    // In no order, and without those that are missing.
    const there = new Map(await this.#place.messages.getAll(keys));
    return keys.flatMap((key): Found[] => {
      const json = there.get(key);
      return json === undefined || json === null || recordOf(json).s !== "w" ? [] : [[key, json]];
    });
  }

  async #look(count: number, claim: (found: readonly Found[]) => Promise<HazelcastTaken[]>): Promise<HazelcastTaken[]> {
    const { Predicates } = this.#place.module;
    const now = this.#clock.now();
    const before = this.#lookAt;
    this.#lookAt = now + lookMs;
    try {
      const late = Predicates.lessEqual("hint", Math.max(0, this.#passed - graceMs));
      const meant = Predicates.or(Predicates.lessEqual("due", now), late);
      const most = Math.min(lookCount, 2 * count + 4);
      const found = (await this.#place.messages.entrySetWithPredicate(Predicates.paging(meant, most))) as readonly Found[];
      const taken: HazelcastTaken[] = [];
      let at = 0;
      while (at < found.length && taken.length < count) {
        const some = found.slice(at, at + count - taken.length);
        at += some.length;
        taken.push(...(await claim(some)));
      }
      if (at < found.length || found.length === most) this.#lookAt = now;
      return taken;
    } catch (error) {
      this.#lookAt = before;
      throw error;
    }
  }

  async #claim(found: readonly Found[], owner: string, visibilityMs: number): Promise<HazelcastTaken[]> {
    const due = this.#clock.now() + visibilityMs;
    const results = await Promise.allSettled(
      found.map(async ([key, json]) => {
        const record = recordOf(json);
        if (record.s !== "x") return this.#place.claim(key, json, record, owner, due);
        await this.#place.bury(key, json, record);
        return undefined;
      }),
    );
    const taken = results.flatMap((result) => (result.status === "fulfilled" && result.value !== undefined ? [result.value] : []));
    const failed = results.find((result) => result.status === "rejected");
    // What was taken is a reply; without any, the error is.
    if (failed !== undefined && taken.length === 0) throw failed.reason;
    if (taken.length > 0) this.lookBy(due);
    return taken;
  }
}
