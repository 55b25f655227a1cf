const fixtureOf = (name: string, env: string) => ({ name, env, open: async () => ({ url: process.env[env]! }) });

/** Channels of tests have names of their own, so that the servers themselves are shared. */
export const pubSubFixture = fixtureOf("redis", "BK_TEST_REDIS");
export const clusterPubSubFixture = fixtureOf("redis-cluster", "BK_TEST_REDIS_CLUSTER");
