import { describe, it } from "vitest";
import { type CacheDriverUnderTest, type TestCacheStore, testCacheDriver } from "@bk/cache/testing";

/** What each driver's `fixture.ts` exports. */
export interface Fixture {
  /** As in `driver: <name>`. */
  readonly name: string;
  /** The variable with the server's URL; undefined where no server is needed. */
  readonly env: string | undefined;
  readonly knownDefects?: CacheDriverUnderTest["knownDefects"];
  open(): Promise<TestCacheStore>;
}

/** Whether the driver can run here: its server is known, and `BK_TEST_DRIVERS`, if set, names it. */
export function isWanted({ name, env }: Pick<Fixture, "name" | "env">): boolean {
  const wanted = process.env["BK_TEST_DRIVERS"];
  const isNamed = wanted === undefined || wanted.split(",").includes(name);
  return isNamed && (env === undefined || process.env[env] !== undefined);
}

/** Registers the behaviour suite for a driver of this package; one that cannot run here counts as not run. */
export function testFixture(fixture: Fixture): void {
  if (!isWanted(fixture)) {
    // A file without any test would fail; this one belongs to no driver.
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  const { name: id, knownDefects } = fixture;
  testCacheDriver({ id, openStore: () => fixture.open(), ...(knownDefects === undefined ? {} : { knownDefects }) });
}
