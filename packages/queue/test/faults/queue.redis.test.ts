import { testQueueFaults } from "./test-queue-faults.js";

testQueueFaults({ name: "redis", env: "BK_TEST_REDIS", service: "redis", impatient: { connectTimeoutMs: 300 } });
