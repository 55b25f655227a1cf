import { fixture } from "../../src/drivers/postgres/fixture.js";
import { testKnex } from "./test-knex.js";

testKnex(fixture);
