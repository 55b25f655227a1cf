import { pubSubFixture } from "../../src/drivers/nats/fixture.js";
import { testPubSubFaults } from "./test-pubsub-faults.js";

testPubSubFaults(pubSubFixture, "nats");
