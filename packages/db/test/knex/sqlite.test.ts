import { fixture } from "../../src/drivers/sqlite/fixture.js";
import { testKnex } from "./test-knex.js";

testKnex(fixture);
