import { queueFixture } from "../../src/drivers/hazelcast/fixture.js";
import { testKilled } from "./test-killed.js";

const { name, env } = queueFixture;

// Each of the two members has the backups of the other.
testKilled({ name, env, service: "hazelcast-cluster", node: 1, url: ({ server }) => server });
