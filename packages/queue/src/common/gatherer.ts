// Gathering: what several calls of one tick ask for is sent to the engine in one request.

/** One call's part of a request. */
interface Member<Item, Reply> {
  readonly item: Item;
  readonly ticket: Ticket | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** What a caller who may leave early shares with its call. */
export interface Ticket {
  /** The request with this call in it has been begun. */
  sent: boolean;
  /** The caller has left: it is not to be sent any more. */
  left: boolean;
}

export interface GathererOptions<Item, Reply> {
  /** Most items of one request. */
  readonly most: number;
  /** Most requests at once; calls gather meanwhile. */
  readonly maxRunning: number;
  /** Gives a reply for each item, in order. What it throws is every member's error. */
  readonly send: (items: Item[]) => Promise<readonly Reply[]>;
}

// Its callbacks are microtasks, at a third of what queueMicrotask costs.
const resolved = Promise.resolve();

/**
 * A call alone is sent at once. Those that follow in the same tick are gathered, and so are those that come while `maxRunning`
 * requests are on their way.
 */
export class Gatherer<Item, Reply> {
  readonly #options: GathererOptions<Item, Reply>;
  #waiting: Member<Item, Reply>[] = [];
  #running = 0;
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor(options: GathererOptions<Item, Reply>) {
    this.#options = options;
  }

  add(item: Item, ticket?: Ticket): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, ticket, resolve, reject });
      if (this.#scheduled) return;
      if (this.#running === 0) return this.#flush();
      this.#scheduled = true;
      void resolved.then(this.#flushLater);
    });
  }

  /** Resolves when all that was added has its reply. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return resolved;
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  readonly #flushLater = (): void => {
    // After the callbacks of promises that settled in this tick, whose calls belong to the same request.
    const { process } = globalThis;
    if (process?.nextTick === undefined) this.#flush();
    else process.nextTick(this.#flush);
  };

  readonly #flush = (): void => {
    this.#scheduled = false;
    while (this.#running < this.#options.maxRunning && this.#waiting.length > 0) {
      const { most } = this.#options;
      const taken = this.#waiting.length <= most ? this.#waiting : this.#waiting.slice(0, most);
      this.#waiting = taken === this.#waiting ? [] : this.#waiting.slice(most);
      const members = taken.filter(({ ticket }) => ticket?.left !== true);
      if (members.length > 0) this.#run(members);
    }
    if (this.#running > 0 || this.#waiting.length > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  };

  #run(members: readonly Member<Item, Reply>[]): void {
    this.#running++;
    for (const { ticket } of members) if (ticket !== undefined) ticket.sent = true;
    void this.#options
      .send(members.map(({ item }) => item))
      .then(
        (replies) => members.forEach(({ resolve }, index) => resolve(replies[index]!)),
        (error: unknown) => members.forEach(({ reject }) => reject(error)),
      )
      .then(() => {
        this.#running--;
        // What the replies set off in this tick goes into the next request.
        if (this.#scheduled) return;
        this.#scheduled = true;
        this.#flushLater();
      });
  }
}
