import { fixture } from "../../src/drivers/dynamodb/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(fixture, "dynamodb");
