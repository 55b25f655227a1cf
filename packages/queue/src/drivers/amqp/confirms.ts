// Publishing with the broker's confirmation. The client forgets those that wait when a channel ends; these do not.

import type { ConfirmChannel, Options } from "amqplib";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A confirm channel, and who waits for its confirmations. */
export class Confirms {
  readonly channel: ConfirmChannel;
  readonly #waiting = new Set<Waiter>();
  #ended: Error | undefined;

  constructor(channel: ConfirmChannel) {
    this.channel = channel;
    let reason: unknown;
    channel.on("error", (error) => (reason = error));
    channel.on("close", () => this.end(reason ?? new Error("channel closed")));
  }

  /** Resolves when the broker has taken the message. */
  publish(exchange: string, key: string, content: Buffer, options: Options.Publish): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      this.#waiting.add(waiter);
      this.channel.publish(exchange, key, content, options, (error: unknown) => {
        if (!this.#waiting.delete(waiter)) return;
        if (error === null || error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error("the broker has not taken the message"));
      });
    });
  }

  /** It is of no more use: nobody is confirmed any more. */
  end(error: unknown): void {
    this.#ended ??= error instanceof Error ? error : new Error("channel closed", { cause: error });
    for (const { reject } of this.#waiting) reject(this.#ended);
    this.#waiting.clear();
  }
}
