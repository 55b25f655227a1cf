import { testQueueFaults } from "./test-queue-faults.js";

testQueueFaults({ name: "db-pg", env: "BK_TEST_PG", service: "pg", url: (server) => `db:${server}` });
