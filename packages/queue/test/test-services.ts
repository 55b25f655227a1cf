import { describe, it } from "vitest";

import { openService } from "@bk/queue";
import { testServices } from "@bk/queue/testing";
import { canRun, idOf, type PubSubFixture } from "./test-pubsub.js";

/** Registers the behaviour suite of services; a driver that cannot run here counts as not run. */
export function testServicesFixture(fixture: PubSubFixture): void {
  if (!canRun(fixture)) {
    describe("not run here", () => it.skip(idOf(fixture.name), () => undefined));
    return;
  }
  const instance = fixture.open();
  testServices({
    id: idOf(fixture.name),
    open: async (name, options) => {
      const { url, options: settings } = await instance;
      // What is given in place of options goes there as it is.
      if (typeof options !== "object" || options === null || Array.isArray(options))
        return openService(name, options === undefined ? { url } : options);
      return openService(name, { url, ...options, ...(settings === undefined ? {} : { options: settings }) });
    },
  });
}
