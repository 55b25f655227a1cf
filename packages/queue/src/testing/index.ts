export { type PubSubUnderTest, testPubSub } from "./pubsub-suite.js";
