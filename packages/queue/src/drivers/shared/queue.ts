// Work queues of the processes of one machine, kept in the memory of one of them.

import type { Clock, Log } from "@bk/core";
import { type SharedCaller, SharedLink, type SharedService } from "@bk/core/shared";

import type { DeadMessage, NewMessage, QueueDriver, QueueDriverOptions, Submitted, Taken, Verdict, Which } from "../../queue/driver.js";
import { localQueue, localQueueCapabilities } from "../local/queue.js";
import { sharedPlace } from "./place.js";

/** A delivery as it travels: the number stands for it in the process that keeps the queue. */
interface Delivery extends Taken {
  readonly token: number;
}

type Held = Pick<Delivery, "id" | "token">;

type QueueCall = { readonly queue: string } & (
  | { readonly do: "submit"; readonly messages: readonly NewMessage[] }
  | { readonly do: "take"; readonly count: number; readonly visibilityMs: number; readonly waitMs: number }
  | { readonly do: "extend"; readonly held: readonly Held[]; readonly visibilityMs: number }
  | { readonly do: "settle"; readonly settlements: readonly (Held & { readonly verdict: Verdict })[] }
  | { readonly do: "stats" | "purge" }
  | { readonly do: "remove"; readonly ids: readonly string[] }
  | { readonly do: "deadList"; readonly count: number; readonly start: string | undefined }
  | { readonly do: "deadRetry" | "deadPurge"; readonly which: Which }
);

/** A call but for its queue. */
type Asked<Call = QueueCall> = Call extends unknown ? Omit<Call, "queue"> : never;

/** A queue, and its deliveries that run, by their messages' ids. */
interface OneQueue {
  readonly driver: Promise<QueueDriver>;
  readonly taken: Map<string, { readonly token: number; readonly taken: Taken }>;
}

/** The queues in the process that keeps them. */
class SharedQueues implements SharedService {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #queues = new Map<string, OneQueue>();
  #lastToken = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  async call(body: QueueCall, _caller: SharedCaller, signal: AbortSignal): Promise<unknown> {
    const { driver: opening, taken } = this.#queueOf(body.queue);
    const driver = await opening;
    // A delivery that is not known is one that came back to somebody else, or was settled.
    const known = ({ id, token }: Held): Taken => {
      const found = taken.get(id);
      return found?.token === token ? found.taken : { id, body: "", attempt: 0 };
    };
    switch (body.do) {
      case "submit":
        return driver.submit(body.messages);
      case "take": {
        const { count, visibilityMs, waitMs } = body;
        const found = await driver.take({ count, visibilityMs, waitMs, signal });
        return found.map((one): Delivery => {
          const token = ++this.#lastToken;
          taken.set(one.id, { token, taken: one });
          return { ...one, token };
        });
      }
      case "extend":
        return driver.extend(body.held.map(known), body.visibilityMs);
      case "settle": {
        const had = await driver.settle(body.settlements.map(({ verdict, ...held }) => ({ taken: known(held), verdict })));
        body.settlements.forEach(({ id, token }) => {
          if (taken.get(id)?.token === token) taken.delete(id);
        });
        return had;
      }
      case "stats":
        return driver.stats();
      case "purge":
        return driver.purge!();
      case "remove":
        return driver.remove!(body.ids);
      case "deadList":
        return driver.dead!.list(body.count, body.start);
      case "deadRetry":
        return driver.dead!.retry(body.which);
      case "deadPurge":
        return driver.dead!.purge(body.which);
    }
  }

  #queueOf(name: string): OneQueue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const options = { url: "local:", queue: name, options: {}, clock: this.#clock, log: this.#log };
    const made: OneQueue = { driver: localQueue(options), taken: new Map() };
    this.#queues.set(name, made);
    return made;
  }
}

/** The ways to stores that this process has open: the one that keeps a store keeps it until its last user here is gone. */
const links = new Map<string, { readonly link: SharedLink; users: number }>();

/**
 * The driver of `shared:`. In a cluster of Node the primary keeps the queues, and has to open one too; else the first process that does.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option
 */
export async function sharedQueue(given: QueueDriverOptions): Promise<QueueDriver> {
  const { queue, clock, log } = given;
  const { path, host } = sharedPlace("queue", given);
  const shared = links.get(path) ?? {
    link: new SharedLink({ path, service: () => new SharedQueues(clock, log), log, ...(host === undefined ? {} : { host }) }),
    users: 0,
  };
  links.set(path, shared);
  shared.users++;
  const { link } = shared;
  let isClosed = false;
  const ask = async <T>(call: Asked, signal?: AbortSignal): Promise<T> => (await link.call({ queue, ...call }, signal)) as T;
  const held = (taken: Taken): Held => ({ id: taken.id, token: (taken as Delivery).token });
  return {
    name: "shared",
    capabilities: { ...localQueueCapabilities, durable: "host", reach: "host" },
    ready: () => (link.isReady ? undefined : link.ready()),
    submit: (messages) => ask<readonly Submitted[]>({ do: "submit", messages }),
    take: ({ count, visibilityMs, waitMs, signal }) =>
      signal.aborted ? Promise.resolve([]) : ask<readonly Delivery[]>({ do: "take", count, visibilityMs, waitMs }, signal),
    extend: (taken, visibilityMs) => ask<readonly boolean[]>({ do: "extend", held: taken.map(held), visibilityMs }),
    settle: (settlements) =>
      ask<readonly boolean[]>({ do: "settle", settlements: settlements.map(({ taken, verdict }) => ({ ...held(taken), verdict })) }),
    stats: () => ask({ do: "stats" }),
    purge: () => ask<number>({ do: "purge" }),
    remove: (ids) => ask<number>({ do: "remove", ids }),
    dead: {
      list: (count, start) => ask<{ rows: readonly DeadMessage[]; next?: string }>({ do: "deadList", count, start }),
      retry: (which) => ask<number>({ do: "deadRetry", which }),
      purge: (which) => ask<number>({ do: "deadPurge", which }),
    },
    // What goes wrong on the way is told in errors of ours.
    classify: () => undefined,
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (--shared.users > 0) return;
      links.delete(path);
      await link.close();
    },
  };
}
