import type { AnyDb } from "../../src/testing/any-db.js";
import type { Fixture } from "../fixtures.js";

/** What the tests of these promises are given. */
export interface DefectContext {
  readonly fixture: Fixture;
  /** A database with the tables, synced; only inside tests. */
  readonly db: AnyDb;
  /** A text that no other test has. */
  fresh: () => string;
}
