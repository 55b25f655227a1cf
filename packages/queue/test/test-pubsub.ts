import { describe, it } from "vitest";

import { openPubSub } from "@bk/queue";
import { testPubSub } from "@bk/queue/testing";

/** What each driver's `fixture.ts` exports for publish and subscribe. */
export interface PubSubFixture {
  /** As in `driver: queue-<name>`. */
  readonly name: string;
  /** The variable with the server's URL; undefined where no server is needed. */
  readonly env: string | undefined;
  /** A clean part of the server. */
  open(): Promise<{ readonly url: string; readonly options?: Readonly<Record<string, unknown>> }>;
}

/** The name under which a driver's tests are counted. */
export const idOf = (name: string): string => `queue-${name}`;

/** Whether the driver can run here: its server is known, and `BK_TEST_DRIVERS`, if set, names it. */
export function canRun({ name, env }: Pick<PubSubFixture, "name" | "env">): boolean {
  const wanted = process.env["BK_TEST_DRIVERS"]?.split(",");
  return (wanted === undefined || wanted.includes(idOf(name))) && (env === undefined || process.env[env] !== undefined);
}

/** Registers the behaviour suite; a driver that cannot run here counts as not run. */
export function testPubSubFixture(fixture: PubSubFixture): void {
  if (!canRun(fixture)) {
    describe("not run here", () => it.skip(idOf(fixture.name), () => undefined));
    return;
  }
  const instance = fixture.open();
  testPubSub({
    id: idOf(fixture.name),
    open: async (options) => {
      const { url, options: settings } = await instance;
      return openPubSub(url, { ...options, ...(settings === undefined ? {} : { options: settings }) });
    },
  });
}
