import { fixture } from "../../src/drivers/postgres/fixture.js";
import { testKnex } from "./test-knex.js";

testKnex(fixture, { slow: "SELECT pg_sleep(120)", cut: "SELECT pg_terminate_backend(pg_backend_pid())" });
