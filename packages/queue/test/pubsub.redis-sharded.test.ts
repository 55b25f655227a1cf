import { shardedPubSubFixture } from "../src/drivers/redis/fixture.js";
import { testPubSubFixture } from "./test-pubsub.js";

testPubSubFixture(shardedPubSubFixture);
