import { testKilled } from "./test-killed.js";

testKilled({ name: "redis", env: "BK_TEST_REDIS", service: "redis", url: ({ server }) => server, locks: (server) => server });
