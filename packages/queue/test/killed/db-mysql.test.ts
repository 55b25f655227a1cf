import { testKilled } from "./test-killed.js";

testKilled({ name: "db-mysql", env: "BK_TEST_MYSQL", service: "mysql", url: ({ server }) => `db:${server}` });
