import { parseConnectUrl, silentLog, systemClock } from "@bk/core";
import { describe, it } from "vitest";

import { testQueueDriver, type KnownQueueDefect } from "@bk/queue/testing";
import type { QueueDriver } from "../src/queue/driver.js";
import { queueDriverFor } from "../src/queue/registry.js";
import { canRun, idOf } from "./test-pubsub.js";

/** What each driver's `fixture.ts` exports for work queues. */
export interface QueueFixture {
  /** As in `driver: queue-<name>`. */
  readonly name: string;
  /** The variable with the server's URL; undefined where no server is needed. */
  readonly env: string | undefined;
  readonly grainMs?: number;
  readonly knownDefects?: readonly KnownQueueDefect[];
  /** A clean part of the server. */
  open(): Promise<{
    readonly url: string;
    readonly options?: Readonly<Record<string, unknown>>;
    clean?(): Promise<void>;
    /** What names of queues begin with, where the server is shared. */
    readonly prefix?: string;
  }>;
}

/** Registers the behaviour suite; a driver that cannot run here counts as not run. */
export function testQueueFixture(fixture: QueueFixture): void {
  if (!canRun(fixture)) {
    describe("not run here", () => it.skip(idOf(fixture.name), () => undefined));
    return;
  }
  const { name, grainMs, knownDefects } = fixture;
  const id = idOf(name);
  testQueueDriver({
    id,
    ...(grainMs === undefined ? {} : { grainMs }),
    ...(knownDefects === undefined ? {} : { knownDefects }),
    async openStore() {
      const { url, options = {}, clean, prefix = "" } = await fixture.open();
      const openQueueDriver = await queueDriverFor(url.startsWith("db:") ? "db" : parseConnectUrl(url).scheme);
      const open = (queue: string): Promise<QueueDriver> =>
        openQueueDriver!({ url, queue: prefix + queue, options, clock: systemClock, log: silentLog });
      // A queue in memory lives as long as somebody has it open.
      const kept = new Map<string, QueueDriver>();
      return {
        async openDriver(queue) {
          if (!kept.has(queue)) kept.set(queue, await open(queue));
          return open(queue);
        },
        async clean() {
          await Promise.all([...kept.values()].map((driver) => driver.close()));
          await clean?.();
        },
      };
    },
  });
}
