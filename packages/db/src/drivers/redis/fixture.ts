import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";

/** A clean part of a test server: keys that begin with a prefix of its own. */
export interface RedisInstance {
  readonly url: string;
  readonly options: Readonly<Record<string, unknown>>;
  clean(): Promise<void>;
}

async function openInstance(env: string, more: Readonly<Record<string, unknown>> = {}): Promise<RedisInstance | undefined> {
  const url = process.env[env];
  if (url === undefined) return undefined;
  const prefix = `bk-test-${randomUUID()}:`;
  return { url, options: { prefix, ...more }, clean: () => removeKeys(url, prefix) };
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const { Redis, Cluster } = await import("ioredis");
  if (!url.startsWith("redis-cluster:")) {
    const client = new Redis(url);
    await removeFrom(client, prefix);
    return void (await client.quit());
  }
  const hosts = url
    .slice("redis-cluster://".length)
    .split(",")
    .map((host) => ({ host: host.split(":")[0]!, port: Number(host.split(":")[1]) }));
  const cluster = new Cluster(hosts, { lazyConnect: true });
  await cluster.connect();
  for (const node of cluster.nodes("master")) await removeFrom(node, prefix);
  await cluster.quit();
}

async function removeFrom(node: Redis, prefix: string): Promise<void> {
  for (let cursor = "0"; ;) {
    const [next, keys] = await node.scan(cursor, "MATCH", `{${prefix}*`, "COUNT", 1000);
    // One by one: the keys of different tables lie in different slots.
    await Promise.all(keys.map((key) => node.unlink(key)));
    if (next === "0") return;
    cursor = next;
  }
}

/** The test instances of this driver. */
export const fixture = {
  name: "redis",
  driver: "redis",
  env: "BK_TEST_REDIS",
  open: () => openInstance("BK_TEST_REDIS"),
};

export const clusterFixture = {
  name: "redis-cluster",
  driver: "redis",
  env: "BK_TEST_REDIS_CLUSTER",
  open: () => openInstance("BK_TEST_REDIS_CLUSTER"),
};

/** All tables in one slot, where transactions over several are possible. */
export const taggedClusterFixture = { ...clusterFixture, open: () => openInstance(clusterFixture.env, { tag: "all" }) };
