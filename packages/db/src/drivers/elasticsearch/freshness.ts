// Which indexes must be refreshed before they are searched, so that what was written is found.

import type { Refresh } from "./options.js";

export interface Freshness {
  /** What was written to an index was acknowledged, or may have been done. */
  wrote(index: string): void;
  /** Waits until a search finds what was written before; undefined where there is nothing to wait for. */
  before(index: string, isConsistent: boolean): Promise<void> | undefined;
}

interface State {
  /** Counts writes. */
  written: number;
  /** The writes that can be found. */
  found: number;
  running: Promise<void> | undefined;
  /** The refresh after the one that runs: it is shared by all who come before it begins. */
  next: Promise<void> | undefined;
}

export function freshness(refresh: (index: string) => Promise<void>, policy: Refresh): Freshness {
  const states = new Map<string, State>();
  const stateOf = (index: string): State => {
    let state = states.get(index);
    if (state === undefined) states.set(index, (state = { written: 0, found: 0, running: undefined, next: undefined }));
    return state;
  };

  async function run(index: string, state: State): Promise<void> {
    // Its error is told to those who waited for it.
    await state.running?.catch(() => undefined);
    state.running = state.next;
    state.next = undefined;
    const { written } = state;
    try {
      await refresh(index);
      state.found = Math.max(state.found, written);
    } finally {
      if (state.next === undefined) state.running = undefined;
    }
  }

  return {
    wrote: (index) => void stateOf(index).written++,
    before(index, isConsistent) {
      const state = stateOf(index);
      const isNeeded = isConsistent || policy === "always" || (policy === "reads" && state.found < state.written);
      if (!isNeeded) return undefined;
      state.next ??= run(index, state);
      return state.next;
    },
  };
}
