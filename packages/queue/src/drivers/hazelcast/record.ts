// A message as the map keeps it: JSON whose first fields are indexed.

import type { DeadMessage, NewMessage, Taken } from "../../queue/driver.js";
import type { HazelcastModule } from "./connection.js";

/** Waits and is in the queue of hints, is due at a time, runs, or has just become a dead one. */
export type State = "w" | "d" | "r" | "x";

export interface Record {
  readonly s: State;
  /** Of what waits: when its hint was made. */
  readonly hint?: number | undefined;
  /** Of the others: when somebody has to look at it. */
  readonly due?: number | undefined;
  /** The id again, of one whose key is not its id. */
  readonly m?: string | undefined;
  readonly id: string;
  /** Deliveries that count. */
  readonly n: number;
  /** The take that has it. */
  readonly owner?: string | undefined;
  /** Of a dead one: when it became one, and by what. */
  readonly at?: number | undefined;
  readonly error?: string | undefined;
  readonly body: string;
}

/** A dead message in the map of those. */
export interface DeadRecord extends Pick<Record, "id" | "n" | "body"> {
  /** Its key in the map of messages. */
  readonly key: string;
  readonly at: number;
  readonly error: string;
}

/** JSON as the client hands it over, byte for byte what lies in the map. */
export type Json = InstanceType<HazelcastModule["HazelcastJsonValue"]>;

/** A message that was taken, and what lies in the map for it. */
export interface HazelcastTaken extends Taken {
  readonly key: string;
  record: Record;
  json: Json;
}

/** A message with a `dedupeKey` has that in place of its id, so that the map keeps equal ones out. Ids have letters and digits. */
export const keyOf = ({ id, dedupeKey }: Pick<NewMessage, "id" | "dedupeKey">): string => (dedupeKey === undefined ? id : `=${dedupeKey}`);

export function newRecord({ id, body, dedupeKey, delayMs }: NewMessage, now: number): Record {
  const m = dedupeKey === undefined ? undefined : id;
  return delayMs > 0 ? { s: "d", due: now + delayMs, m, id, n: 0, body } : { s: "w", hint: now, m, id, n: 0, body };
}

export const recordOf = (json: Json): Record => JSON.parse(json.toString()) as Record;

/** What the queue of hints holds: where a message is, and when the hint was made. */
export const hintOf = (key: string, at: number): string => `${at} ${key}`;

export function partsOf(hint: string): { readonly at: number; readonly key: string } {
  const space = hint.indexOf(" ");
  return { at: Number(hint.slice(0, space)), key: hint.slice(space + 1) };
}

/** Keys of dead ones sort by their time. */
export const deadKeyOf = ({ id, at }: Pick<DeadRecord, "id" | "at">): string => String(at).padStart(15, "0") + id;

export function deadMessageOf(json: Json): DeadMessage {
  const { id, body, error, n, at } = JSON.parse(json.toString()) as DeadRecord;
  return { id, body, error, attempts: n, lastTime: at };
}
