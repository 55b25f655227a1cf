import { setFixture } from "../../src/drivers/mongodb/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(setFixture, "mongodb-set");
