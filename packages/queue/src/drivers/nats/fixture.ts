/** Channels of tests have names of their own, so that the server itself is shared. */
export const pubSubFixture = {
  name: "nats",
  env: "BK_TEST_NATS",
  open: async () => ({ url: process.env["BK_TEST_NATS"]! }),
};
