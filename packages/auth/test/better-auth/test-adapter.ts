// The suite that better-auth publishes for database adapters, on a driver of @bk/db.

import {
  authFlowTestSuite,
  caseInsensitiveTestSuite,
  joinsTestSuite,
  normalTestSuite,
  numberIdTestSuite,
  testAdapter,
  transactionsTestSuite,
  uuidTestSuite,
} from "@better-auth/test-utils/adapter";
import type { BetterAuthOptions } from "better-auth";
import { describe, it } from "vitest";

import { type Db, DbError, openDb } from "@bk/db";
import { type BetterAuthTables, bkAdapter, tablesOf } from "@bk/auth/better-auth";
import { type Fixture, isWanted } from "../../../db/test/fixtures.js";
import { describePromises } from "./promises.js";

/**
 * Registers the suite; a driver that cannot run here counts as not run.
 *
 * @param isSlow  tables take long to make: without `BK_TEST_BETTER_AUTH=all` the parts are left out that ask the same with other options
 */
export async function testBetterAuth(fixture: Fixture, isSlow = false): Promise<void> {
  if (!isWanted(fixture)) {
    // A file without any test would fail; this one belongs to no driver.
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  const place = await openPlace(fixture);
  let db = await place.openDb({});
  const { execute } = await testAdapter({
    async runMigrations(options) {
      await db.close();
      db = await place.openDb(options);
    },
    adapter: () => bkAdapter(db),
    tests: [
      normalTestSuite(),
      transactionsTestSuite(),
      authFlowTestSuite(),
      caseInsensitiveTestSuite(),
      // The normal suite again, with other options.
      ...(isSlow && process.env["BK_TEST_BETTER_AUTH"] !== "all" ? [] : [numberIdTestSuite(), joinsTestSuite(), uuidTestSuite()]),
    ],
    async onFinish() {
      await db.close();
      await place.clean();
    },
  });
  // Reports of the runner go by this name.
  describe(`driver: ${fixture.name}`, () => {
    execute();
    describePromises(() => openPlace(fixture));
  });
}

/** Where the databases of the suite are: one after another in the same place, as long as their tables can be there. */
export interface Place {
  /** A database that has the tables of these options, without rows. */
  openDb(options: BetterAuthOptions): Promise<Db<BetterAuthTables>>;
  clean(): Promise<void>;
}

async function openPlace(fixture: Fixture): Promise<Place> {
  let instance = (await fixture.open())!;
  const open = async (tables: BetterAuthTables): Promise<Db<BetterAuthTables>> => {
    const { url, options } = instance;
    const db = await openDb({ url, ...(options && { options }), tables });
    try {
      await db.sync();
    } catch (error) {
      await db.close();
      throw error;
    }
    return db;
  };
  return {
    async openDb(options: BetterAuthOptions) {
      const tables: BetterAuthTables = tablesOf(options);
      const db = await open(tables).catch(async (error: unknown) => {
        if (!(error instanceof DbError && error.code === "drift")) throw error;
        // Ids that were texts are numbers now, or the other way round.
        await instance.clean();
        instance = (await fixture.open())!;
        return open(tables);
      });
      for (const table of Object.keys(tables)) await db.delAll(table, {}, { all: true });
      return db;
    },
    clean: () => instance.clean(),
  };
}
