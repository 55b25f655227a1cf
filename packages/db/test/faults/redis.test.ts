import { fixture } from "../../src/drivers/redis/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "redis");
