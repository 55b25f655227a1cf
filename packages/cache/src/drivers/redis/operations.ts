// Each operation as a command or a script.

import type { Operation, OperationOf, OpName, ResultOf } from "../../operation.js";
import type { Stored } from "../../driver.js";
import type { RedisClient } from "./connection.js";
import type { Sender } from "./sender.js";

interface Tools {
  readonly client: RedisClient;
  readonly sender: Sender;
  readonly bytes: boolean;
}

type Table = {
  readonly [Name in OpName]: (key: string, operation: OperationOf<Name>, tools: Tools) => Promise<ResultOf<OperationOf<Name>>>;
};

export function carryOutOnRedis<Op extends Operation>(key: string, operation: Op, tools: Tools): Promise<ResultOf<Op>> {
  // The table has for each name the function for that operation, which the compiler cannot follow.
  const run = table[operation.op] as unknown as (key: string, operation: Op, tools: Tools) => Promise<ResultOf<Op>>;
  return run(key, operation, tools);
}

const table: Table = {
  async add(key, { value, ttlMs, prolong }, { client, sender, bytes }) {
    const args = [sender.word(value), ttlMs, prolong ? 1 : 0] as const;
    return sender.stored(await (bytes ? client.bkAddBuffer(key, ...args) : client.bkAdd(key, ...args)));
  },
  async swap(key, { value, ttlMs }, { client, sender }) {
    const word = sender.word(value);
    // As bytes, which are right for both.
    const before = await (ttlMs === 0 ? client.setBuffer(key, word, "GET") : client.setBuffer(key, word, "PX", ttlMs, "GET"));
    return sender.stored(before);
  },
  take: async (key, _operation, { client, sender }) => sender.stored(await client.getdelBuffer(key)),
  replace: async (key, { from, value, ttlMs }, { client, sender }) => {
    const expected = from === undefined ? [0] : [1, sender.word(from)];
    return (await client.bkReplace(key, sender.word(value), ttlMs, ...expected)) === 1;
  },
  remove: async (key, { from }, { client, sender }) => (await client.bkRemove(key, sender.word(from))) === 1,
  incr: async (key, { by, ttlMs, renew }, { client }) => Number(await client.bkIncr(key, by, ttlMs, renew ? 1 : 0)),
  setMax: async (key, { to, ttlMs }, { client }) => numberOf(await client.bkMax(key, String(to), ttlMs)),
  touch: async (key, { ttlMs }, { client }) => (await client.bkTouch(key, ttlMs)) === 1,
  async left(key, _operation, { client }) {
    const left = await client.pttl(key);
    return left === -2 ? undefined : Math.max(0, left);
  },

  async mapGet(key, { fields }, { client, sender, bytes }) {
    if (fields.length === 0) return [];
    const values: readonly unknown[] = bytes ? await client.hmgetBuffer(key, ...fields) : await client.hmget(key, ...fields);
    return values.map((value) => sender.stored(value));
  },
  async mapAll(key, _operation, { client, sender, bytes }) {
    const flat = (await (bytes ? client.bkMapAllBuffer(key) : client.bkMapAll(key))) as readonly unknown[];
    const fields: (readonly [string, Stored])[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) fields.push([String(flat[i]), sender.stored(flat[i + 1])!]);
    return fields;
  },
  async mapPut(key, { fields, ttlMs }, { client, sender }) {
    await client.bkMapPut(key, ttlMs, ...fields.flatMap(([field, value]) => [field, sender.word(value)]));
  },
  mapDel: (key, { fields }, { client }) => client.hdel(key, ...fields),
  mapIncr: async (key, { field, by, ttlMs }, { client }) => Number(await client.bkMapIncr(key, ttlMs, field, by)),
  mapMax: async (key, { field, to, ttlMs }, { client }) => numberOf(await client.bkMapMax(key, ttlMs, field, String(to))),

  async listAdd(key, { members, ttlMs }, { client, sender }) {
    const words = members.map((member) => sender.word(member));
    const [added, size] = (await client.bkListAdd(key, ttlMs, ...words)) as [number, number];
    return { added, size };
  },
  listDel: async (key, { members }, { client, sender }) =>
    members.length === 0 ? 0 : client.srem(key, ...members.map((member) => sender.word(member))),
  listHas: async (key, { member }, { client, sender }) => (await client.sismember(key, sender.word(member))) === 1,
  listAll: async (key, _operation, { client, sender }) => storedAll(await client.smembersBuffer(key), sender),
  listSize: (key, _operation, { client }) => client.scard(key),
  listPick: async (key, { count, remove }, { client, sender }) =>
    storedAll(await (remove ? client.spopBuffer(key, count) : client.srandmemberBuffer(key, count)), sender),

  async lock(key, { owner, ttlMs }, { client }) {
    const [token, retryAfterMs] = (await client.bkLock(key, owner, ttlMs)) as [string, string];
    return { token: Number(token), retryAfterMs: Number(retryAfterMs) };
  },
  extend: async (key, { owner, ttlMs }, { client }) => (await client.bkExtend(key, owner, ttlMs)) === 1,
  unlock: async (key, { owner }, { client }) => (await client.bkUnlock(key, owner ?? "")) === 1,
  locked: async (key, _operation, { client }) => (await client.bkLocked(key)) === 1,
  async limit(key, { rate, perMs, burst, cost, ttlMs, reset, multiplier }, { client }) {
    const reply = await client.bkLimit(key, rate, perMs, burst, cost, ttlMs, reset, multiplier);
    const [allowed, delayMs, remaining, total] = reply as [number, string, string, number];
    return { allowed: allowed === 1, delayMs: Number(delayMs), remaining: Number(remaining), total };
  },
};

const numberOf = (reply: unknown): number | undefined => (typeof reply === "string" ? Number(reply) : undefined);

const storedAll = (members: readonly unknown[], sender: Sender): Stored[] => members.map((member) => sender.stored(member)!);
