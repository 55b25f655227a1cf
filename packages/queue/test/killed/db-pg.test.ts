import { testKilled } from "./test-killed.js";

testKilled({ name: "db-pg", env: "BK_TEST_PG", service: "pg", url: ({ server }) => `db:${server}` });
