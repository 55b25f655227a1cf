import { expect, it } from "vitest";

import { openDb } from "../api/open.js";
import { defineTables } from "../schema/define-tables.js";

const tables = defineTables({ thing: { id: { type: "int", primary: 1 }, n: { type: "int" }, weight: { type: "real" } } });

it("of more groups than are held at once, each page has its own, with all of their rows", async () => {
  await using db = await openDb({ url: "memory:", tables });
  const groups = 4000;
  // Each group is met twice, far apart, and in no order.
  for (let id = 0; id < 2 * groups; id++) await db.put("thing", { id, n: (id * 1237) % groups, weight: 1 });
  const all = Array.from({ length: groups }, (_, n) => n);
  for (const [desc, ordered] of [
    [false, all],
    [true, [...all].reverse()],
  ] as const) {
    let start: string | undefined;
    for (const from of [0, 3]) {
      const page = await db.aggregate("thing", {}, { by: ["n"], count: true, sum: ["weight"], desc, limit: 3, start });
      expect(page.rows).toEqual(ordered.slice(from, from + 3).map((n) => ({ by: { n }, count: 2, sum: { weight: 2 } })));
      start = page.next;
    }
  }
  const { rows } = await db.aggregate("thing", {}, { by: ["n"], count: true, limit: 10_000 });
  expect(rows).toHaveLength(groups);
});
