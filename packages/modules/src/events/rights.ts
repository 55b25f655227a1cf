// What of an account's events whoever listens may know: the account as it is now, and the rules of the rows that events tell of.

import type { Clock, Log } from "@bk/core";

import { codeOf } from "../common/failures.js";
import type { CallerDb, DbFor } from "../contract/caller-db.js";
import type { Call } from "../contract/endpoint.js";
import type { ToldEvent } from "./account-events.js";

/** How long a listener counts as who it was: then the account is looked up before it is told of anything. */
export const rightsMs = 10_000;
/** Events that wait to be looked at. */
const mostWaiting = 1_000;

export interface ReceiverOptions {
  readonly dbFor: DbFor;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Receiver {
  /** Takes an event, and hands over what the listener may know of it: in the order in which they came. */
  take(event: ToldEvent): void;
  /** Resolves when all that was taken has been handed over, or left out. */
  idle(): Promise<void>;
}

/**
 * @param call  the request that listens
 * @param hand  gets what may be told
 * @param end  the listener may know nothing any more, or that cannot be found out: it comes back and goes on where it was
 */
export function receiver(
  call: Pick<Call, "caller" | "again">,
  hand: (event: ToldEvent) => void,
  end: () => void,
  { dbFor, clock, log }: ReceiverOptions,
): Receiver {
  let rights: CallerDb = dbFor(call.caller);
  let until = clock.now() + rightsMs;
  let waiting = 0;
  let last: Promise<void> | undefined;
  let isOver = false;
  const over = (): void => {
    isOver = true;
    end();
  };

  async function look(event: ToldEvent): Promise<void> {
    if (isOver) return;
    try {
      if (clock.now() >= until) {
        const caller = await call.again();
        if (caller === undefined) return over();
        rights = dbFor(caller);
        until = clock.now() + rightsMs;
      }
      const told = await permitted(rights, event);
      if (told !== undefined && !isOver) hand(told);
    } catch (error) {
      log.warn("an event could not be told: whether its listener may know it could not be found out", {
        path: event.path,
        code: codeOf(error),
      });
      over();
    }
  }

  return {
    take(event) {
      if (isOver) return;
      if (waiting === 0 && clock.now() < until && !isRuled(rights, event)) return hand(toldOf(event));
      if (waiting >= mostWaiting) return over();
      waiting++;
      last = (last ?? Promise.resolve()).then(() => look(event)).finally(() => waiting--);
    },
    async idle() {
      while (waiting > 0) await last;
    },
  };
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
