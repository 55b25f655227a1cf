// Dead messages lie in a queue of their own. SQS gives no list of a queue: it is read through, and what was read is given back.

import type { DeadMessage, Which } from "../../queue/driver.js";
import type { SqsTaken } from "./message.js";

/** The requests to the queue of dead messages, and to the one that they come from. */
export interface DeadRequests {
  /** About how many there are. */
  count(): Promise<number>;
  /** Some messages, hidden for a while; none when there are no more. Without `waits` it may find none although there are. */
  receive(waits: boolean): Promise<readonly SqsTaken[]>;
  unhide(taken: readonly SqsTaken[]): Promise<void>;
  remove(taken: readonly SqsTaken[]): Promise<readonly boolean[]>;
  /** Sends them to the queue that they come from; for each, in order: undefined, or why not. */
  revive(taken: readonly SqsTaken[]): Promise<readonly unknown[]>;
}

/** Most dead messages that are looked through. */
const mostLooked = 10_000;

export class DeadLetters {
  readonly #requests: DeadRequests;
  /** Whoever looks hides them from others. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(requests: DeadRequests) {
    this.#requests = requests;
  }

  list(count: number, start: string | undefined): Promise<{ rows: readonly DeadMessage[]; next?: string }> {
    return this.#look(async (all) => {
      const rows = all.map(rowOf).sort((a, b) => a.lastTime - b.lastTime || (a.id < b.id ? -1 : 1));
      const first = start === undefined ? 0 : rows.findIndex((row) => placeOf(row) > start);
      const page = first < 0 ? [] : rows.slice(first, first + count);
      const last = page.at(-1);
      return { rows: page, ...(last === undefined || rows.at(-1) === last ? {} : { next: placeOf(last) }) };
    });
  }

  retry(which: Which): Promise<number> {
    return this.#look(async (all) => {
      const chosen = all.filter(isIn(which));
      const faults = await this.#requests.revive(chosen);
      const sent = chosen.filter((_one, i) => faults[i] === undefined);
      if (sent.length > 0) await this.#requests.remove(sent);
      const fault = faults.find((one) => one !== undefined);
      if (fault !== undefined) throw fault;
      return sent.length;
    });
  }

  purge(which: Which): Promise<number> {
    return this.#look(async (all) => {
      const chosen = all.filter(isIn(which));
      return chosen.length === 0 ? 0 : (await this.#requests.remove(chosen)).filter(Boolean).length;
    });
  }

  /** Reads all of them, one caller after the other, and gives back those that are there afterwards. */
  #look<T>(use: (all: readonly SqsTaken[]) => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      const all: SqsTaken[] = [];
      try {
        // A look that finds nothing waits for it, unless as many were found as there should be.
        const expected = await this.#requests.count();
        const more = (): Promise<readonly SqsTaken[]> => this.#requests.receive(all.length < expected);
        for (let found = await more(); found.length > 0 && all.length < mostLooked; found = await more()) all.push(...found);
        return await use(all);
      } finally {
        const left = all.filter(({ isSettled }) => !isSettled);
        if (left.length > 0) await this.#requests.unhide(left);
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** Sorts as `lastTime` and id do. */
function placeOf({ lastTime, id }: DeadMessage): string {
  return `${String(lastTime).padStart(16, "0")} ${id}`;
}

function rowOf({ id, body, parts: { before, death } }: SqsTaken): DeadMessage {
  return { id, body, error: death?.error ?? "", attempts: before, lastTime: death?.time ?? 0 };
}

function isIn(which: Which): (taken: SqsTaken) => boolean {
  const ids = which === "all" ? undefined : new Set(which);
  return ({ id }) => ids === undefined || ids.has(id);
}
