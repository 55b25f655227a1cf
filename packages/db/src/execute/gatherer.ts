// Gathering: calls of one tick that one command serves are sent to the engine together.

import type { BkError } from "@bk/core";

import type { Reply, Values } from "../driver.js";
import { afterCallbacks } from "./after-callbacks.js";
import { type PartLimit, Parts } from "./parts.js";
import type { CallEvent } from "./tracing.js";

/** A reply or an error for each member of a group. */
export type Replies = readonly (Reply | BkError)[];

export interface Member {
  readonly key: string;
  readonly trace: CallEvent | undefined;
  readonly values: Values;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

export interface GathererOptions {
  /** What one request carries. */
  readonly limit: PartLimit;
  /** Most requests of this command at once; further calls are gathered meanwhile. */
  readonly maxRunning: number;
  /** Equal keys share one reply (reads); else no two members of a group have one key (the callers see to it). */
  readonly share: boolean;
  /** `members` are the calls that the request serves, those that share a reply included. */
  readonly one: (values: Values, signal: AbortSignal | undefined, members: readonly Member[]) => Reply | Promise<Reply>;
  readonly many: (group: readonly Values[], members: readonly Member[]) => Promise<Replies> | Replies;
  /** Whether an error of `many` means that nothing of the group took effect. */
  readonly didNothing: (error: unknown) => boolean;
  /** The error of this package for what `many` threw. */
  readonly known: (error: unknown) => BkError;
}

// Its callbacks are microtasks, at a third of what queueMicrotask costs.
const resolved = Promise.resolve();

/**
 * Collects the calls of one tick and sends them as few requests. Grouping never changes an outcome: a group that failed
 * without doing anything is taken apart and its members are tried alone; a cancelled call leaves its group.
 */
export class Gatherer {
  readonly #options: GathererOptions;
  readonly #waiting: Parts<Member>;
  #scheduled = false;
  #running = 0;
  #alone = true;

  constructor(options: GathererOptions) {
    this.#options = options;
    this.#waiting = new Parts(options.limit);
  }

  /** Whether the caller may send at once, being the first of this tick and nothing waiting; those that come after it are gathered. */
  goAhead(): boolean {
    if (!this.#alone || !this.#waiting.isEmpty || this.#running > 0) return false;
    this.#alone = false;
    // Before the callbacks of the caller's own promise, so that one call after another goes ahead each time.
    void resolved.then(this.#endTurn);
    return true;
  }

  readonly #endTurn = (): void => {
    this.#alone = true;
  };

  add(key: string, values: Values, signal?: AbortSignal, trace?: CallEvent): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ key, trace, values, signal, resolve, reject });
      this.#schedule();
    });
  }

  flush(): void {
    while (this.#running < this.#options.maxRunning) {
      const members = this.#waiting.take(this.#options.maxRunning - this.#running);
      if (members === undefined) return;
      this.#running++;
      if (members.length === 1 && members[0]!.signal === undefined) {
        this.#lone(members[0]!);
        continue;
      }
      const sent = this.#send(members);
      const gone = givenUp(members);
      // Callers that have given up leave their place to others, though the engine may never answer.
      void (gone === undefined ? sent : Promise.race([sent, gone])).finally(this.#ended);
    }
  }

  readonly #ended = (): void => {
    this.#running--;
    if (!this.#waiting.isEmpty) this.#schedule();
  };

  /** Most calls over a network are alone in their tick: they cost no promise more than that of the engine. */
  #lone(member: Member): void {
    const { values, resolve, reject } = member;
    try {
      const reply = this.#options.one(values, undefined, [member]);
      if (reply instanceof Promise)
        reply.then(
          (done) => {
            this.#ended();
            resolve(done);
          },
          (error: unknown) => {
            this.#ended();
            reject(error);
          },
        );
      else {
        this.#ended();
        resolve(reply);
      }
    } catch (error) {
      this.#ended();
      reject(error);
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the promise callbacks that are due now, so that calls made in them join (the way of DataLoader).
    void resolved.then(this.#afterCallbacks);
  }

  readonly #afterCallbacks = (): void => afterCallbacks(this.#flushNow);

  readonly #flushNow = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  async #send(all: readonly Member[]): Promise<void> {
    const members = all.some(({ signal }) => signal?.aborted) ? all.filter((member) => !leave(member)) : all;
    if (members.length === 1) return this.#one(members);
    const { values, places } = this.#options.share
      ? distinct(members)
      : { values: members.map((member) => member.values), places: undefined };
    if (values.length > 1) {
      try {
        const replies = await this.#options.many(values, members);
        for (let i = 0; i < members.length; i++) settle(members[i]!, replies[places === undefined ? i : places[i]!]!);
        return;
      } catch (error) {
        // Otherwise each member is tried alone and gets its own outcome.
        if (!this.#options.didNothing(error)) return members.forEach((member) => member.reject(this.#options.known(error)));
      }
    }
    const groups =
      places === undefined ? members.map((member) => [member]) : values.map((_, at) => members.filter((_member, i) => places[i] === at));
    await Promise.all(groups.map((group) => this.#one(group)));
  }

  async #one(group: readonly Member[]): Promise<void> {
    try {
      const signal = group.length === 1 ? group[0]!.signal : undefined;
      const reply = await this.#options.one(group[0]!.values, signal, group);
      for (const member of group) member.resolve(reply);
    } catch (error) {
      for (const member of group) member.reject(error);
    }
  }
}

function settle(member: Member, reply: Reply | Error): void {
  if (reply instanceof Error) member.reject(reply);
  else member.resolve(reply);
}

/** Settles when every caller has given up; undefined where one of them never does. */
function givenUp(members: readonly Member[]): Promise<unknown> | undefined {
  if (members.some((member) => member.signal === undefined)) return undefined;
  const aborted = ({ signal }: Member): Promise<unknown> =>
    new Promise((resolve) => {
      if (signal!.aborted) resolve(undefined);
      else signal!.addEventListener("abort", resolve, { once: true });
    });
  return Promise.all(members.map(aborted));
}

function leave(member: Member): boolean {
  if (!member.signal?.aborted) return false;
  member.reject(member.signal.reason);
  return true;
}

/** The values of each key once, and for each member the place of its own among them. */
function distinct(members: readonly Member[]): { readonly values: readonly Values[]; readonly places: readonly number[] } {
  const known = new Map<string, number>();
  const values: Values[] = [];
  const places = new Array<number>(members.length);
  for (let i = 0; i < members.length; i++) {
    const member = members[i]!;
    let place = known.get(member.key);
    if (place === undefined) {
      place = values.push(member.values) - 1;
      known.set(member.key, place);
    }
    places[i] = place;
  }
  return { values, places };
}
