import { describe, it } from "vitest";

import { testDriver } from "@bk/db/testing";
import { type Fixture, isWanted, openStore } from "./fixtures.js";

/** Registers the behaviour suite for a driver of this package; one that cannot run here counts as not run. */
export function testFixture(fixture: Fixture): void {
  if (!isWanted(fixture)) {
    // A file without any test would fail; this one belongs to no driver.
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  testDriver({
    id: fixture.name,
    openStore: () => openStore(fixture),
    ...(fixture.knownDefects === undefined ? {} : { knownDefects: fixture.knownDefects }),
  });
}
