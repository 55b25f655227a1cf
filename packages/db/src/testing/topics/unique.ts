// Unique groups: one row for each value, absent values never conflict.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses } from "../expectations.js";
import type { Suite, TopicContext } from "../suite.js";

const tables = defineTables({
  user: {
    id: { primary: 1 },
    email: { unique: 1 },
    realm: { unique1: 1 },
    number: { type: "int", unique1: 2 },
    n: { type: "int" },
  },
});

export function unique(suite: Suite): void {
  suite.topic("unique", { tables }, (topic) => {
    const promise = (name: string, test: (context: TopicContext) => Promise<void>): void =>
      topic.promise(`${name}, or unique is unsupported`, async (context) => {
        if (context.capabilities.unique !== "none") return test(context);
        await refuses(context.db.put("user", { id: context.fresh(), email: "a" }), "unsupported");
      });

    promise("a value that another row has is refused by every write, and nothing is written", async ({ db, fresh }) => {
      const [a, b, email] = [fresh(), fresh(), fresh()];
      await db.put("user", { id: a, email, n: 1 });
      await db.put("user", { id: b, n: 2 });
      await refuses(db.add("user", { id: fresh(), email }), "already-exists", { outcome: "none", table: "user" });
      await refuses(db.put("user", { id: fresh(), email }), "already-exists");
      await refuses(db.put("user", { id: b, email }), "already-exists");
      await refuses(db.update("user", { id: b, email }), "already-exists");
      await refuses(db.update("user", { id: fresh(), email }, { upsert: true }), "already-exists");
      await refuses(db.incr("user", { id: b, n: 1, email }), "already-exists");
      expect(await db.get("user", a)).toMatchObject({ email, n: 1 });
      expect(await db.get("user", b)).toMatchObject({ email: null, n: 2 });
      expect(await db.count("user", { email })).toBe(1);
    });

    promise("a row keeps its own value, and gives it free when it is changed or deleted", async ({ db, fresh }) => {
      const [a, b, email] = [fresh(), fresh(), fresh()];
      await db.put("user", { id: a, email });
      await db.put("user", { id: a, email, n: 1 });
      await db.update("user", { id: a, email });
      await db.update("user", { id: a, email: `${email}-2` });
      await db.add("user", { id: b, email });
      await db.del("user", b);
      await db.update("user", { id: a, email });
      await db.put("user", { id: a });
      await db.add("user", { id: b, email });
      expect(await db.get("user", b)).toMatchObject({ email });
    });

    promise("absent values never conflict, empty ones do", async ({ db, fresh }) => {
      const realm = fresh();
      for (let i = 0; i < 3; i++) await db.put("user", { id: fresh(), email: null });
      for (let i = 0; i < 3; i++) await db.put("user", { id: fresh(), realm });
      await db.put("user", { id: fresh(), realm, number: 0 });
      await refuses(db.put("user", { id: fresh(), realm, number: 0 }), "already-exists");
      await db.put("user", { id: fresh(), realm, number: 1 });
      await db.put("user", { id: fresh(), number: 0 });
      await db.put("user", { id: fresh(), number: 0 });
    });

    promise("values that differ in case, spaces or accents are different", async ({ db, fresh }) => {
      const base = fresh();
      for (const end of ["a", "A", "a ", "á", "a\u0301", "ß", "ss"])
        expect(await db.add("user", { id: base + end, email: base + end })).toEqual({ affected: 1 });
    });

    promise("of rows with one unique value at once, exactly one is written", async ({ db, fresh }) => {
      const email = fresh();
      const ids = Array.from({ length: 12 }, fresh);
      const results = await Promise.allSettled(
        ids.map((id, i) => (i % 2 === 0 ? db.add("user", { id, email }) : db.put("user", { id, email }))),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "already-exists" });
      expect(await db.list("user", ids)).toHaveLength(1);
    });

    promise("a unique group is an index too", async ({ db, fresh }) => {
      const [id, email] = [fresh(), fresh()];
      await db.put("user", { id, email, realm: email, number: 5 });
      expect((await db.select("user", { email })).rows).toMatchObject([{ id }]);
      expect((await db.select("user", { realm: email, number: { $gt: 3 } })).rows).toMatchObject([{ id }]);
    });
  });
}
