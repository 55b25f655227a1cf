import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the range from which systems take the ports of outgoing connections, so that none of these takes it meanwhile. */
const FIRST = 20_000;
const LAST = 32_000;

const here: readonly string[] = ["127.0.0.1"];

/**
 * Chooses `count` ports in a row: from `first` on when it is given, else ones that nothing on `hosts` listens on.
 *
 * @throws Error  when fifty tries found none
 */
export async function choosePorts(count: number, first?: number, hosts: readonly string[] = here): Promise<number[]> {
  if (first !== undefined) return inARow(first, count);
  for (let attempt = 0; attempt < 50; attempt++) {
    const ports = inARow(randomInt(FIRST, LAST - count), count);
    const free = await Promise.all(ports.map((port) => isFree(port, hosts)));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`no ${count} free ports in a row between ${FIRST} and ${LAST}`);
}

/**
 * Makes sure that a server asked on these ports is not a stranger.
 *
 * @throws Error  when something listens on one of them
 */
export async function requireFree(ports: readonly number[], hosts: readonly string[] = here): Promise<void> {
  for (const port of ports) {
    if (!(await isFree(port, hosts))) throw new Error(`port ${port} is taken by another process`);
  }
}

function inARow(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

async function isFree(port: number, hosts: readonly string[]): Promise<boolean> {
  return (await Promise.all(hosts.map((host) => canListen(port, host)))).every(Boolean);
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
