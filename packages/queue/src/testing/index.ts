export { type PubSubUnderTest, testPubSub } from "./pubsub-suite.js";
export { testQueueDriver } from "./queue/index.js";
export type { KnownQueueDefect, QueueDriverUnderTest, QueueTestStore } from "./queue/suite.js";
export { type ServicesUnderTest, testServices } from "./service-suite.js";
