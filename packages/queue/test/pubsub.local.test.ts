import { pubSubFixture } from "../src/drivers/local/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(pubSubFixture);
