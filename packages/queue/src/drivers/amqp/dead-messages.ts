// Dead messages: a queue of their own. AMQP cannot look at messages without taking them, so all are taken, and come back when
// that is done, in no certain order.

import type { Channel, GetMessage } from "amqplib";

import type { DeadMessage, Which } from "../../queue/driver.js";
import type { Confirms } from "./confirms.js";
import type { AmqpConnection } from "./connection.js";
import type { AmqpQueueNames } from "./queue-names.js";

export class AmqpDead {
  readonly #connection: AmqpConnection;
  readonly #confirms: Confirms;
  readonly #names: AmqpQueueNames;

  constructor(connection: AmqpConnection, confirms: Confirms, names: AmqpQueueNames) {
    this.#connection = connection;
    this.#confirms = confirms;
    this.#names = names;
  }

  async list(count: number, start: string | undefined): Promise<{ rows: readonly DeadMessage[]; next?: string }> {
    let found: { readonly key: string; readonly row: DeadMessage }[] = [];
    const keep = (): void => {
      found = found.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, count + 1);
    };
    await this.#walk((_channel, message) => {
      const row = rowOf(message);
      const key = `${String(row.lastTime).padStart(16, "0")}.${row.id}`;
      if (start === undefined || key > start) found.push({ key, row });
      // No more than the page is kept, however many there are.
      if (found.length > 2 * count + 1) keep();
      return Promise.resolve();
    });
    keep();
    const page = found.slice(0, count);
    return { rows: page.map(({ row }) => row), ...(found.length > count ? { next: page.at(-1)!.key } : {}) };
  }

  retry(which: Which): Promise<number> {
    return this.#each(which, async (message) => {
      const { messageId } = message.properties;
      await this.#confirms.publish("", this.#names.main, message.content, { deliveryMode: 2, messageId, headers: { "bk-attempts": 0 } });
    });
  }

  purge(which: Which): Promise<number> {
    return this.#each(which, () => Promise.resolve());
  }

  async #each(which: Which, work: (message: GetMessage) => Promise<void>): Promise<number> {
    const ids = which === "all" ? undefined : new Set(which);
    let count = 0;
    await this.#walk(async (channel, message) => {
      if (ids !== undefined && !ids.has(String(message.properties.messageId))) return;
      await work(message);
      channel.ack(message);
      count++;
    });
    return count;
  }

  /** Takes those that are there now. What `visit` has not acknowledged comes back. */
  async #walk(visit: (channel: Channel, message: GetMessage) => Promise<void>): Promise<void> {
    const channel = await this.#connection.createChannel();
    channel.on("error", () => {
      // Told by the call.
    });
    try {
      for (let message = await channel.get(this.#names.dead); message !== false; message = await channel.get(this.#names.dead))
        await visit(channel, message);
      channel.nackAll(true);
      // The answer to a call that follows says that they are back.
      await channel.checkQueue(this.#names.dead);
    } finally {
      await channel.close().catch(() => undefined);
    }
  }
}

function rowOf({ properties: { headers = {}, messageId }, content }: GetMessage): DeadMessage {
  return {
    id: String(messageId),
    body: content.toString(),
    error: String(headers["bk-error"] ?? ""),
    attempts: Number(headers["bk-attempts"] ?? 0),
    lastTime: Number(headers["bk-time"] ?? 0),
  };
}
