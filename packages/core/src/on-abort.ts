const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when a signal aborts. However many listen, the signal itself has one listener, so that Node does
 * not take many calls on one signal for a leak.
 *
 * @param signal  one that has not aborted yet
 * @returns stops listening
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const known = listeners.get(signal);
  const own = known ?? new Set<() => void>();
  // A function of its own: one that listens twice is called twice.
  const entry = (): void => listener();
  own.add(entry);
  if (known === undefined) {
    listeners.set(signal, own);
    signal.addEventListener("abort", () => own.forEach((each) => each()), { once: true });
  }
  return () => void own.delete(entry);
}
