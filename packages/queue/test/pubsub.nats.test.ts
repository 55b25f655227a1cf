import { pubSubFixture } from "../src/drivers/nats/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(pubSubFixture);
