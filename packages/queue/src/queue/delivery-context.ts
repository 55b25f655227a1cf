// What a handler is told of its message.

import type { Delivery } from "./delivery.js";
import type { HandlerContext } from "./listen-options.js";
import type { ListenerParts } from "./outcomes.js";

/** A class, since an object that is written with a getter costs as much as all else that a message does here. */
export class DeliveryContext implements HandlerContext {
  readonly id: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly queue: string;
  readonly groupKey: string | undefined;
  /** It may be taken off the context. */
  readonly progress: (value: unknown) => void;
  readonly #delivery: Delivery;

  constructor(delivery: Delivery, { events, engine, settings }: ListenerParts) {
    const { taken, letter } = delivery;
    this.id = taken.id;
    this.attempt = taken.attempt;
    this.maxAttempts = letter.header.maxAttempts ?? settings.maxAttempts;
    this.queue = engine.options.queue;
    this.groupKey = taken.groupKey;
    this.progress = (value) => events.emit("progress", { id: taken.id, value });
    this.#delivery = delivery;
  }

  get signal(): AbortSignal {
    return this.#delivery.signal;
  }
}
