// Dead messages: those that are not tried any more.

import { checkLimits, type Limits } from "../common/limits.js";
import { invalid } from "../errors.js";
import type { Which } from "./driver.js";
import { letterOf } from "./envelope.js";
import type { Engine } from "./engine.js";

export interface DeadRow<Message = unknown> {
  readonly id: string;
  /** The message; undefined when what was submitted is not JSON, so that no handler was called with it. */
  readonly data: Message | undefined;
  /** Name and message of the last error. */
  readonly error: string;
  readonly attempts: number;
  /** When the last attempt failed. */
  readonly lastTime: Date;
}

export interface DeadPage<Message = unknown> {
  readonly rows: readonly DeadRow<Message>[];
  /** To be given as `start`; there when there are more. */
  readonly next?: string;
}

/** Which dead messages: by id, or in words all of them. */
export type DeadChoice = string | readonly string[] | { readonly all: true };

/** `queue.dead`. */
export class DeadMessages<Message> {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Dead messages, oldest first, in pages.
   *
   * @param options.count  most rows, from 1 to 1,000; default 50
   * @param options.start  `next` of the page before
   */
  async list(options: { readonly count?: number; readonly start?: string } & Limits = {}): Promise<DeadPage<Message>> {
    const { count = 50, start } = options;
    if (!Number.isSafeInteger(count) || count < 1 || count > 1000) throw invalid("dead.list: count must be an integer from 1 to 1000");
    if (start !== undefined && typeof start !== "string") throw invalid("dead.list: start must be a string");
    const { rows, next } = await this.#ask("dead.list", false, options, (dead, signal) => dead.list(count, start, signal));
    return {
      rows: rows.map(({ id, body, error, attempts, lastTime }) => {
        const data = letterOf(body)?.data as Message | undefined;
        return { id, data, error, attempts, lastTime: new Date(lastTime) };
      }),
      ...(next === undefined ? {} : { next }),
    };
  }

  /** Submits dead messages again, their attempts beginning anew. Gives how many; one stays dead while an equal one (`dedupeKey`) is pending. */
  retry(which: DeadChoice, limits: Limits = {}): Promise<number> {
    const wanted = chosen(which, "dead.retry");
    return this.#ask("dead.retry", true, limits, (dead, signal) => dead.retry(wanted, signal));
  }

  /** Removes dead messages, and gives how many. */
  purge(which: DeadChoice, limits: Limits = {}): Promise<number> {
    const wanted = chosen(which, "dead.purge");
    return this.#ask("dead.purge", true, limits, (dead, signal) => dead.purge(wanted, signal));
  }

  async #ask<T>(
    op: string,
    changes: boolean,
    limits: Limits,
    work: (dead: NonNullable<Engine["driver"]["dead"]>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const engine = this.#engine;
    checkLimits(limits, op);
    engine.need("dead", engine.driver.capabilities.dead, op, "use the broker's own tools");
    return engine.request(op, changes, (driver, signal) => work(driver.dead!, signal), limits);
  }
}

function chosen(which: DeadChoice, op: string): Which {
  if (typeof which === "string") return [which];
  if (Array.isArray(which)) {
    const ids: readonly unknown[] = which;
    if (ids.every((id) => typeof id === "string")) return [...ids];
  } else if ((which as { all?: unknown } | null)?.all === true) return "all";
  throw invalid(`${op} takes an id, a list of ids, or { all: true }`);
}
