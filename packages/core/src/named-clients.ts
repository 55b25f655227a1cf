// Clients by name, each of which can be replaced while the program runs.

import { BkError } from "./errors.js";

/** What every client can. */
export interface Closable {
  close(): Promise<unknown>;
}

export interface NamedClientsOptions<Client, Spec> {
  /** Begins messages, as `openCaches`. */
  readonly what: string;
  readonly open: (name: string, spec: Spec) => Promise<Client>;
  /** Rejects when the client's engine is not reached. */
  readonly check: (client: Client) => Promise<unknown>;
}

interface Entry<Client, Spec> {
  readonly client: Client;
  readonly spec: Spec;
  readonly kept: Set<Kept<Client>>;
}

interface Kept<Client> {
  readonly begin: (client: Client) => Promise<Closable>;
  running: Closable;
}

const namePattern = /^[a-z0-9_]+$/;

/** Clients by name. Made by `openCaches`, `openQueues` and `openPubSubs`. */
export class NamedClients<Client extends Closable, Spec> implements AsyncDisposable {
  readonly #options: NamedClientsOptions<Client, Spec>;
  readonly #entries = new Map<string, Entry<Client, Spec>>();
  /** Replacements, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #next = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: NamedClientsOptions<Client, Spec>) {
    this.#options = options;
  }

  /** Opens the clients; none connects before its first call. When one cannot be opened, those that were are closed. @internal */
  static async open<Client extends Closable, Spec>(
    options: NamedClientsOptions<Client, Spec>,
    specs: Readonly<Record<string, Spec>>,
  ): Promise<NamedClients<Client, Spec>> {
    const all = new NamedClients(options);
    try {
      for (const [name, spec] of Object.entries(specs)) {
        all.#checkName(name);
        all.#entries.set(name, { client: await options.open(name, spec), spec, kept: new Set() });
      }
      return all;
    } catch (error) {
      await all.close();
      throw error;
    }
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /**
   * A client. Ask for it again each time: it may be replaced, and the old one is closed then.
   *
   * @param name  default `default`; of a list one after the other, a step for each call
   * @param options.fallback  `default` stands in for a name that there is not; default false
   * @throws BkError `invalid` for an unknown name; `closed`
   */
  get(name: string | readonly string[] = "default", { fallback = false }: { readonly fallback?: boolean } = {}): Client {
    const only = typeof name === "string" ? name : name[this.#next++ % name.length];
    return this.#entryOf(only, fallback).client;
  }

  /**
   * Begins something on the client of a name, such as `listen` or `subscribe`, and again on each that replaces it, before the old one ends.
   *
   * @returns what ends it for good
   */
  async keep(name: string, begin: (client: Client) => Promise<Closable>): Promise<Closable> {
    return this.#inTurn(async () => {
      const { client, kept } = this.#entryOf(name, false);
      const own: Kept<Client> = { begin, running: await begin(client) };
      kept.add(own);
      return {
        close: () =>
          this.#inTurn(async () => {
            kept.delete(own);
            await own.running.close();
          }),
      };
    });
  }

  /**
   * Gives a name another client, or a new name its first. The new one is reached before anything ends: when it is not, all stays as it was. What was
   * begun by `keep` begins on it; then that ends on the old one as its `close` says, so that what runs there is finished, and the old one is closed.
   * With settings that are those that it has, nothing happens.
   *
   * What lies in the old store or queue stays there: a cache in memory begins empty, and messages that wait at another broker wait on.
   *
   * @throws BkError `invalid` for a name that is none, or wrong settings; `unavailable`; `closed`
   */
  reconfigure(name: string, spec: Spec): Promise<void> {
    return this.#inTurn(async () => {
      this.#checkName(name);
      const before = this.#entries.get(name);
      if (before !== undefined && isSame(before.spec, spec)) return;
      const client = await this.#options.open(name, spec);
      const kept = before?.kept ?? new Set();
      const begun: (readonly [Kept<Client>, Closable])[] = [];
      try {
        await this.#options.check(client);
        for (const each of kept) begun.push([each, await each.begin(client)]);
      } catch (error) {
        await Promise.all(begun.map(([, running]) => running.close()));
        await client.close();
        throw error;
      }
      this.#entries.set(name, { client, spec, kept });
      await Promise.all(
        begun.map(([each, running]) => {
          const old = each.running;
          each.running = running;
          return old.close();
        }),
      );
      await before?.client.close();
    });
  }

  /** Closes all. Calling it again gives the same promise. */
  close(): Promise<void> {
    return (this.#closing ??= this.#turn.then(() => this.#close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ client }) => client.close()));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(this.#closed());
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #entryOf(name: string | undefined, fallback: boolean): Entry<Client, Spec> {
    if (this.#closing !== undefined) throw this.#closed();
    const entry = this.#entries.get(name ?? "") ?? (fallback ? this.#entries.get("default") : undefined);
    if (entry !== undefined) return entry;
    throw new BkError("invalid", `${this.#options.what}: there is no "${String(name).slice(0, 60)}"; there are ${this.names.join(", ")}`);
  }

  #checkName(name: string): void {
    if (namePattern.test(name)) return;
    throw new BkError("invalid", `${this.#options.what}: a name has lower-case letters, digits and "_"`, { detail: { field: "name" } });
  }

  #closed(): BkError {
    return new BkError("closed", `${this.#options.what}: used after close`);
  }
}

/** Whether settings are the same: `options`, which are plain data, by what they hold. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [a, b] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const isEqual = (key: string): boolean =>
    Object.is(a[key], b[key]) || (key === "options" && JSON.stringify(a[key]) === JSON.stringify(b[key]));
  return Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((key) => Object.hasOwn(b, key) && isEqual(key));
}
