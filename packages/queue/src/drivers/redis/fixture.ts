import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";

const fixtureOf = (name: string, env: string) => ({ name, env, open: async () => ({ url: process.env[env]! }) });

/** Channels of tests have names of their own, so that the servers themselves are shared. */
export const pubSubFixture = fixtureOf("redis", "BK_TEST_REDIS");
export const clusterPubSubFixture = fixtureOf("redis-cluster", "BK_TEST_REDIS_CLUSTER");
export const shardedPubSubFixture = {
  ...clusterPubSubFixture,
  open: async () => ({ ...(await clusterPubSubFixture.open()), options: { sharded: true } }),
};
export const sentinelPubSubFixture = fixtureOf("redis-sentinel", "BK_TEST_REDIS_SENTINEL");

async function removeKeys(url: string, prefix: string): Promise<void> {
  const { Redis, Cluster } = await import("ioredis");
  const removeFrom = async (node: Redis): Promise<void> => {
    for (let cursor = "0"; ;) {
      const [next, keys] = await node.scan(cursor, "MATCH", `{${prefix}*`, "COUNT", 1000);
      // One by one: the keys of different queues lie in different slots.
      await Promise.all(keys.map((key) => node.unlink(key)));
      if (next === "0") return;
      cursor = next;
    }
  };
  if (!url.startsWith("redis-cluster:")) {
    const client = new Redis(url);
    await removeFrom(client);
    return void (await client.quit());
  }
  const hosts = url.slice("redis-cluster://".length).split(",");
  const cluster = new Cluster(
    hosts.map((host) => ({ host: host.split(":")[0]!, port: Number(host.split(":")[1]) })),
    { lazyConnect: true },
  );
  await cluster.connect();
  for (const node of cluster.nodes("master")) await removeFrom(node);
  await cluster.quit();
}

const queueFixtureOf = (name: string, env: string) => ({
  name,
  env,
  open: async () => {
    const url = process.env[env]!;
    const prefix = `bk-test-${randomUUID()}:`;
    return { url, options: { prefix }, clean: () => removeKeys(url, prefix) };
  },
});

/** Queues of tests have a prefix of their own, whose keys are removed. */
export const queueFixture = queueFixtureOf("redis", "BK_TEST_REDIS");
export const clusterQueueFixture = queueFixtureOf("redis-cluster", "BK_TEST_REDIS_CLUSTER");
