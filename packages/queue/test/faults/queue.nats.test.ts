import { testQueueFaults } from "./test-queue-faults.js";

testQueueFaults({ name: "nats", env: "BK_TEST_NATS", service: "nats", impatient: { connectTimeoutMs: 300 } });
