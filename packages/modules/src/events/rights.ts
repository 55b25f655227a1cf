// What of an account's events whoever listens may know: the account as it is now, and the rules of the rows that events tell of.

import type { Clock, Log } from "@bk/core";

import { codeOf } from "../common/failures.js";
import type { CallerDb, DbFor } from "../contract/caller-db.js";
import type { Call } from "../contract/endpoint.js";
import type { ToldEvent } from "./account-events.js";
import type { EventListener } from "./listeners.js";

/** How long a listener counts as who it was: then the account is looked up before it is told of anything. */
export const rightsMs = 10_000;
/** Events that wait to be looked at. */
const mostWaiting = 1_000;

export interface ReceiverOptions {
  readonly dbFor: DbFor;
  readonly clock: Clock;
  readonly log: Log;
}

/** A listener, as it is told what it may know. There may be many: each is one object. */
export class Receiver {
  readonly #again: Call["again"];
  readonly #hand: (event: ToldEvent) => void;
  readonly #listener: Pick<EventListener, "end">;
  readonly #options: ReceiverOptions;
  #rights: CallerDb;
  #untilMs: number;
  #waiting = 0;
  #last: Promise<void> | undefined;
  #isOver = false;

  /**
   * @param call  the request that listens, of which nothing else is kept
   * @param hand  gets what may be told
   * @param listener  is ended when it may know nothing any more, or that cannot be found out: it comes back and goes on where it was
   */
  constructor(
    { caller, again }: Pick<Call, "caller" | "again">,
    hand: (event: ToldEvent) => void,
    listener: Pick<EventListener, "end">,
    options: ReceiverOptions,
  ) {
    [this.#again, this.#hand, this.#listener, this.#options] = [again, hand, listener, options];
    this.#rights = options.dbFor(caller);
    this.#untilMs = options.clock.now() + rightsMs;
  }

  /** Takes an event, and hands over what the listener may know of it: in the order in which they came. */
  take(event: ToldEvent): void {
    if (this.#isOver) return;
    if (this.#waiting === 0 && this.#options.clock.now() < this.#untilMs && !isRuled(this.#rights, event)) {
      this.#hand(toldOf(event));
      return;
    }
    if (this.#waiting >= mostWaiting) {
      this.#end();
      return;
    }
    this.#waiting++;
    this.#last = (this.#last ?? Promise.resolve()).then(() => this.#look(event)).finally(() => this.#waiting--);
  }

  /** Nothing comes any more. */
  end(): void {
    this.#listener.end();
  }

  /** Resolves when all that was taken has been handed over, or left out. */
  async idle(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }

  #end(): void {
    this.#isOver = true;
    this.#listener.end();
  }

  async #look(event: ToldEvent): Promise<void> {
    if (this.#isOver) return;
    const { dbFor, clock, log } = this.#options;
    try {
      if (clock.now() >= this.#untilMs) {
        const caller = await this.#again();
        if (caller === undefined) return this.#end();
        this.#rights = dbFor(caller);
        this.#untilMs = clock.now() + rightsMs;
      }
      const told = await permitted(this.#rights, event);
      if (told !== undefined && !this.#isOver) this.#hand(told);
    } catch (error) {
      log.warn("an event could not be told: whether its listener may know it could not be found out", {
        path: event.path,
        code: codeOf(error),
      });
      this.#end();
    }
  }
}

const isRuled = (rights: CallerDb, { _row: of }: ToldEvent): boolean => of !== undefined && rights.isRuled(of.table);

/** One that tells of no row stays the same object, which is written once for all who listen. */
function toldOf(event: ToldEvent): ToldEvent {
  if (event._row === undefined) return event;
  const { _row, ...told } = event;
  return told;
}

/** What of an event is told: of a row, what is read of it now. Undefined: nothing, as the row is gone or not for this account. */
async function permitted(rights: CallerDb, event: ToldEvent): Promise<ToldEvent | undefined> {
  const { _row: of } = event;
  if (of === undefined || !rights.isRuled(of.table)) return toldOf(event);
  if (!rights.reads(of.table)) return undefined;
  const row = await rights.get(of.table, of.key, { consistent: true });
  if (row === undefined) return undefined;
  const hidden = Object.entries(of.columns).filter(([, columns]) => ![columns].flat().every((name) => name in row));
  const names = new Set(hidden.map(([property]) => property));
  return Object.fromEntries(Object.entries(toldOf(event)).filter(([property]) => !names.has(property))) as ToldEvent;
}
