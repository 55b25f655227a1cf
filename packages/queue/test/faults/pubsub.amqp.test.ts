import { pubSubFixture } from "../../src/drivers/amqp/fixture.js";
import { testPubSubFaults } from "./test-pubsub-faults.js";

testPubSubFaults(pubSubFixture, "rabbitmq");
