import { fixture } from "../../src/drivers/cassandra/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "cassandra");
