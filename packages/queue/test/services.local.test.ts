import { pubSubFixture } from "../src/drivers/local/fixture.js";
import { testServicesFixture } from "./test-services.js";

testServicesFixture(pubSubFixture);
