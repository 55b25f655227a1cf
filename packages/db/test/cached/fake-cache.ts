// A cache whose calls a test can hold, fail and look into, and a database with a driver that can be held.

import { silentLog, systemClock } from "@bk/core";
import { type CacheLike, type Db, DbError, defineTables, type Driver, openDb, table } from "@bk/db";
import { memoryDriver } from "@bk/db/drivers/memory";

type Op = "getMany" | "getOrPut" | "put" | "del";

export class FakeCache implements CacheLike {
  readonly values = new Map<string, string>();
  readonly calls: { readonly op: Op; readonly keys: readonly string[] }[] = [];
  /** Runs before a call takes effect; what it throws the call rejects with. */
  before: (op: Op, keys: readonly string[]) => void | Promise<void> = () => undefined;

  count(op: Op): number {
    return this.calls.filter((call) => call.op === op).length;
  }

  /** Keys of entries, without marks. */
  entries(): string[] {
    return [...this.values.keys()].filter((key) => /:v[0-9a-z]+:/.test(key));
  }

  async #run<T>(op: Op, keys: readonly string[], work: () => T): Promise<T> {
    this.calls.push({ op, keys });
    await this.before(op, keys);
    return work();
  }

  getMany(keys: readonly string[]): Promise<readonly unknown[]> {
    return this.#run("getMany", keys, () => keys.map((key) => this.values.get(key)));
  }

  getOrPut(key: string, value: string): Promise<unknown> {
    return this.#run("getOrPut", [key], () => {
      const there = this.values.get(key);
      if (there === undefined) this.values.set(key, value);
      return there;
    });
  }

  put(key: string, value: string): Promise<unknown> {
    return this.#run("put", [key], () => void this.values.set(key, value));
  }

  del(keys: readonly string[]): Promise<unknown> {
    return this.#run("del", keys, () => keys.filter((key) => this.values.delete(key)).length);
  }
}

/** A promise that a test keeps. */
export function gate(): {
  readonly open: () => void;
  readonly passed: Promise<void>;
} {
  let open!: () => void;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

/** Waits, turn by turn, until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("it never held");
}

export const tables = defineTables({
  person: table({ id: { primary: 1 }, age: { type: "int", value: 0 } }, { cached: { missTtlMs: 60_000 } }),
});

/** Runs around commands of a driver. */
export interface Between {
  before?: (verb: string) => void | Promise<void>;
  after?: (verb: string) => void | Promise<void>;
}

export async function openWith(store: FakeCache, url: string, between: Between = {}, more: object = {}): Promise<Db<typeof tables>> {
  const driver = await memoryDriver({ url, options: {}, clock: systemClock, log: silentLog });
  const slow: Driver<unknown> = {
    ...(driver as Driver<unknown>),
    close: () => driver.close(),
    async execute(command, values, signal) {
      const { verb } = (command as { shape: { verb: string } }).shape ?? {};
      const name = verb ?? String((command as { verb?: string }).verb);
      await between.before?.(name);
      const reply = await driver.execute(command as never, values, signal);
      await between.after?.(name);
      return reply;
    },
  };
  const db = await openDb({ driver: slow, tables, cache: { store, awayMs: 5, waitMs: 100 }, attempts: 1, ...more });
  await db.sync();
  return db;
}

export const away = (): never => {
  throw new DbError("unavailable", "the store is away");
};
