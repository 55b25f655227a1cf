// Renewal: messages whose handlers run are kept hidden, all of a listener in one request.

import type { Delivery } from "./delivery.js";
import type { Engine } from "./engine.js";

export interface RenewalParts {
  readonly engine: Engine;
  readonly visibilityTimeoutMs: number;
  /** The deliveries whose messages this consumer has. */
  readonly held: () => readonly Delivery[];
  /** One of them is not this consumer's any more. */
  readonly lose: (delivery: Delivery) => void;
}

/**
 * Renews every third of the visibility timeout, until the signal aborts. A message that cannot be renewed until its timeout has
 * passed counts as lost: somebody else may have it.
 */
export async function renewUntil(signal: AbortSignal, parts: RenewalParts): Promise<void> {
  const { engine, visibilityTimeoutMs } = parts;
  if (engine.driver.capabilities.visibility !== "timeout") return;
  const { clock } = engine.options;
  /** When this process last knew that it had a message. */
  const knownAt = new WeakMap<Delivery, number>();
  for (;;) {
    try {
      await clock.sleep(visibilityTimeoutMs / 3, signal);
    } catch {
      // It is over: the only thing that ends a sleep early.
      return;
    }
    const held = parts.held();
    const { settle: most } = engine.driver.capabilities.most;
    for (let from = 0; from < held.length; from += most) await renew(held.slice(from, from + most), knownAt, parts);
  }
}

async function renew(group: readonly Delivery[], knownAt: WeakMap<Delivery, number>, parts: RenewalParts): Promise<void> {
  const { engine, visibilityTimeoutMs, lose } = parts;
  const { clock, log, queue } = engine.options;
  const asked = group.filter((delivery) => !delivery.isSettled);
  if (asked.length === 0) return;
  const askedAt = clock.now();
  // An answer that comes later would not leave the time for another try.
  const limits = { timeoutMs: Math.max(1, Math.floor(visibilityTimeoutMs / 3)) };
  const taken = asked.map((delivery) => delivery.taken);
  try {
    const still = await engine.request("extend", true, (driver, signal) => driver.extend(taken, visibilityTimeoutMs, signal), limits);
    asked.forEach((delivery, index) => {
      if (still[index] === true) knownAt.set(delivery, askedAt);
      // One that was settled meanwhile is gone because it was.
      else if (!delivery.isSettled) lose(delivery);
    });
  } catch (error) {
    log.warn("messages could not be renewed", { queue, error });
    const now = clock.now();
    for (const delivery of asked)
      if (!delivery.isSettled && now - (knownAt.get(delivery) ?? delivery.takenAt) >= visibilityTimeoutMs) lose(delivery);
  }
}
