import { clusterPubSubFixture } from "../src/drivers/redis/fixture.js";
import { testServicesFixture } from "./test-services.js";

testServicesFixture(clusterPubSubFixture);
