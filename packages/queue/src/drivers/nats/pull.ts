// One pull: what the consumer gives at once, or the first message that comes within a time.

import { onAbort } from "@bk/core";
import type { Msg } from "@nats-io/nats-core";

import type { NatsLink } from "./connection.js";

/** How long a pull that has some messages waits for the next one, or for the server's word that there is none. */
const gapMs = 200;
/** How much longer than the server a waiting pull waits. */
const graceMs = 2000;

export interface PullOptions {
  readonly subject: string;
  readonly inbox: string;
  readonly count: number;
  /** 0: what is there now. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Resolves with what has come, also when the signal aborts or the connection is lost; never rejects once it has begun. */
export function pull(link: NatsLink, { subject, inbox, count, waitMs, signal }: PullOptions): Promise<readonly Msg[]> {
  return new Promise((resolve) => {
    const { connection } = link;
    const got: Msg[] = [];
    let hasEnded = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (isComplete: boolean): void => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(timer);
      stopListening();
      stopWatching();
      if (isComplete || connection.isClosed()) {
        if (!subscription.isClosed()) subscription.unsubscribe();
        return resolve(got);
      }
      // What the server has sent by now comes before its answer, and is ours.
      subscription.drain().then(
        () => resolve(got),
        () => resolve(got),
      );
    };
    const subscription = connection.subscribe(inbox, {
      callback(error, message) {
        if (error !== null) return end(true);
        if (message.data.length === 0 && message.headers !== undefined && message.headers.code >= 400) return end(true);
        got.push(message);
        if (hasEnded) return;
        // Ended before the server is through with the request, it would hand messages to nobody.
        if (got.length >= count) return end(true);
        clearTimeout(timer);
        timer = setTimeout(() => end(false), gapMs);
      },
    });
    const stopListening = onAbort(signal, () => end(false));
    const stopWatching = link.listen({ disconnected: () => end(true) });
    timer = setTimeout(() => end(false), waitMs + graceMs);
    const request = waitMs === 0 ? { batch: count, no_wait: true } : { batch: count, expires: Math.ceil(waitMs) * 1_000_000 };
    connection.publish(subject, JSON.stringify(request), { reply: inbox });
    if (signal.aborted) end(false);
  });
}

/** What the subject for the acknowledgement tells. */
export function infoOf(message: Msg): { readonly deliveries: number; readonly sequence: number; readonly storedMs: number } {
  const parts = (message.reply ?? "").split(".");
  // Newer servers put a domain and an account before the stream, and a random part at the end.
  const at = parts.length >= 11 ? 6 : 4;
  return {
    deliveries: Number(parts[at]),
    sequence: Number(parts[at + 1]),
    storedMs: Math.floor(Number(parts[at + 3]) / 1e6),
  };
}
