// What is MySQL's and MariaDB's own: the behaviour suite has what they share with all drivers.

import { silentLog, systemClock } from "@bk/core";
import { afterEach, describe, expect, it } from "vitest";
import { allOf, always, anyOf, type Condition } from "../../src/condition/condition.js";
import type { Driver, Reply, Shape, Value, Values } from "../../src/driver.js";
import type { MysqlCommand } from "../../src/drivers/mysql/compile.js";
import { fixture, mariadbFixture } from "../../src/drivers/mysql/fixture.js";
import { mysqlDriver } from "../../src/drivers/mysql/index.js";
import { columnOf, define, del, get, orderOf, put, select, tableOf, tables, test, update } from "../golden/shapes.js";
import { checkAgainstMemory, modelTable } from "./driver-model.js";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Opened {
  readonly driver: Driver<MysqlCommand>;
  readonly url: string;
  readonly run: (shape: Shape, values?: Values) => Promise<Reply>;
}

async function openAt(url: string, options: Record<string, unknown> = {}): Promise<Opened> {
  const driver = await mysqlDriver({ url, options, clock: systemClock, log: silentLog });
  cleanups.push(() => driver.close());
  return { driver, url, run: async (shape, values = []) => driver.execute(driver.compile(shape), values) };
}

describe.each([["mysql", fixture], ["mariadb", mariadbFixture]] as const)("driver: %s", (_name, own) => {
  describe.skipIf(process.env[own.env] === undefined)("on its server", () => {
    async function open(options: Record<string, unknown> = {}): Promise<Opened> {
      const place = (await own.open())!;
      cleanups.push(() => place.clean());
      return openAt(place.url, options);
    }

    async function openWith(...names: string[]): Promise<Opened> {
      const opened = await open();
      for (const name of names) {
        await opened.run(define(name, { kind: "table" }));
        for (const index of [...tableOf(name).indexes, ...tableOf(name).uniques]) await opened.run(define(name, { kind: "index", index }));
      }
      return opened;
    }

    it.each([1, 2, 3, 4, 5, 6])("answers random commands as the memory driver does (seed %i)", { timeout: 60_000 }, async (seed) => {
      const { driver } = await open();
      await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "table" } }), []);
      for (const index of [...modelTable.indexes, ...modelTable.uniques])
        await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "index", index } }), []);
      await checkAgainstMemory(driver, seed, 300);
    });
  });
});
