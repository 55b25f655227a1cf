import { fixture } from "../../src/drivers/couchdb/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "couchdb");
