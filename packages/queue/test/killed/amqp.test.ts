import { testKilled } from "./test-killed.js";

testKilled({ name: "amqp", env: "BK_TEST_RABBITMQ", service: "rabbitmq", url: ({ server }) => server, makingMs: 6000 });
