import type { Recipe } from "./recipe.js";
import { askRedis, redisCommand, redisNeeds } from "./redis.js";

/** Ports: three of the nodes, then their three bus ports. */
const NODES = 3;
const SLOTS = 16_384;

/** Redis Cluster: three primaries without replicas. */
export const redisCluster: Recipe = {
  name: "redis-cluster",
  variable: "BK_TEST_REDIS_CLUSTER",
  portCount: 2 * NODES,
  needs: redisNeeds,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: (ports) =>
    `redis-cluster://${nodesOf(ports)
      .map((port) => `127.0.0.1:${port}`)
      .join(",")}`,
  prepare: async () => undefined,
  commands: (place) =>
    nodesOf(place.ports).map((port, i) => {
      const bus = String(place.ports[NODES + i]);
      const cluster = [
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        bus,
        "--cluster-config-file",
        `nodes-${i}.conf`,
        "--cluster-node-timeout",
        "2000",
      ];
      return redisCommand(place, port, "--appenddirname", `append-${i}`, ...cluster);
    }),
  answers: async (ports) => {
    const nodes = nodesOf(ports);
    const states = await Promise.all(nodes.map((port) => askRedis(port, "CLUSTER", "INFO")));
    if (states.some((state) => state === undefined)) return false;
    if (states.every(isWhole)) return true;
    if (states.every((state) => state?.includes("cluster_slots_assigned:0\r"))) await form(ports);
    return false;
  },
};

/** Shares the slots out and introduces the nodes to the first. Nodes that were started again know all this already. */
async function form(ports: readonly number[]): Promise<void> {
  const [first = 0, ...others] = nodesOf(ports);
  for (const [i, port] of nodesOf(ports).entries()) {
    const from = Math.floor((i * SLOTS) / NODES);
    const to = Math.floor(((i + 1) * SLOTS) / NODES) - 1;
    await expectOk(port, "CLUSTER", "SET-CONFIG-EPOCH", String(i + 1));
    await expectOk(port, "CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
  }
  for (const [i, port] of others.entries())
    await expectOk(first, "CLUSTER", "MEET", "127.0.0.1", String(port), String(ports[NODES + 1 + i]));
}

async function expectOk(port: number, ...command: string[]): Promise<void> {
  const reply = await askRedis(port, ...command);
  if (reply !== "+OK") throw new Error(`redis-cluster on port ${port}: ${command.join(" ")}: ${reply ?? "no answer"}`);
}

/** A node that knows itself only is "ok" as well when it is asked too early, so the number of nodes counts too. */
function isWhole(info: string | undefined): boolean {
  return (
    info !== undefined &&
    [`cluster_state:ok`, `cluster_slots_ok:${SLOTS}`, `cluster_size:${NODES}`].every((line) => info.includes(`${line}\r`))
  );
}

function nodesOf(ports: readonly number[]): number[] {
  return ports.slice(0, NODES);
}
