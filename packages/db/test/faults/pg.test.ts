import { fixture } from "../../src/drivers/postgres/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "pg");
