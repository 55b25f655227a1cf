import { silentLog } from "@bk/core";
import { expect, it } from "vitest";

import type { AccountEvents } from "./account-events.js";
import { eventListeners, type Listeners } from "./listeners.js";

/** Listeners of a bus that can be told that it has missed something. */
function listening(): { readonly listeners: Listeners; miss(): void; readonly ended: string[] } {
  let miss = (): void => undefined;
  const events = {
    subscribe(_id: string, _handler: unknown, onMissed: () => void) {
      miss = onMissed;
      return Promise.resolve({ close: () => Promise.resolve() });
    },
  } as unknown as AccountEvents;
  return { listeners: eventListeners(events, 5, silentLog), miss: () => miss(), ended: [] };
}

it("who listens is ended when something may have been missed, and may listen again", async () => {
  const { listeners, miss, ended } = listening();
  const add = async (name: string): Promise<void> => {
    const leave = await listeners.add("u", {
      take: () => undefined,
      end() {
        ended.push(name);
        leave();
      },
    });
  };
  await add("one");
  await add("two");
  miss();
  expect(ended).toEqual(["one", "two"]);
  await add("three");
  miss();
  expect(ended).toEqual(["one", "two", "three"]);
});

it("who begins to listen while the server stops is ended at once", async () => {
  const { listeners } = listening();
  listeners.end();
  let ends = 0;
  (await listeners.add("u", { take: () => undefined, end: () => void ends++ }))();
  expect(ends).toBe(1);
});
