import { randomUUID } from "node:crypto";

const env = "BK_TEST_HAZELCAST";

/** Empties what begins with the prefix; names of tests are their own, so that the server itself is shared. */
async function destroy(url: string, prefix: string): Promise<void> {
  const { Client } = await import("hazelcast-client");
  const { host, pathname } = new URL(url);
  const client = await Client.newHazelcastClient({
    clusterName: pathname.slice(1),
    network: { clusterMembers: [host] },
    properties: { "hazelcast.logging.level": "OFF" },
  });
  const objects = await client.getDistributedObjects();
  await Promise.all(objects.filter((each) => each.getName().startsWith(prefix)).map((each) => each.destroy()));
  await client.shutdown();
}

/** Queues of tests have maps of their own, which are destroyed. */
export const queueFixture = {
  name: "hazelcast",
  env,
  open: async () => {
    const url = process.env[env]!;
    const prefix = `bk-test-${randomUUID()}:`;
    return { url, options: { prefix }, clean: () => destroy(url, prefix) };
  },
};

/** Channels of tests have names of their own, so that the ringbuffer itself is shared. */
export const pubSubFixture = { name: "hazelcast", env, open: async () => ({ url: process.env[env]! }) };
