import { testKilled } from "./test-killed.js";

// JetStream writes what was acknowledged some time later.
testKilled({ name: "nats", env: "BK_TEST_NATS", service: "nats", forgetsAcknowledgements: true, url: ({ server }) => server });
