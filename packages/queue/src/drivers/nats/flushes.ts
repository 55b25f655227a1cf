// Publishing with an answer of the server: NATS itself gives none, but it answers a ping behind the messages.

import { QueueError } from "../../errors.js";
import type { NatsLink } from "./connection.js";

/** What servers take unless they are set otherwise. */
const usualMaxPayload = 1024 * 1024;

/** The messages of one tick are flushed once; those whose subject the server refuses fail. */
export class Flushes {
  readonly #link: NatsLink;
  #current: { readonly subjects: Map<string, Error | undefined>; readonly done: Promise<void> } | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
    link.listen({
      refused: (error) => {
        if (error.name !== "PermissionViolationError" || !("subject" in error)) return;
        for (const flush of this.#running) if (flush.has(error.subject as string)) flush.set(error.subject as string, error);
      },
    });
  }

  readonly #running = new Set<Map<string, Error | undefined>>();

  async publish(channel: string, payload: string | Uint8Array): Promise<void> {
    const { connection } = this.#link;
    const max = connection.info?.max_payload ?? usualMaxPayload;
    // A character takes three bytes at most, so most need no counting.
    if (payload.length * 3 > max && byteLength(payload) > max)
      throw new QueueError("too-large", `nats: the message is larger than the ${max} bytes that the server takes`, {
        driver: "nats",
        detail: { maxBytes: max },
      });
    connection.publish(channel, payload);
    this.#current ??= this.#begin();
    const { subjects, done } = this.#current;
    if (!subjects.has(channel)) subjects.set(channel, undefined);
    await done;
    const refused = subjects.get(channel);
    if (refused !== undefined) throw refused;
  }

  #begin(): { readonly subjects: Map<string, Error | undefined>; readonly done: Promise<void> } {
    const subjects = new Map<string, Error | undefined>();
    this.#running.add(subjects);
    const done = (async () => {
      // Behind the calls that are made in this tick.
      await Promise.resolve();
      this.#current = undefined;
      try {
        await this.#link.connection.flush();
        // A refusal that came before the answer is told by the callbacks that are due now.
        await new Promise<void>((resolve) => process.nextTick(resolve));
      } finally {
        this.#running.delete(subjects);
      }
    })();
    return { subjects, done };
  }
}

function byteLength(payload: string | Uint8Array): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength;
}
