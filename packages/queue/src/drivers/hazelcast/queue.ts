// Work queues on Hazelcast: a map holds the messages and is the truth, a queue of hints says which wait.

import type { NewMessage, QueueCapabilities, QueueDriver, QueueDriverOptions, Settlement, Taken, TakeRequest } from "../../queue/driver.js";
import { HazelcastLink, loadHazelcast } from "./connection.js";
import { listDead, purgeDead, retryDead } from "./dead.js";
import { HintWaiter } from "./hint-waiter.js";
import { hazelcastOptions } from "./options.js";
import { HazelcastPlace } from "./place.js";
import { type HazelcastTaken, type Record } from "./record.js";
import { countRecords, purgeWaiting, removeWaiting, submitRecords } from "./steps.js";
import { Taker } from "./taker.js";

const capabilities: QueueCapabilities = Object.freeze({
  durable: "host",
  reach: "network",
  visibility: "timeout",
  delay: true,
  priorities: false,
  groups: false,
  dedupe: "pending",
  dead: true,
  stats: ["waiting", "delayed", "running", "dead"] as const,
  remove: true,
  purge: true,
  transactions: false,
  most: { submit: 1000, take: 500, settle: 500 },
});

/**
 * `hazelcast://user:password@host1:5701,host2/cluster`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function hazelcastQueue(options: QueueDriverOptions): Promise<QueueDriver> {
  const settings = hazelcastOptions(options);
  const { clock, queue } = options;
  const module = await loadHazelcast();
  const place = new HazelcastPlace(module, settings.prefix + queue);
  const use = { prepare: place.prepare.bind(place), isWanted: () => false };
  const link = new HazelcastLink(settings, module, use, options);
  const taker = new Taker(place, clock);
  const waiter = new HintWaiter({ poll: (ms) => place.hints.poll(ms), giveBack: (hint) => place.hints.offer(hint) }, clock);
  /** Something of this queue is due in `ms`. */
  const dueIn = (ms: number): void => {
    if (taker.lookBy(clock.now() + ms)) waiter.wake();
  };

  async function take(request: TakeRequest): Promise<readonly Taken[]> {
    const { signal, waitMs } = request;
    const until = clock.now() + waitMs;
    for (const hints: string[] = []; ;) {
      const waiting = link.ready();
      if (waiting !== undefined) await waiting;
      const taken = await taker.take(request, hints.splice(0));
      const leftMs = until - clock.now();
      if (taken.length > 0 || leftMs <= 0 || signal.aborted) return taken;
      const hint = await waiter.wait(Math.min(leftMs, taker.untilLookMs()), signal);
      if (hint !== undefined) hints.push(hint);
      else if (signal.aborted) return [];
    }
  }

  async function settleOne({ taken: given, verdict }: Settlement): Promise<boolean> {
    const taken = given as HazelcastTaken;
    if (verdict.kind === "done") return place.change(taken, undefined);
    const now = clock.now();
    if (verdict.kind === "dead") return place.kill(taken, verdict.error, now);
    const { m, id, n, body } = taken.record;
    const again: Record = { s: "d", due: now + verdict.delayMs, m, id, n: verdict.counts ? n : n - 1, body };
    const had = await place.change(taken, again);
    if (had) dueIn(verdict.delayMs);
    return had;
  }

  return {
    name: "hazelcast",
    capabilities,
    ready: () => link.ready(),
    async submit(messages: readonly NewMessage[]) {
      const replies = await submitRecords(place, messages, clock.now());
      for (const { delayMs } of messages) if (delayMs > 0) dueIn(delayMs);
      return replies;
    },
    take,
    extend: (taken, visibilityMs) =>
      Promise.all(
        (taken as readonly HazelcastTaken[]).map((each) => place.change(each, { ...each.record, due: clock.now() + visibilityMs })),
      ),
    settle: (settlements) => Promise.all(settlements.map(settleOne)),
    stats: () => countRecords(place, clock.now()),
    purge: () => purgeWaiting(place),
    remove: (ids) => removeWaiting(place, ids),
    dead: {
      list: (count, start) => listDead(place, count, start),
      async retry(which) {
        const count = await retryDead(place, which, clock.now());
        if (count > 0) dueIn(0);
        return count;
      },
      purge: (which) => purgeDead(place, which),
    },
    classify: link.classify,
    async close() {
      waiter.close();
      await link.close();
    },
  };
}
