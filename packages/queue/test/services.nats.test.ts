import { pubSubFixture } from "../src/drivers/nats/fixture.js";
import { testServicesFixture } from "./test-services.js";

testServicesFixture(pubSubFixture);
