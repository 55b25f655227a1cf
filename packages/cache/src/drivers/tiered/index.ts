import { integer, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";
import type { Awaitable, Bus, CacheDriver, Call, DriverOptions, Stored } from "../../driver.js";
import { wrongOption } from "../../errors.js";
import { type Operation, reads, type ResultOf } from "../../operation.js";
import { LocalStore } from "../local/store.js";

const types = {
  max: integer({ min: 1 }),
  maxBytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  localTtlMs: integer({ min: 1 }),
  channel: string(),
  bus: settingsOf<Bus>("a bus: publish and subscribe"),
  remote: settingsOf<Readonly<Record<string, unknown>>>("the driver behind"),
};

const wrong = wrongOption("tiered");

/** What is told to the other processes. */
type Message = { readonly from: string; readonly keys: readonly string[] } | { readonly from: string; readonly all: true };

/** Operations that do not touch what lies in this process. */
const besideValues: ReadonlySet<string> = new Set([...reads, "lock", "extend", "unlock", "limit"]);

/**
 * Memory of this process in front of another store: `tiered:redis://host`. Values that were read are kept here until they expire, are
 * changed by anybody, or `localTtlMs` is over. Who changes one tells the others over a bus: that of the store behind, or one that is given.
 *
 * Options: `localTtlMs` (30,000), `max` entries here (10,000), `maxBytes` here, `channel` of the bus (`bk:cache`), `bus`, and `remote`, the
 * settings of the driver behind.
 *
 * @throws CacheError `invalid` naming the field for a wrong URL or option, or where there is no bus
 */
export async function tieredDriver({ url, options, clock, log, open }: DriverOptions): Promise<CacheDriver> {
  const behind = url.slice(url.indexOf(":") + 1);
  const given = readOptions(options, types, wrong);
  const { localTtlMs = 30_000, max = 10_000, maxBytes, channel = "bk:cache" } = given;
  const scheme = parseConnectUrl(behind).scheme;
  if (scheme === "tiered") throw wrong("url", "the store behind is another one than tiered:");
  const remote = await open(behind, given.remote ?? {});
  const bus = given.bus ?? remote.bus?.();
  if (bus === undefined || typeof bus.publish !== "function" || typeof bus.subscribe !== "function") {
    await remote.close();
    throw wrong("bus", `option "bus" must be given with ${scheme}:, which carries no messages`);
  }
  const local = new LocalStore({ max, maxBytes, clock });
  const front = new Front(remote, bus, local, localTtlMs, channel, Array.from(clock.randomBytes(9), (byte) => byte.toString(36)).join(""));

  return {
    name: `tiered ${remote.name}`,
    capabilities: { ...remote.capabilities, peek: true },
    get isReady() {
      return remote.isReady;
    },
    peek: (key) => local.peek(key),
    get: (key, call) => front.get(key, call),
    getMany: (keys, call) => Promise.all(keys.map(async (key) => front.get(key, call))),
    put: (key, value, ttlMs, call) => front.change([key], remote.put(key, value, ttlMs, call)),
    putMany: (entries, ttlMs, call) =>
      front.change(
        entries.map(([key]) => key),
        remote.putMany(entries, ttlMs, call),
      ),
    del: (keys, call) => front.change(keys, remote.del(keys, call)),
    apply: <Op extends Operation>(key: string, operation: Op, call: Call): Awaitable<ResultOf<Op>> => {
      const result = remote.apply(key, operation, call);
      return besideValues.has(operation.op) ? result : front.change([key], result);
    },
    ...(remote.keys === undefined ? {} : { keys: (match, call) => remote.keys!(match, call) }),
    async clear(match, call) {
      await remote.clear(match, call);
      local.clear(match);
      await front.tell({ all: true });
    },
    stats: async (call) => ({ ...(await remote.stats?.(call)), raw: { local: local.stats() } }),
    bus: () => bus,
    async close() {
      await front.close((error) => log.debug("the bus of a tiered cache could not be left", { error: String(error) }));
      await remote.close();
    },
  };
}

/** What lies in this process, and what makes it go. */
class Front {
  readonly #remote: CacheDriver;
  readonly #bus: Bus;
  readonly #local: LocalStore;
  readonly #localTtlMs: number;
  readonly #channel: string;
  readonly #id: string;
  /** Reads that are under way, by key: what they find is not kept when the key is changed meanwhile. */
  readonly #reading = new Map<string, Set<{ isOvertaken: boolean }>>();
  #subscription: Promise<{ close(): Promise<unknown> }> | undefined;
  #isListening = false;
  /** Whether the others have not been told of everything. */
  #isBehind = false;

  constructor(remote: CacheDriver, bus: Bus, local: LocalStore, localTtlMs: number, channel: string, id: string) {
    this.#remote = remote;
    this.#bus = bus;
    this.#local = local;
    this.#localTtlMs = localTtlMs;
    this.#channel = channel;
    this.#id = id;
  }

  get(key: string, call: Call): Awaitable<Stored | undefined> {
    const here = this.#local.get(key);
    return here ?? this.#read(key, call);
  }

  async #read(key: string, call: Call): Promise<Stored | undefined> {
    if (!this.#isListening) this.#listen();
    const read = { isOvertaken: !this.#isListening };
    const own = this.#reading.get(key) ?? new Set();
    this.#reading.set(key, own.add(read));
    try {
      // Sent together. The time left is asked for last, so that it is never too long.
      const [value, left] = await Promise.all([
        this.#remote.get(key, call),
        this.#isListening ? this.#remote.apply(key, { op: "left" } as const, call) : undefined,
      ]);
      if (value !== undefined && left !== undefined && !read.isOvertaken)
        this.#local.put(key, value, left === 0 ? this.#localTtlMs : Math.min(left, this.#localTtlMs));
      return value;
    } finally {
      own.delete(read);
      if (own.size === 0) this.#reading.delete(key);
    }
  }

  /** A change: when it is made, or may be, what lies here goes, and the others are told. */
  async change<T>(keys: readonly string[], made: Awaitable<T>): Promise<T> {
    this.#drop(keys);
    try {
      return await made;
    } finally {
      this.#drop(keys);
      await this.tell({ keys });
    }
  }

  /** The change is made, whatever becomes of the message. When one could not be sent, the next says that anything may have changed. */
  async tell(message: { keys: readonly string[] } | { all: true }): Promise<void> {
    const told = this.#isBehind ? ({ all: true } as const) : message;
    this.#isBehind = false;
    const text = JSON.stringify({ from: this.#id, ...told } satisfies Message);
    await this.#bus.publish(this.#channel, text).catch(() => (this.#isBehind = true));
  }

  async close(failed: (error: unknown) => void): Promise<void> {
    try {
      await (await this.#subscription)?.close();
    } catch (error) {
      failed(error);
    }
  }

  /** Until it listens nothing is kept here: it would not hear of changes. */
  #listen(): void {
    this.#subscription ??= this.#bus
      .subscribe(
        this.#channel,
        (text) => this.#hear(text),
        () => this.#catchUp(),
      )
      .then((subscription) => {
        this.#isListening = true;
        return subscription;
      });
    // The next read tries again.
    this.#subscription.catch(() => (this.#subscription = undefined));
  }

  #hear(text: string): void {
    let message: Partial<{ from: string; keys: string[] }>;
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      // Somebody else speaks on the channel.
      return;
    }
    if (message.from === this.#id) return;
    if (Array.isArray(message.keys)) this.#drop(message.keys);
    else this.#forget();
  }

  /** The bus is back, or has dropped something. */
  #catchUp(): void {
    this.#forget();
    if (this.#isBehind) void this.tell({ all: true });
  }

  #drop(keys: readonly string[]): void {
    this.#local.del(keys);
    for (const key of keys) for (const read of this.#reading.get(key) ?? []) read.isOvertaken = true;
  }

  #forget(): void {
    this.#local.clear({ prefix: "", pattern: undefined });
    for (const reads of this.#reading.values()) for (const read of reads) read.isOvertaken = true;
  }
}
