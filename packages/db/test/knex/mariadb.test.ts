import { mariadbFixture as fixture } from "../../src/drivers/mysql/fixture.js";
import { testKnex } from "./test-knex.js";

testKnex(fixture, { slow: "SELECT SLEEP(120)", cut: "KILL CONNECTION_ID()" });
