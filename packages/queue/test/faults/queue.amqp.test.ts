import { testQueueFaults } from "./test-queue-faults.js";

testQueueFaults({ name: "amqp", env: "BK_TEST_RABBITMQ", service: "rabbitmq", impatient: { connectTimeoutMs: 1000 }, makingMs: 6000 });
