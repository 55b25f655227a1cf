// Work queues on Redis: messages are taken many at a time into a lease, and settled together, by scripts.

import { withoutCommand } from "@bk/core/redis";

import type {
  DeadMessage,
  NewMessage,
  QueueCapabilities,
  QueueDriver,
  QueueDriverOptions,
  Submitted,
  Taken,
  TakeRequest,
  Which,
} from "../../queue/driver.js";
import { loadRedis, RedisCommands, type RedisClient } from "./connection.js";
import { classifyRedis } from "./errors.js";
import { redisSettings } from "./options.js";
import { isPlain, messageText, parseMessage, plainText, pushText, type RedisTaken } from "./queue-message.js";
import { purgeDeadScript, purgeScript, removeScript, retryScript, statsScript, wakeScript } from "./queue-admin-scripts.js";
import { extendScript, settleScript, submitScript, takeScript } from "./queue-scripts.js";
import { extendSteps, settleSteps } from "./queue-steps.js";
import { Sleeper } from "./sleeper.js";

const capabilities: QueueCapabilities = Object.freeze({
  durable: "broker",
  reach: "network",
  visibility: "timeout",
  delay: true,
  priorities: true,
  groups: true,
  dedupe: "pending",
  dead: true,
  stats: ["waiting", "delayed", "running", "dead"] as const,
  remove: true,
  purge: true,
  transactions: false,
  bodyBytes: 2 ** 28,
  // Lua's stack bounds the number of arguments of a command.
  most: { submit: 1000, take: 1000, settle: 1000 },
});

type Script = (base: string, ...args: (string | number)[]) => Promise<unknown>;
type QueueClient = RedisClient & Record<keyof typeof scripts, Script>;

const scripts = {
  bkSubmit: submitScript,
  bkTake: takeScript,
  bkSettle: settleScript,
  bkExtend: extendScript,
  bkStats: statsScript,
  bkPurge: purgeScript,
  bkRemove: removeScript,
  bkRetry: retryScript,
  bkPurgeDead: purgeDeadScript,
  bkWake: wakeScript,
};

/** The longest wait without looking: what is due by itself may have come nearer. */
const longestSleepMs = 5000;
const deadPart = 500;

/**
 * `redis://`, `rediss://`, `redisq://`, `redis-cluster://host1,host2`, `redis-sentinel://host1,host2/name`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function redisQueue(options: QueueDriverOptions): Promise<QueueDriver> {
  const settings = redisSettings(options);
  const module = await loadRedis();
  const commands = new RedisCommands(module, settings, options);
  const base = `{${settings.prefix}${options.queue}}:`;
  const client = withScripts(commands.client, settings.kind === "cluster" ? `${base}k` : undefined);
  const maker = Buffer.from(options.clock.randomBytes(9)).toString("base64url");
  let leases = 0;
  let sleeper: Sleeper | undefined;

  async function takeNow({ count, visibilityMs }: TakeRequest): Promise<{ readonly nextMs: number; readonly taken: readonly Taken[] }> {
    const lease = `${maker}${(leases++).toString(36)}`;
    const [next, ...messages] = (await client.bkTake(base, count, visibilityMs, lease)) as [number, ...string[]];
    return { nextMs: next, taken: messages.map((text, index) => parseMessage(text, lease, index + 1)) };
  }

  async function take(request: TakeRequest): Promise<readonly Taken[]> {
    const until = performance.now() + request.waitMs;
    for (;;) {
      await commands.ready();
      const { nextMs, taken } = await takeNow(request);
      const leftMs = until - performance.now();
      if (taken.length > 0 || leftMs <= 0 || request.signal.aborted) return taken;
      sleeper ??= new Sleeper(new RedisCommands(module, settings, { log: options.log }), `${base}k`, () => client.bkWake(base));
      await sleeper.sleep(Math.min(leftMs, longestSleepMs, nextMs < 0 ? Infinity : nextMs + 1), request.signal);
      if (request.signal.aborted) return [];
    }
  }

  /** Adds plain messages. */
  function push(messages: readonly NewMessage[]): Promise<unknown> {
    const command = new module.Command("rpush", [`${base}w`], { replyEncoding: "utf8" });
    const text = pushText(`${base}w`, messages);
    // Of the command itself only the key is known, which says where it goes. Sent without the text it would be refused.
    command.toWritable = () => text;
    return client.sendCommand(command) as Promise<unknown>;
  }

  async function inParts(which: Which, work: (ids: readonly string[]) => Promise<unknown>): Promise<number> {
    let count = 0;
    if (which !== "all") {
      for (let from = 0; from < which.length; from += deadPart) count += Number(await work(which.slice(from, from + deadPart)));
      return count;
    }
    // From one to the next, past those that stay.
    for (let start = "-"; ;) {
      const members = await client.zrangebylex(`${base}x`, start, "+", "LIMIT", 0, deadPart);
      if (members.length === 0) return count;
      count += Number(await work(members.map(idOf)));
      start = `(${members.at(-1)!}`;
    }
  }

  return {
    name: "redis",
    capabilities,
    ready: () => commands.ready(),
    async submit(messages) {
      if (messages.every(isPlain)) {
        // At half of the cost of a script; both commands leave in one packet.
        // Without being woken, consumers find the message a little later; that it is there is what counts.
        await Promise.all([push(messages), client.bkWake(base).catch(() => undefined)]);
        return messages.map(({ id }): Submitted => ({ id, duplicate: false }));
      }
      const plain: string[] = [];
      const others: (string | number)[] = [];
      for (const message of messages) {
        if (isPlain(message)) plain.push(plainText(message));
        else {
          const { id, delayMs, priority, groupKey = "", dedupeKey = "" } = message;
          others.push(id, delayMs, priority, groupKey, dedupeKey, messageText(message));
        }
      }
      const equals = (await client.bkSubmit(base, plain.length, ...plain, ...others)) as string[];
      let at = 0;
      return messages.map((message): Submitted => {
        const equal = isPlain(message) ? "" : equals[at++]!;
        return equal === "" ? { id: message.id, duplicate: false } : { id: equal, duplicate: true };
      });
    },
    take,
    async extend(taken, visibilityMs) {
      const { args, places } = extendSteps(taken as readonly RedisTaken[]);
      return inPlace(await client.bkExtend(base, visibilityMs, ...args), places);
    },
    async settle(settlements) {
      const { args, places } = settleSteps(settlements);
      return inPlace(await client.bkSettle(base, ...args), places);
    },
    async stats() {
      const [waiting, delayed, running, dead] = (await client.bkStats(base)) as [number, number, number, number];
      return { waiting, delayed, running, dead };
    },
    async purge() {
      return Number(await client.bkPurge(base));
    },
    async remove(ids) {
      return Number(await client.bkRemove(base, ...ids));
    },
    dead: {
      async list(count, start) {
        const from = start === undefined ? "-" : `(${start}`;
        const members = await client.zrangebylex(`${base}x`, from, "+", "LIMIT", 0, count + 1);
        const page = members.slice(0, count);
        const records = page.length === 0 ? [] : await client.hmget(`${base}xm`, ...page.map(idOf));
        const rows = records.flatMap((record) => (record === null ? [] : [deadOf(record)]));
        return { rows, ...(members.length > count ? { next: page.at(-1)! } : {}) };
      },
      retry: (which) => inParts(which, (ids) => client.bkRetry(base, ...ids)),
      purge: (which) => inParts(which, (ids) => client.bkPurgeDead(base, ...ids)),
    },
    classify: (error) => classifyRedis(withoutCommand(error)),
    async close() {
      if (sleeper !== undefined) {
        await sleeper.close();
        // It may have had the token.
        if (commands.client.status === "ready") await client.bkWake(base).catch(() => undefined);
      }
      await commands.close();
    },
  };
}

/**
 * @param second  named as a key of each script. While a slot moves, a node runs what names one key wherever it finds or misses that key, and scripts
 *   would find a part of the queue; what names several, one of which there never is, is to be tried again until the slot is whole
 */
function withScripts(given: RedisClient, second: string | undefined): QueueClient {
  const client = given as QueueClient;
  for (const [name, lua] of Object.entries(scripts)) {
    client.defineCommand(name, { lua, numberOfKeys: second === undefined ? 1 : 2 });
    if (second === undefined) continue;
    const run = client[name as keyof typeof scripts].bind(client) as Script;
    client[name as keyof typeof scripts] = ((first, ...rest) => run(first, second, ...rest)) as Script;
  }
  return client;
}

const idOf = (member: string): string => member.slice(member.indexOf(" ") + 1);

function deadOf(record: string): DeadMessage {
  const first = record.indexOf("\n");
  const second = record.indexOf("\n", first + 1);
  const { id, body, attempt } = parseMessage(record.slice(second + 1));
  const lastTime = Number(record.slice(0, first));
  return { id, body, attempts: attempt - 1, lastTime, error: JSON.parse(record.slice(first + 1, second)) as string };
}

/** Replies in the order of the steps, as booleans in the order of what was asked. */
function inPlace(replies: unknown, places: readonly number[]): boolean[] {
  const result: boolean[] = [];
  (replies as readonly number[]).forEach((reply, at) => (result[places[at]!] = reply === 1));
  return result;
}
