import { randomUUID } from "node:crypto";

/** Channels of tests have names of their own, so that the server itself is shared. */
export const pubSubFixture = {
  name: "amqp",
  env: "BK_TEST_RABBITMQ",
  open: async () => ({ url: process.env["BK_TEST_RABBITMQ"]! }),
};

/** AMQP cannot list queues: those are removed that the suite may have made. */
async function removeQueues(url: string, prefix: string): Promise<void> {
  const { connect } = await import("amqplib");
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const names = ["capabilities", ...Array.from({ length: 40 }, (_, at) => `q${at}`)];
  await Promise.all(names.flatMap((name) => [name, `${name}+dead`]).map((name) => channel.deleteQueue(prefix + name)));
  await connection.close();
}

/** Queues of tests have a prefix of their own. */
export const queueFixture = {
  name: "amqp",
  env: "BK_TEST_RABBITMQ",
  open: async () => {
    const url = process.env["BK_TEST_RABBITMQ"]!;
    const prefix = `t${randomUUID().slice(0, 13)}.`;
    return { url, options: { prefix, connectTimeoutMs: 20_000 }, clean: () => removeQueues(url, prefix) };
  },
};
