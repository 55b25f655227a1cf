/** Runs a task when the promise callbacks that are due have run, and those that they made. */
export const afterCallbacks: (task: () => void) => void = globalThis.process?.nextTick ?? ((task) => void setTimeout(task, 0));
