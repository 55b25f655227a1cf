import { openFaultProxy } from "../../../../test/fault-proxy.js";
import { choosePorts } from "../../../../test/services/choose-ports.js";
import { hazelcastBehind } from "../../../../test/services/hazelcast.js";
import { startService } from "../../../../test/services/index.js";
import { pubSubFixture } from "../../src/drivers/hazelcast/fixture.js";
import { testPubSubFaults } from "./test-pubsub-faults.js";

testPubSubFaults(pubSubFixture, async () => {
  const [port] = await choosePorts(1);
  const proxy = await openFaultProxy(port!);
  return { proxy, server: await startService(hazelcastBehind(proxy.port), { port: port! }) };
});
