import { mariadbFixture } from "../../src/drivers/mysql/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(mariadbFixture, "mariadb");
