/** Channels of tests have names of their own, so that the server itself is shared. */
export const pubSubFixture = {
  name: "amqp",
  env: "BK_TEST_RABBITMQ",
  open: async () => ({ url: process.env["BK_TEST_RABBITMQ"]! }),
};
