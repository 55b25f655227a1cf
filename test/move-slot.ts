import { Redis } from "ioredis";

type Slots = readonly (readonly [number, number, readonly [string, number, string]])[];

/**
 * Moves slots of a Redis Cluster from the nodes that have them to others, as an operator does: key by key, while both nodes serve.
 * Resolves when all nodes know.
 *
 * @param url    `redis-cluster://host:port,…`, with all primaries
 * @param match  glob of the keys whose slots are moved
 * @returns how many slots were moved
 */
export async function moveSlots(url: string, match: string): Promise<number> {
  const ports = [...url.matchAll(/:(\d+)/g)].map(([, port]) => Number(port));
  const nodes = ports.map((port) => new Redis(port));
  try {
    const ids = (await Promise.all(nodes.map((node) => node.call("CLUSTER", "MYID")))) as string[];
    const slots = new Set<number>();
    for (const node of nodes) for (const key of await node.keys(match)) slots.add((await node.call("CLUSTER", "KEYSLOT", key)) as number);
    const table = (await nodes[0]!.call("CLUSTER", "SLOTS")) as Slots;
    for (const slot of slots) {
      const owner = table.find(([first, last]) => slot >= first && slot <= last)![2][2];
      const from = ids.indexOf(owner);
      const to = (from + 1) % nodes.length;
      await nodes[to]!.call("CLUSTER", "SETSLOT", slot, "IMPORTING", owner);
      await nodes[from]!.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to]!);
      for (;;) {
        const keys = (await nodes[from]!.call("CLUSTER", "GETKEYSINSLOT", slot, 1)) as string[];
        if (keys.length === 0) break;
        await nodes[from]!.call("MIGRATE", "127.0.0.1", ports[to]!, "", 0, 5000, "KEYS", ...keys);
      }
      // First the new owner: the old one would send callers on to it.
      for (const at of [to, from, ...ids.keys()]) await nodes[at]!.call("CLUSTER", "SETSLOT", slot, "NODE", ids[to]!);
    }
    return slots.size;
  } finally {
    for (const node of nodes) node.disconnect();
  }
}
