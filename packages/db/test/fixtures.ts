// The drivers' fixtures as the suites use them: which can run here, and how a clean store is opened.

import type { AnyDb, SuiteDbOptions } from "../src/testing/any-db.js";
import type { KnownDefect, TestStore } from "../src/testing/suite.js";
import { openDb } from "@bk/db";

/** What each driver's `fixture.ts` exports. */
export interface Fixture {
  /** As in `driver: <name>`. */
  readonly name: string;
  readonly driver: string;
  /** The variable with the server's URL; undefined where no server is needed. */
  readonly env: string | undefined;
  readonly knownDefects?: readonly KnownDefect[];
  /** Values, as they are written, that the ordinary test server takes for others, not the database: the model check leaves out steps with them. */
  readonly confused?: readonly string[];
  /** A clean instance of its own on the server; undefined when the variable is not set. */
  open(): Promise<{ readonly url: string; readonly options?: Readonly<Record<string, unknown>>; clean(): Promise<void> } | undefined>;
}

/** Whether the driver can run here: its server is known, and `BK_TEST_DRIVERS`, if set, names it or its family. */
export function isWanted(fixture: Fixture): boolean {
  const wanted = process.env["BK_TEST_DRIVERS"];
  const isNamed =
    wanted === undefined || wanted.split(",").some((id) => id === fixture.name || [`${id}-cluster`, `${id}-set`].includes(fixture.name));
  return isNamed && (fixture.env === undefined || process.env[fixture.env] !== undefined);
}

/** The settings of `openDb` for an instance. */
export type OpenOptions = Parameters<typeof openDb>[0];

/** Opens a database without the types of its tables. */
export async function openAny(options: OpenOptions): Promise<AnyDb> {
  return (await openDb(options)) as unknown as AnyDb;
}

/** A clean store whose databases have plain types. */
export interface AnyStore extends TestStore {
  openDb(options: SuiteDbOptions): Promise<AnyDb>;
}

/** A clean store on a fixture's server. */
export async function openStore(fixture: Fixture): Promise<AnyStore> {
  const instance = await fixture.open();
  if (instance === undefined) throw new Error(`${fixture.env ?? fixture.name} is not set`);
  const { url, options } = instance;
  return {
    openDb: (settings) => openAny({ url, ...(options === undefined ? {} : { options }), ...settings }),
    clean: () => instance.clean(),
  };
}
