// What must not happen before a transaction has ended well: telling somebody of what it writes, removing bytes that its rows named.

import { AsyncLocalStorage } from "node:async_hooks";

import type { ModuleDb } from "./database.js";

type Effect = () => Promise<void>;

const waiting = new AsyncLocalStorage<Effect[]>();

/** Does something now, or, within `committed`, when that has ended well; then it is not waited for here. */
export async function afterCommit(effect: Effect): Promise<void> {
  const effects = waiting.getStore();
  if (effects === undefined) await effect();
  else effects.push(effect);
}

/** Runs a transaction, and then what was left for its end. What is undone has no effects. */
export async function committed<T>(db: Pick<ModuleDb, "transaction">, work: () => Promise<T>): Promise<T> {
  const { result, effects } = await db.transaction(async () => {
    // Each attempt has its own.
    const own: Effect[] = [];
    return { result: await waiting.run(own, work), effects: own };
  });
  for (const effect of effects) await effect();
  return result;
}
