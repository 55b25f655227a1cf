// Rolling deployments: processes with an older and a newer definition of one table work on its rows side by side.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { TableDefinitions } from "../../schema/definition.js";
import { refuses, valuesOf } from "../expectations.js";
import type { Suite } from "../suite.js";

const seed = defineTables({ seed: { id: { primary: 1 } } });

/** Two definitions of one table of a test's own; the newer one has an index and a unique group beside. */
const definitions = (name: string): { readonly older: TableDefinitions; readonly newer: TableDefinitions } => ({
  older: { [name]: { id: { primary: 1 }, name: {}, code: { type: "int" }, n: { type: "int" } } },
  newer: {
    [name]: {
      id: { primary: 1 },
      name: { index: 1 },
      code: { type: "int", unique: 1 },
      n: { type: "int", index: 2 },
      ends: { type: "ttl" },
    },
  },
});

export function rolling(suite: Suite): void {
  suite.topic("rolling deployments", { tables: seed }, ({ promise }) => {
    let count = 0;

    promise("a row that an older definition writes is found by the index of a newer one", async ({ open, capabilities }) => {
      const table = `rolling${++count}`;
      const { older, newer } = definitions(table);
      const one = await open({ tables: older });
      await one.sync();
      await one.put(table, { id: "before", name: "x", n: 1 });
      const two = await open({ tables: newer });
      await two.sync();
      await two.put(table, { id: "new", name: "y", n: 2 });
      await one.put(table, { id: "put", name: "x", n: 3 });
      await one.add(table, { id: "added", name: "x", n: 4 });
      await one.update(table, { id: "new", name: "x" });
      await one.incr(table, { id: "before", n: 10 });
      await one.bulk([{ op: "put", table, row: { id: "bulk", name: "x", n: 5 } }]);
      const last = { id: "tx", name: "x", n: 6 };
      if (capabilities.transactions === "none") await one.put(table, last);
      else await one.transaction(async (tx) => void (await tx.put(table, last)));
      const found = await two.select(table, { name: "x" }, { sort: "n" });
      expect(valuesOf(found.rows, "id")).toEqual(["new", "put", "added", "bulk", "tx", "before"]);
      await one.del(table, "put");
      await one.update(table, { id: "tx", name: "z" });
      expect(await two.count(table, { name: "x" })).toBe(4);
      expect((await two.select(table, { name: "y" })).rows).toEqual([]);
      expect(await two.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
    });

    promise("an older definition cannot give a row a unique value of a newer one that another row has", async ({ open, capabilities }) => {
      // A process that does not know of a group claims nothing for it.
      if (capabilities.unique !== "engine") return;
      const table = `rolling${++count}`;
      const { older, newer } = definitions(table);
      const one = await open({ tables: older });
      await one.sync();
      await one.put(table, { id: "before", code: 2 });
      const two = await open({ tables: newer });
      await two.sync();
      await two.put(table, { id: "a", code: 1 });
      await refuses(one.put(table, { id: "c", code: 1 }), "already-exists", { table });
      await refuses(one.update(table, { id: "before", code: 1 }), "already-exists", { table });
      expect(await one.put(table, { id: "c", code: 3 })).toMatchObject({ affected: 1 });
      await refuses(two.add(table, { id: "d", code: 3 }), "already-exists", { table });
      await refuses(two.add(table, { id: "d", code: 2 }), "already-exists", { table });
      await one.del(table, "c");
      expect(await two.add(table, { id: "d", code: 3 })).toMatchObject({ affected: 1 });
    });
  });
}
