// What other layers of this kind got wrong, each as the promise that is kept here. Names tell the promise.

import { afterAll, beforeAll, describe, it } from "vitest";

import type { AnyDb } from "../../src/testing/any-db.js";
import { type Fixture, isWanted, openStore } from "../fixtures.js";
import { commands } from "./commands.js";
import type { DefectContext } from "./context.js";
import { failures } from "./failures.js";
import { meanings } from "./meanings.js";
import { operators } from "./operators.js";
import { reach } from "./reach.js";
import { tables } from "./tables.js";

/** Registers these promises for one driver. */
export function testDefects(fixture: Fixture): void {
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  describe(`driver: ${fixture.name}`, () => {
    let db: AnyDb | undefined;
    let clean: (() => Promise<void>) | undefined;
    let count = 0;
    beforeAll(async () => {
      const store = await openStore(fixture);
      clean = () => store.clean();
      db = await store.openDb({ tables });
      await db.sync();
    });
    afterAll(async () => {
      await db?.close();
      await clean?.();
    });
    const context: DefectContext = {
      fixture,
      get db() {
        if (db === undefined) throw new Error("the database is open inside tests only");
        return db;
      },
      fresh: () => `d${++count}`,
    };
    for (const group of [reach, meanings, operators, commands, failures]) group(context);
  });
}
