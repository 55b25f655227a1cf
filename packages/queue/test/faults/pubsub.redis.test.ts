import { pubSubFixture } from "../../src/drivers/redis/fixture.js";
import { testPubSubFaults } from "./test-pubsub-faults.js";

testPubSubFaults(pubSubFixture, "redis");
