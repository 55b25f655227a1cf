// Writes of one row take effect in the order in which they were called.

import type { Deadline } from "./deadline.js";
import { throwIfEnded } from "./deadline.js";

/** The last write of a row. When it is over it is let go of: old tables of the map hold turns until the next full collection. */
interface Turn {
  write: Promise<unknown> | undefined;
}

/**
 * Keeps the writes of each row in order. A write holds its row's turn until the engine has answered, also when its caller
 * has given up: what was given up never lands after a later write.
 */
export class RowOrder {
  readonly #last = new Map<string, Turn>();

  /** Whether a write of this row is under way. */
  has(key: string): boolean {
    return this.#last.has(key);
  }

  /** Runs `task` when the writes of `key` that were called before are over. A call that ended meanwhile is not begun. */
  run<T>(key: string, deadline: Deadline | undefined, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)?.write;
    const begin = (): Promise<T> => {
      throwIfEnded(deadline);
      return task();
    };
    const result = before === undefined ? task() : before.then(begin, begin);
    this.#hold([key], result);
    return result;
  }

  /** Runs `task` when the writes of all of `keys` that were called before are over. */
  runMany<T>(keys: readonly string[], deadline: Deadline | undefined, task: () => T | Promise<T>): T | Promise<T> {
    const before = this.#last.size === 0 ? [] : keys.map((key) => this.#last.get(key)?.write).filter((write) => write !== undefined);
    const begin = (): T | Promise<T> => {
      throwIfEnded(deadline);
      return task();
    };
    const result = before.length === 0 ? task() : Promise.allSettled(before).then(begin);
    // What is done already needs no bookkeeping.
    if (!(result instanceof Promise)) return result;
    this.#hold(keys, result);
    return result;
  }

  #hold(keys: readonly string[], write: Promise<unknown>): void {
    const turn: Turn = { write };
    for (const key of keys) this.#last.set(key, turn);
    const done = (): void => {
      for (const key of keys) if (this.#last.get(key) === turn) this.#last.delete(key);
      turn.write = undefined;
    };
    write.then(done, done);
  }
}
