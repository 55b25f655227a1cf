import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

/** A database in a folder of its own. */
export const queueFixture = {
  name: "db",
  env: undefined,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), "bk-queue-"));
    return { url: `db:sqlite:${join(folder, "queue.db")}`, clean: async () => rmSync(folder, { recursive: true }) };
  },
};

/** Queues of tests have names of their own; what they leave is in one table. */
const onServer = (name: string, env: string) => ({
  name,
  env,
  open: async () => ({ url: `db:${process.env[env]!}`, prefix: randomUUID().slice(0, 8) }),
});

export const postgresQueueFixture = onServer("db-pg", "BK_TEST_PG");
export const mysqlQueueFixture = onServer("db-mysql", "BK_TEST_MYSQL");
export const dynamodbQueueFixture = onServer("db-dynamodb", "BK_TEST_DYNAMODB");
export const mariadbQueueFixture = onServer("db-mariadb", "BK_TEST_MARIADB");
export const redisQueueFixture = onServer("db-redis", "BK_TEST_REDIS");
export const redisClusterQueueFixture = onServer("db-redis-cluster", "BK_TEST_REDIS_CLUSTER");
export const mongodbQueueFixture = onServer("db-mongodb", "BK_TEST_MONGODB");
