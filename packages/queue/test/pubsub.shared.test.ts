import { pubSubFixture } from "../src/drivers/shared/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(pubSubFixture);
