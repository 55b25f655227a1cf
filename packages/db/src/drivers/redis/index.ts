import { readOptions } from "@bk/core";
import { withoutCommand } from "@bk/core/redis";

import type { Driver, DriverOptions } from "../../driver.js";
import { DbError } from "../../errors.js";
import { type KvCommand, kvDriver } from "../../engines/kv/engine.js";
import type { Table } from "../../schema/table.js";
import { connectRedis, type RedisConnection } from "./connection.js";
import { classifyRedis } from "./errors.js";
import { redisOptions, tagOption } from "./options.js";
import { redisStore } from "./store.js";

/**
 * Redis 5 and later, alone (`redis:`, `rediss:` with TLS) or a cluster (`redis-cluster:`), through ioredis.
 *
 * Nothing is connected before the first command.
 *
 * @throws DbError `invalid` naming the field for a wrong URL or option; `driver-missing` when ioredis is not installed
 */
export async function redisDriver(options: DriverOptions): Promise<Driver<KvCommand>> {
  const settings = redisOptions(options);
  const connection = await connectRedis(settings, options.log);
  const [first] = settings.hosts;
  const driver = kvDriver("redis", redisStore(connection, settings), {
    clock: options.clock,
    // Every error of the store passes here before anybody sees it.
    classify: (error) => classifyRedis(withoutCommand(error)),
    placeOf: (table) => placeOf(table, settings.tag),
    capabilities: {
      group: { get: { most: 1000, outcome: "whole" }, put: { most: 256, outcome: "whole" } },
      ttl: true,
      // A script works in one slot.
      ...(settings.isCluster ? { atomic: { within: "slot" } } : {}),
    },
  });
  return {
    ...driver,
    endpoint: { system: "redis", namespace: String(settings.database), address: first!.host, port: first!.port },
    checkBag: (bag, of, fail) => void readOptions(bag, of === "table" ? { tag: tagOption } : {}, fail),
    native: (command) => native(connection, command),
  };
}

/** A table's place: its name, after the tag that it shares with others. */
function placeOf({ name, settings }: Table, commonTag: string | undefined): string {
  const tag = settings.drivers?.["redis"]?.["tag"] ?? commonTag;
  return tag === undefined ? name : `${tag as string}/${name}`;
}

async function native(connection: RedisConnection, command: unknown): Promise<unknown> {
  if (!Array.isArray(command) || command.length === 0 || !command.every((word) => typeof word === "string" || typeof word === "number"))
    throw new DbError("invalid", 'a native command is a list of texts and numbers, as ["GET", "key"]', { driver: "redis" });
  const [name, ...args] = command as [string, ...(string | number)[]];
  const client = await connection.client();
  try {
    return await client.call(String(name), ...args);
  } catch (error) {
    throw withoutCommand(error);
  }
}
