import { pubSubFixture } from "../src/drivers/hazelcast/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(pubSubFixture);
