// Services on Redis: each instance subscribes to a channel of its own and keeps its name in a sorted set; a script picks one and
// publishes the call to it. That nobody heard it is known at once. In a cluster the channels are sharded: those of a service lie in the slot
// of its set, whose node knows who hears them.

import { withoutCommand } from "@bk/core/redis";

import type { Cluster } from "ioredis";

import type { Payload, Sink } from "../../pubsub/driver.js";
import type { InstanceInfo, ServiceCaller, ServiceDriver, ServiceDriverOptions, ServiceHost, Serving } from "../../services/driver.js";
import { loadRedis, type RedisClient, RedisCommands } from "./connection.js";
import { classifyRedis } from "./errors.js";
import { redisSettings } from "./options.js";
import { ShardedSubscriber } from "./sharded-subscriber.js";
import { RedisSubscriber } from "./subscriber.js";

type Publish = "publish" | "spublish";

/** What listens to channels. */
interface Subscriber {
  add(channel: string, sink: Sink): Promise<void>;
  remove(channel: string, sink: Sink): Promise<void>;
  close(): Promise<void>;
}

/** How long an instance is found that is not heard of any more. */
const aliveMs = 15_000;
const renewMs = 5000;

// Picks an instance by chance, and another where nobody hears. Gives how many were reached: 0 or 1.
const callScript = (publish: Publish): string => `
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000)
while true do
  local id = redis.call('ZRANDMEMBER', KEYS[1])
  if not id then return 0 end
  if redis.call('${publish}', ARGV[1] .. id, ARGV[2]) > 0 then return 1 end
  redis.call('ZREM', KEYS[1], id)
end
`;
// Keeps an instance in the set for some more milliseconds, by the server's time.
const renewScript = `
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`;

type Scripts = Record<"bkCall" | "bkRenew", (key: string, ...args: string[]) => Promise<number>>;

/**
 * `redis://`, `rediss://`, `redis-sentinel://host1,host2/name`; `redis-cluster://host1,host2` of Redis 7.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function redisServices(options: ServiceDriverOptions): Promise<ServiceDriver> {
  const settings = redisSettings(options);
  const module = await loadRedis();
  const commands = new RedisCommands(module, settings, options);
  const publish = settings.kind === "cluster" ? "spublish" : "publish";
  commands.client.defineCommand("bkCall", { lua: callScript(publish), numberOfKeys: 1 });
  commands.client.defineCommand("bkRenew", { lua: renewScript, numberOfKeys: 1 });
  if (settings.kind === "cluster") {
    const sharded = new ShardedSubscriber(module, settings, commands.client as Cluster, options);
    return new RedisServices(commands, sharded, publish, settings.prefix, options);
  }
  const subscriber = new RedisSubscriber(module, settings, () => [], options);
  const plain: Subscriber = {
    add: (channel, sink) => subscriber.add("channel", channel, sink),
    remove: (channel, sink) => subscriber.remove("channel", channel, sink),
    close: () => subscriber.close(),
  };
  return new RedisServices(commands, plain, publish, settings.prefix, options);
}

class RedisServices implements ServiceDriver {
  readonly name = "redis";
  readonly capabilities = { reach: "network", batches: true } as const;
  readonly maxBytes = 2 ** 28;
  readonly #commands: RedisCommands;
  readonly #client: RedisClient & Scripts;
  readonly #subscriber: Subscriber;
  readonly #publish: Publish;
  readonly #prefix: string;
  readonly #options: ServiceDriverOptions;
  readonly #inbox: string;
  readonly #asked = new Map<string, (info: InstanceInfo) => void>();
  #caller: ServiceCaller | undefined;
  #receiving: Promise<void> | undefined;
  #lastAsked = 0;

  constructor(commands: RedisCommands, subscriber: Subscriber, publish: Publish, prefix: string, options: ServiceDriverOptions) {
    this.#commands = commands;
    this.#client = commands.client as RedisClient & Scripts;
    this.#subscriber = subscriber;
    this.#publish = publish;
    this.#prefix = prefix;
    this.#options = options;
    this.#inbox = `${prefix}reply:${globalThis.crypto.randomUUID()}`;
  }

  ready(): Promise<void> | undefined {
    return this.#commands.ready();
  }

  async receive(caller: ServiceCaller): Promise<void> {
    this.#caller = caller;
    await this.#listenToInbox();
  }

  send(service: string, method: string, body: string, token: string): void {
    this.#call(service, `${this.#inbox}\n${token}\n${method}\n${body}`, token);
  }

  sendBatch(service: string, body: string, token: string): void {
    this.#call(service, `${this.#inbox}\n${token}\n\n${body}`, token);
  }

  async post(service: string, method: string, body: string): Promise<void> {
    await this.#client.bkCall(this.#setOf(service), this.#channelOf(service, ""), `\n\n${method}\n${body}`);
  }

  async postAll(service: string, body: string): Promise<void> {
    await this.#client[this.#publish](this.#channelOf(service, "all"), body);
  }

  async serve(service: string, host: ServiceHost): Promise<Serving> {
    const { id } = host.describe("ping") as InstanceInfo;
    const own = this.#channelOf(service, id);
    const all = this.#channelOf(service, "all");
    const renew = async (): Promise<void> => {
      await this.#client.bkRenew(this.#setOf(service), id, String(aliveMs));
    };
    const renewQuietly = (): void => {
      // Callers do not find it until the next time.
      renew().catch((error: unknown) =>
        this.#options.log.debug("redis: a service could not renew its name", { error: withoutCommand(error) }),
      );
    };
    const calls = sinkOf((payload) => this.#take(host, textOf(payload)), renewQuietly);
    const toAll = sinkOf(
      (payload) => host.all(textOf(payload)),
      () => undefined,
    );
    await this.#subscriber.add(own, calls);
    await this.#subscriber.add(all, toAll);
    await renew();
    await this.#client.sadd(this.#names, service);
    const timer = setInterval(renewQuietly, renewMs);
    timer.unref();
    return {
      close: async () => {
        clearInterval(timer);
        // First callers find it no more, then it hears no more.
        await this.#client.zrem(this.#setOf(service), id);
        await this.#subscriber.remove(own, calls);
        await this.#subscriber.remove(all, toAll);
      },
    };
  }

  async discover(kind: "ping" | "info" | "stats", service: string | undefined, waitMs: number): Promise<readonly InstanceInfo[]> {
    await this.#listenToInbox();
    const found: InstanceInfo[] = [];
    const token = `d${++this.#lastAsked}`;
    let [asked, hasAskedAll] = [0, false];
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#asked.set(token, (info) => {
      found.push(info);
      if (hasAskedAll && found.length >= asked) end();
    });
    const timer = setTimeout(() => end(), waitMs);
    try {
      const services = service === undefined ? await this.#client.smembers(this.#names) : [service];
      for (const each of services) {
        const ids = await this.#client.zrange(this.#setOf(each), "0", "-1");
        for (const id of ids) {
          const question = `${this.#inbox}\n${token}\n${kind}?\n`;
          asked += Number(await this.#client[this.#publish](this.#channelOf(each, id), question));
        }
      }
      hasAskedAll = true;
      if (found.length < asked) await ended;
    } finally {
      clearTimeout(timer);
      this.#asked.delete(token);
    }
    return found;
  }

  classify(error: unknown): ReturnType<ServiceDriver["classify"]> {
    return classifyRedis(withoutCommand(error));
  }

  async close(): Promise<void> {
    await Promise.all([this.#subscriber.close(), this.#commands.close()]);
  }

  #call(service: string, message: string, token: string): void {
    this.#client.bkCall(this.#setOf(service), this.#channelOf(service, ""), message).then(
      (reached) => {
        if (reached === 0) this.#caller?.nobody(token);
      },
      (error: unknown) => this.#caller?.broken(token, error),
    );
  }

  /** A call as `#call` writes it: where the answer goes, its token, the method, and the body. */
  #take(host: ServiceHost, text: string): void {
    const [inbox = "", token = "", method = ""] = text.split("\n", 3);
    const body = text.slice(inbox.length + token.length + method.length + 3);
    const reply = (answer: string): void => {
      // An answer that comes when the connection is gone has nobody to go to; its call times out.
      this.#client[this.#publish](inbox, `${token}\n${answer}`).catch((error: unknown) => {
        this.#options.log.debug("redis: an answer of a service was lost", { error: withoutCommand(error) });
      });
    };
    if (method.endsWith("?")) reply(JSON.stringify(host.describe(method.slice(0, -1) as "ping")));
    else if (inbox === "") host.call(method, body, undefined);
    else if (method === "") host.calls(body, reply);
    else host.call(method, body, reply);
  }

  #listenToInbox(): Promise<void> {
    const answers = sinkOf(
      (payload) => this.#answered(textOf(payload)),
      () => undefined,
    );
    this.#receiving ??= this.#subscriber.add(this.#inbox, answers).catch((error: unknown) => {
      this.#receiving = undefined;
      throw error;
    });
    return this.#receiving;
  }

  #answered(text: string): void {
    const end = text.indexOf("\n");
    const token = text.slice(0, end);
    const body = text.slice(end + 1);
    if (!token.startsWith("d")) return this.#caller?.answered(token, body);
    try {
      this.#asked.get(token)?.(JSON.parse(body) as InstanceInfo);
    } catch {
      // What is not ours is no instance.
    }
  }

  get #names(): string {
    return `${this.#prefix}services`;
  }

  #setOf(service: string): string {
    const name = `${this.#prefix}service:${service}`;
    return this.#publish === "spublish" ? `{${name}}` : name;
  }

  #channelOf(service: string, id: string): string {
    return `${this.#setOf(service)}:${id}`;
  }
}

function sinkOf(deliver: (payload: Payload) => void, missed: () => void): Sink {
  return { deliver: (_channel, payload) => deliver(payload), missed, failed: () => undefined };
}

function textOf(payload: Payload): string {
  return typeof payload === "string" ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
}
