// Waiting for other work of this process, by what the runtime has.

/** Runs a task when the promise callbacks that are due have run, and those that they made. */
export const afterCallbacks: (task: () => void) => void = globalThis.process?.nextTick ?? ((task) => void setTimeout(task, 0));

/** Resolves when timers and connections have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (globalThis.setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
