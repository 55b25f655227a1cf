// Sends commands in the order in which they were asked for: one alone at once, as the plain command; those that are made while others are on
// their way once a tick and together, gets as MGET, puts of one expiry as one command.

import type { Call, Stored } from "../../driver.js";
import { commandError } from "./errors.js";
import type { RedisClient, RedisConnection } from "./connection.js";
import { fromBytes, toBytes } from "../../stored.js";

/** How many keys one command has at most. */
const mostKeys = 1000;

interface Waiting {
  readonly call: Call;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: unknown) => void;
}
type Asked = Waiting &
  (
    | { readonly kind: "get"; readonly key: string }
    | { readonly kind: "put"; readonly key: string; readonly value: Stored; readonly ttlMs: number }
    | { readonly kind: "run"; readonly run: (client: RedisClient) => Promise<unknown> }
  );

export class Sender {
  readonly #connection: RedisConnection;
  readonly #bytes: boolean;
  /** Keys of one command may lie anywhere; not so in a cluster. */
  readonly #groups: boolean;
  #asked: Asked[] = [];

  constructor(connection: RedisConnection, bytes: boolean, groups: boolean) {
    this.#connection = connection;
    this.#bytes = bytes;
    this.#groups = groups;
  }

  get(key: string, call: Call): Promise<Stored | undefined> {
    return new Promise((resolve, reject) => this.#ask({ kind: "get", key, call, resolve, reject }));
  }

  put(key: string, value: Stored, ttlMs: number, call: Call): Promise<void> {
    return new Promise((resolve, reject) => this.#ask({ kind: "put", key, value, ttlMs, call, resolve, reject }));
  }

  run<T>(call: Call, run: (client: RedisClient) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#ask({ kind: "run", run, call, resolve: resolve as (reply: unknown) => void, reject }));
  }

  /** A value as it is sent. */
  word(value: Stored): string | Buffer {
    return typeof value === "string" ? value : Buffer.from(toBytes(value));
  }

  /** A value as it came. */
  stored(reply: unknown): Stored | undefined {
    if (typeof reply === "string") return reply;
    return reply instanceof Uint8Array ? fromBytes(reply) : undefined;
  }

  #ask(asked: Asked): void {
    if (this.#asked.push(asked) > 1) return;
    const { counts, isReady } = this.#connection;
    // A call alone does not wait for others; while it is on its way they gather until the end of the tick.
    if (isReady && counts.sent === counts.answered) this.#send();
    else process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    if (!this.#connection.isReady) {
      this.#connection.ready().then(
        () => this.#send(),
        (error: unknown) => {
          const asked = this.#asked;
          this.#asked = [];
          for (const { reject } of asked) reject(error);
        },
      );
      return;
    }
    this.#send();
  };

  #send(): void {
    const asked = this.#asked.length === 1 ? this.#asked : this.#asked.filter(({ call }) => !call.isGone);
    this.#asked = [];
    for (let at = 0; at < asked.length;) {
      const first = asked[at]!;
      first.call.isSent = true;
      if (first.kind === "run") {
        this.#settle(first, first.run(this.#connection.client));
        at++;
        continue;
      }
      let end = at + 1;
      while (end < asked.length && this.#groups && end - at < mostKeys && isAlike(first, asked[end]!)) asked[end++]!.call.isSent = true;
      if (end - at === 1) this.#sendAlone(first);
      else if (first.kind === "get") this.#sendGets(asked.slice(at, end) as Extract<Asked, { kind: "get" }>[]);
      else this.#sendPuts(asked.slice(at, end) as Extract<Asked, { kind: "put" }>[], first.ttlMs);
      at = end;
    }
  }

  #sendAlone(asked: Extract<Asked, { kind: "get" | "put" }>): void {
    const { client } = this.#connection;
    if (asked.kind === "get") {
      const reply: Promise<unknown> = this.#bytes ? client.getBuffer(asked.key) : client.get(asked.key);
      this.#answer(
        reply,
        (value) => asked.resolve(this.stored(value) as never),
        (error) => asked.reject(commandError(error)),
      );
      return;
    }
    const value = this.word(asked.value);
    this.#settle(asked, asked.ttlMs === 0 ? client.set(asked.key, value) : client.set(asked.key, value, "PX", asked.ttlMs));
  }

  #sendGets(asked: readonly Extract<Asked, { kind: "get" }>[]): void {
    const { client } = this.#connection;
    const keys = asked.map(({ key }) => key);
    const reply: Promise<readonly unknown[]> = this.#bytes ? client.mgetBuffer(keys) : client.mget(keys);
    this.#answer(
      reply,
      (values) => {
        for (let i = 0; i < asked.length; i++) asked[i]!.resolve(this.stored(values[i]) as never);
      },
      (error) => rejectAll(asked, error),
    );
  }

  #sendPuts(asked: readonly Extract<Asked, { kind: "put" }>[], ttlMs: number): void {
    const { client } = this.#connection;
    const words: (string | Buffer)[] = [];
    if (ttlMs === 0) for (const { key, value } of asked) words.push(key, this.word(value));
    else {
      for (const { key } of asked) words.push(key);
      words.push(String(ttlMs));
      for (const { value } of asked) words.push(this.word(value));
    }
    const reply: Promise<unknown> = ttlMs === 0 ? client.mset(words) : client.bkPutMany(asked.length, ...words);
    this.#answer(
      reply,
      () => {
        for (const { resolve } of asked) resolve(undefined as never);
      },
      (error) => rejectAll(asked, error),
    );
  }

  #settle(asked: Asked, reply: Promise<unknown>): void {
    this.#answer(
      reply,
      (value) => asked.resolve(value as never),
      (error) => asked.reject(commandError(error)),
    );
  }

  #answer<T>(reply: Promise<T>, done: (value: T) => void, failed: (error: unknown) => void): void {
    const { counts } = this.#connection;
    counts.sent++;
    reply.then(
      (value) => {
        counts.answered++;
        done(value);
      },
      (error: unknown) => {
        counts.answered++;
        failed(error);
      },
    );
  }
}

function isAlike(first: Asked, next: Asked): boolean {
  return first.kind === next.kind && (first.kind !== "put" || first.ttlMs === (next as typeof first).ttlMs);
}

function rejectAll(asked: readonly Asked[], error: unknown): void {
  const known = commandError(error);
  for (const { reject } of asked) reject(known);
}
