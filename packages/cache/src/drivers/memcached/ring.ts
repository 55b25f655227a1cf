// Where keys lie: consistent hashing over several servers, with the points that libketama gives them, so that other clients
// which follow it find the same server.

import { createHash } from "node:crypto";

/** Points of one server on the ring; each digest gives four. */
const digestsEach = 40;

export class Ring<Server> {
  readonly #points: { readonly at: number; readonly server: Server }[] = [];
  readonly #count: number;

  constructor(servers: readonly (readonly [name: string, server: Server])[]) {
    this.#count = servers.length;
    for (const [name, server] of servers)
      for (let i = 0; i < digestsEach; i++) {
        const digest = createHash("md5").update(`${name}-${i}`).digest();
        for (let part = 0; part < 4; part++) this.#points.push({ at: digest.readUInt32LE(part * 4), server });
      }
    this.#points.sort((a, b) => a.at - b.at);
  }

  /** The servers of a key, its own first, then those that stand in for it. */
  *serversOf(key: string): IterableIterator<Server> {
    if (this.#count === 1) return yield this.#points[0]!.server;
    const hash = createHash("md5").update(key).digest().readUInt32LE(0);
    let [low, high] = [0, this.#points.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#points[middle]!.at < hash) low = middle + 1;
      else high = middle;
    }
    const given = new Set<Server>();
    for (let i = 0; given.size < this.#count && i < this.#points.length; i++) {
      const { server } = this.#points[(low + i) % this.#points.length]!;
      if (given.has(server)) continue;
      given.add(server);
      yield server;
    }
  }
}
