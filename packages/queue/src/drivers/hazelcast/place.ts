// The maps and the queue that one work queue lies in, and the changes of one message.

import type { IMap, IQueue } from "hazelcast-client";

import type { HazelcastClient, HazelcastLink, HazelcastModule } from "./connection.js";
import { type DeadRecord, deadKeyOf, type HazelcastTaken, type Json, type Record, recordOf } from "./record.js";

/** How long a dead message may lie between the two maps before somebody else moves it. */
const movingMs = 5000;
/** A change that is not taken so often, though nobody else made one, will never be. */
const mostTries = 20;

export class HazelcastPlace {
  readonly module: HazelcastModule;
  readonly #name: string;
  #messages: IMap<string, Json> | undefined;
  #dead: IMap<string, Json> | undefined;
  #hints: IQueue<string> | undefined;

  constructor(module: HazelcastModule, name: string) {
    this.module = module;
    this.#name = name;
  }

  get messages(): IMap<string, Json> {
    return this.#messages!;
  }

  /** The dead ones. */
  get dead(): IMap<string, Json> {
    return this.#dead!;
  }

  /** Keys of messages that wait, in order. It may lack some and have too many: what counts is in the map. */
  get hints(): IQueue<string> {
    return this.#hints!;
  }

  /** Indexes are lost when the last member ends; one that is there is left as it is. */
  async prepare(client: HazelcastClient, link: HazelcastLink): Promise<void> {
    const [messages, dead, hints] = await Promise.all([
      client.getMap<string, Json>(this.#name),
      client.getMap<string, Json>(`${this.#name}:dead`),
      client.getQueue<string>(this.#name),
    ]);
    await Promise.all([
      messages.addIndex({ type: "SORTED", attributes: ["due"] }),
      messages.addIndex({ type: "SORTED", attributes: ["hint"] }),
      messages.addIndex({ type: "HASH", attributes: ["s"] }),
      messages.addIndex({ type: "HASH", attributes: ["m"] }),
      dead.addIndex({ type: "HASH", attributes: ["id"] }),
    ]);
    this.#messages = link.guarded(messages, client);
    this.#dead = link.guarded(dead, client);
    this.#hints = link.guarded(hints, client);
  }

  jsonOf(record: Record | DeadRecord): Json {
    return new this.module.HazelcastJsonValue(JSON.stringify(record));
  }

  /** Takes a message as it was read; undefined when it is another one by now. */
  async claim(key: string, json: Json, record: Record, owner: string, due: number): Promise<HazelcastTaken | undefined> {
    const { m, id, n, body } = record;
    const next: Record = { s: "r", due, m, id, n: n + 1, owner, body };
    const own = this.jsonOf(next);
    if (!(await this.messages.replaceIfSame(key, json, own))) return undefined;
    return { id, body, attempt: n + 1, key, record: next, json: own };
  }

  /**
   * Changes a message that was taken, or removes it.
   *
   * @returns whether this consumer still had it
   */
  async change(taken: HazelcastTaken, next: Record | undefined): Promise<boolean> {
    const json = next === undefined ? undefined : this.jsonOf(next);
    for (let tries = 0; tries < mostTries; tries++) {
      const { key } = taken;
      const isDone =
        json === undefined ? await this.messages.remove(key, taken.json) : await this.messages.replaceIfSame(key, taken.json, json);
      if (isDone === true) {
        if (next !== undefined) Object.assign(taken, { record: next, json });
        return true;
      }
      const there = await this.messages.get(key);
      if (there === null) return false;
      const record = recordOf(there);
      if (record.s !== "r" || record.owner !== taken.record.owner) return false;
      // It was renewed by a call whose reply did not come, or which runs beside this one.
      Object.assign(taken, { record, json: there });
    }
    throw new Error("the map does not replace what it has");
  }

  /** Lets a message that was taken be a dead one. From the first step on it is; whoever looks later does the others. */
  async kill(taken: HazelcastTaken, error: string, now: number): Promise<boolean> {
    const { m, id, n, body } = taken.record;
    const next: Record = { s: "x", due: now + movingMs, m, id, n, at: now, error, body };
    if (!(await this.change(taken, next))) return false;
    try {
      await this.bury(taken.key, taken.json, next);
    } catch {
      // The next look does it.
    }
    return true;
  }

  /** Moves a dead message from the map of messages to its own. Done twice, it is the same. */
  async bury(key: string, json: Json, { id, n, body, at = 0, error = "" }: Record): Promise<void> {
    const record: DeadRecord = { id, key, n, at, error, body };
    await this.dead.set(deadKeyOf(record), this.jsonOf(record));
    await this.messages.remove(key, json);
  }
}
