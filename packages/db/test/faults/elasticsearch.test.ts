import { fixture } from "../../src/drivers/elasticsearch/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "elasticsearch");
