import { fixture } from "../../src/drivers/riak/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "riak");
