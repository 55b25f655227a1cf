import { sentinelPubSubFixture } from "../src/drivers/redis/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(sentinelPubSubFixture);
