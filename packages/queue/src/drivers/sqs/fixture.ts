import { randomUUID } from "node:crypto";

const fixtureOf = (name: string, more: string) => ({
  name,
  env: "BK_TEST_SQS",
  grainMs: 1000,
  // Each store has a region of its own, so that the server is shared; it keeps queues in memory alone.
  open: async () => ({
    url: `${process.env["BK_TEST_SQS"]!}${more}`,
    options: { prefix: `t${randomUUID().slice(0, 8)}-`, pollSeconds: 1 },
  }),
});

export const queueFixture = fixtureOf("sqs", "");
export const fifoQueueFixture = fixtureOf("sqs-fifo", "&fifo=true");
