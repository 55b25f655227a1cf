import { randomUUID } from "node:crypto";

/** Channels of tests have names of their own, so that the server itself is shared. */
export const pubSubFixture = {
  name: "nats",
  env: "BK_TEST_NATS",
  open: async () => ({ url: process.env["BK_TEST_NATS"]! }),
};

async function removeStreams(url: string, prefix: string): Promise<void> {
  const [{ connect }, { jetstreamManager }] = await Promise.all([import("@nats-io/transport-node"), import("@nats-io/jetstream")]);
  const connection = await connect({ servers: url });
  const { streams } = await jetstreamManager(connection);
  for await (const name of streams.names()) if (name.startsWith(`${prefix}=`)) await streams.delete(name);
  await connection.close();
}

/** Queues of tests have streams of their own, which are removed. */
export const queueFixture = {
  name: "nats",
  env: "BK_TEST_NATS",
  open: async () => {
    const url = process.env["BK_TEST_NATS"]!;
    const prefix = `t${randomUUID().slice(0, 13)}`;
    return { url, options: { prefix }, clean: () => removeStreams(url, prefix) };
  },
};
