import { fixture } from "../../src/drivers/mongodb/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "mongodb");
