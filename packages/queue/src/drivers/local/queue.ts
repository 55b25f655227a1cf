// Work queues in this process's memory: for development, for tests, and for work that may be lost when the process ends.

import { type Clock, onAbort, parseConnectUrl, readOptions, turnGiver } from "@bk/core";

import { wrongOption } from "../../errors.js";
import type { QueueCapabilities, QueueDriver, QueueDriverOptions, Taken, TakeRequest } from "../../queue/driver.js";
import { MessageStore } from "./store.js";

export const localQueueCapabilities: QueueCapabilities = Object.freeze({
  durable: "process",
  reach: "process",
  visibility: "timeout",
  delay: true,
  priorities: true,
  groups: true,
  dedupe: "pending",
  dead: true,
  stats: ["waiting", "delayed", "running", "dead"] as const,
  remove: true,
  purge: true,
  transactions: false,
  most: { submit: 10_000, take: 10_000, settle: 10_000 },
});

/** A store and the takes that wait for messages of it. */
class Shared {
  readonly store = new MessageStore();
  readonly #waiting = new Set<() => void>();
  users = 0;

  /** Calls back once: when something may be taken, or when all are called. */
  wait(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => void this.#waiting.delete(callback);
  }

  /** Wakes one take, if there is something to take. Takes that find more than they want wake the next one. */
  offer(): void {
    if (!this.store.canTake) return;
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#waiting.delete(first);
    first();
  }

  /** When the next change by itself may have come nearer, those who sleep until then look again. */
  wakeAll(): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const each of all) each();
  }
}

/** Stores with a name, which several openers of this process share: `local:name`. */
const named = new Map<string, Shared>();

/** The driver of `local:`, a queue of its own, and `local:name`, one that all openers of that name in this process share. */
export function localQueue({ url, options, queue, clock }: QueueDriverOptions): Promise<QueueDriver> {
  const parsed = parseConnectUrl(url);
  readOptions({ ...parsed.options, ...options }, {}, wrongOption("local"));
  const key = parsed.path === undefined ? undefined : `${parsed.path}\0${queue}`;
  const shared = (key === undefined ? undefined : named.get(key)) ?? new Shared();
  if (key !== undefined) named.set(key, shared);
  shared.users++;
  const { store } = shared;
  const answer = <T>(work: (now: number) => T): Promise<T> => {
    const now = clock.now();
    store.wake(now);
    const next = store.nextAt() ?? Infinity;
    const result = work(now);
    shared.offer();
    // Those who sleep until something is due have to learn that it is sooner.
    if ((store.nextAt() ?? Infinity) < next) shared.wakeAll();
    return Promise.resolve(result);
  };
  // Takes and handlers that end at once would go on in one turn until nothing waits: no timer would run, and nothing would be settled.
  const giveTurn = turnGiver(clock);
  let isClosed = false;
  return Promise.resolve({
    name: "local",
    capabilities: localQueueCapabilities,
    submit: (messages) => answer((now) => messages.map((message) => store.submit(message, now))),
    take: (request) => take(shared, clock, request, giveTurn),
    extend: (taken, visibilityMs) => answer((now) => taken.map((each) => store.extend(each, visibilityMs, now))),
    settle: (settlements) => answer((now) => settlements.map((settlement) => store.settle(settlement, now))),
    stats: () => answer(() => store.stats()),
    purge: () => answer(() => store.purge()),
    remove: (ids) => answer(() => store.remove(ids)),
    dead: {
      list: (count, start) => answer(() => store.listDead(count, start)),
      retry: (which) => answer((now) => store.retryDead(which, now)),
      purge: (which) => answer(() => store.purgeDead(which)),
    },
    classify: () => undefined,
    close() {
      if (!isClosed && --shared.users === 0 && key !== undefined) named.delete(key);
      isClosed = true;
      return Promise.resolve();
    },
  });
}

async function take(shared: Shared, clock: Clock, request: TakeRequest, giveTurn: ReturnType<typeof turnGiver>): Promise<readonly Taken[]> {
  const { store } = shared;
  const until = clock.now() + request.waitMs;
  const turn = giveTurn();
  if (turn !== undefined) await turn;
  for (;;) {
    const now = clock.now();
    store.wake(now);
    const next = store.nextAt() ?? Infinity;
    const taken = request.signal.aborted ? [] : store.take(request, now);
    // There may be more: for the next one.
    shared.offer();
    if ((store.nextAt() ?? Infinity) < next) shared.wakeAll();
    if (taken.length > 0 || request.signal.aborted || now >= until) return taken;
    await change(shared, clock, request.signal, Math.min(until, store.nextAt() ?? Infinity) - now);
  }
}

/** Waits until something may be taken, the time has passed or the signal aborts. */
function change(shared: Shared, clock: Clock, signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = (): void => {
      stopWaiting();
      stopListening();
      over.abort();
      resolve();
    };
    const stopWaiting = shared.wait(end);
    const stopListening = onAbort(signal, end);
    // It ends early when something happens before.
    clock.sleep(ms, over.signal).then(end, () => undefined);
  });
}
