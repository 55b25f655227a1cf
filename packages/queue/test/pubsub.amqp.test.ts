import { pubSubFixture } from "../src/drivers/amqp/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(pubSubFixture);
