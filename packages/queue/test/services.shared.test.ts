import { pubSubFixture } from "../src/drivers/shared/fixture.js";
import { testServicesFixture } from "./test-services.js";

testServicesFixture(pubSubFixture);
