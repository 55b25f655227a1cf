// checkRefs: a row is written only if the rows exist that it refers to.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuseAll, refuses, takesRowsApart } from "../expectations.js";
import { movableClock } from "../movable-clock.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  account: { id: { primary: 1 }, name: {}, boss: { ref: "account" }, ends: { type: "ttl" } },
  album: { owner: { primary: 1, ref: "account" }, no: { type: "int", primary: 2 }, title: {} },
  photo: {
    id: { primary: 1 },
    owner: { ref: "account", value: "nobody" },
    albumOwner: { ref: "album.owner" },
    albumNo: { type: "int", ref: "album.no" },
    n: { type: "int" },
  },
});

const clock = movableClock(Date.UTC(2100, 0, 1));
const checkRefs = { checkRefs: true };

export function checkReferences(suite: Suite): void {
  suite.topic("checked references", { tables, db: { clock } }, ({ promise }) => {
    promise("a row that refers to none is not written, and the error names the column", async ({ db, fresh }) => {
      const id = fresh();
      const missing = { column: "owner", outcome: "none", detail: { ref: "account" } };
      await refuses(db.put("photo", { id, owner: id }, checkRefs), "not-found", missing);
      await refuses(db.add("photo", { id, owner: id }, checkRefs), "not-found", missing);
      await refuses(db.add("photo", { id }, checkRefs), "not-found", missing);
      expect(await db.get("photo", id)).toBeUndefined();
      await db.put("account", { id });
      expect(await db.add("photo", { id, owner: id, n: 1 }, { ...checkRefs, returning: "new" })).toMatchObject({
        affected: 1,
        row: { owner: id, n: 1 },
      });
      expect(await db.put("photo", { id, owner: id, n: 2 }, checkRefs)).toEqual({ affected: 1 });
      expect(await db.put("photo", { id, owner: null, n: 3 }, checkRefs)).toEqual({ affected: 1 });
      await refuses(db.update("photo", { id, owner: `${id}x` }, checkRefs), "not-found", missing);
      await refuses(db.update("photo", { id, owner: `${id}x` }, { ...checkRefs, returning: "old" }), "not-found", missing);
      await refuses(db.incr("photo", { id, owner: `${id}x`, n: 1 }, checkRefs), "not-found", missing);
      expect(await db.get("photo", id)).toMatchObject({ owner: null, n: 3 });
      expect(await db.update("photo", { id, owner: id }, checkRefs)).toEqual({ affected: 1 });
      expect(await db.incr("photo", { id, owner: id, n: 1 }, { ...checkRefs, returning: "new" })).toMatchObject({
        row: { owner: id, n: 4 },
      });
      expect(await db.update("photo", { id, owner: null }, checkRefs)).toEqual({ affected: 1 });
      await refuses(db.put("photo", { id, owner: "x".repeat(400) }, checkRefs), "not-found", missing);
      await refuses(db.put("photo", { id, owner: "" }, checkRefs), "not-found", missing);
    });

    promise("columns that are not written are not checked", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("photo", { id, owner: `${id}gone` });
      expect(await db.update("photo", { id, n: 1 }, checkRefs)).toEqual({ affected: 1 });
      expect(await db.put("photo", { id, owner: `${id}gone` })).toEqual({ affected: 1 });
    });

    promise("several columns are checked together, and set together", async ({ db, fresh }) => {
      const id = fresh();
      await db.bulk([
        { op: "put", table: "account", row: { id } },
        { op: "put", table: "album", row: { owner: id, no: 1 } },
      ]);
      const photo = (row: object): object => ({ id, owner: null, ...row });
      expect(await db.put("photo", photo({ albumOwner: id, albumNo: 1 }), checkRefs)).toEqual({ affected: 1 });
      expect(await db.put("photo", photo({ albumOwner: id }), checkRefs)).toEqual({ affected: 1 });
      await refuses(db.put("photo", photo({ albumOwner: id, albumNo: 2 }), checkRefs), "not-found", { column: "albumOwner" });
      await refuses(db.update("photo", { id, albumOwner: id, albumNo: 2 }, checkRefs), "not-found", { column: "albumOwner" });
      await refuses(db.update("photo", { id, albumNo: 1 }, checkRefs), "invalid", { column: "albumOwner" });
      await refuses(db.update("photo", { id, owner: "x" }, { ...checkRefs, ops: { owner: "append" } }), "invalid", { column: "owner" });
      expect(await db.update("photo", { id, albumOwner: id, albumNo: 1 }, checkRefs)).toEqual({ affected: 1 });
    });

    promise("a key that refers is checked where a row may be made", async ({ db, fresh }) => {
      const id = fresh();
      await refuses(db.add("album", { owner: id, no: 1 }, checkRefs), "not-found", { column: "owner" });
      await refuses(db.update("album", { owner: id, no: 1, title: "a" }, { ...checkRefs, upsert: true }), "not-found", { column: "owner" });
      expect(await db.update("album", { owner: id, no: 1, title: "a" }, checkRefs)).toEqual({ affected: 0 });
      await db.put("account", { id });
      expect(await db.update("album", { owner: id, no: 1, title: "a" }, { ...checkRefs, upsert: true })).toEqual({ affected: 1 });
    });

    promise("a row may refer to itself, and not to one that has expired", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.add("account", { id, boss: id, ends: clock.now() + 1000 }, checkRefs)).toEqual({ affected: 1 });
      expect(await db.add("account", { id: `${id}2`, boss: id }, checkRefs)).toEqual({ affected: 1 });
      clock.advance(1000);
      await refuses(db.add("account", { id: `${id}3`, boss: id }, checkRefs), "not-found", { column: "boss" });
    });

    promise("writes of one row keep their order, whatever is checked", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("account", { id });
      await Promise.all([
        db.put("photo", { id, owner: id, n: 1 }, checkRefs),
        db.update("photo", { id, n: 2 }),
        db.update("photo", { id, owner: id, n: 3 }, checkRefs),
        db.incr("photo", { id, n: 1 }),
      ]);
      expect(await db.get("photo", id)).toMatchObject({ n: 4 });
      const row: Record<string, unknown> = { id, owner: id, n: 9 };
      const writing = db.put("photo", row, checkRefs);
      row["n"] = 0;
      row["owner"] = "else";
      await writing;
      expect(await db.get("photo", id)).toMatchObject({ owner: id, n: 9 });
    });

    promise("bulk checks each item, or all of them", async ({ db, capabilities, fresh }) => {
      const id = fresh();
      await db.put("account", { id });
      const items = [
        { op: "put", table: "photo", row: { id: `${id}1`, owner: id } },
        { op: "put", table: "photo", row: { id: `${id}2`, owner: `${id}x` } },
        { op: "put", table: "photo", row: { id: `${id}2`, owner: id, n: 2 } },
        { op: "del", table: "photo", key: `${id}1` },
      ];
      const results = await db.bulk(items, checkRefs);
      expect(results).toMatchObject([{ affected: 1 }, { error: { code: "not-found", column: "owner" } }, { affected: 1 }, { affected: 1 }]);
      expect(await db.list("photo", [`${id}1`, `${id}2`])).toMatchObject([{ n: 2 }]);
      const one = await db.bulk([{ ...items[1]!, options: checkRefs }, items[0]!]);
      expect(one).toMatchObject([{ error: { code: "not-found" } }, { affected: 1 }]);
      if (capabilities.transactions === "none") return;
      await refuses(
        db.bulk([{ op: "put", table: "photo", row: { id: `${id}3`, owner: id } }, items[1]!], { ...checkRefs, atomic: true }),
        "not-found",
      );
      expect(await db.get("photo", `${id}3`)).toBeUndefined();
    });

    promise("inside a transaction what is checked stays until its end", async ({ db, capabilities, fresh }) => {
      if (!takesRowsApart(capabilities)) return;
      const id = fresh();
      await db.transaction(async (tx) => {
        await tx.put("account", { id });
        await tx.put("photo", { id, owner: id }, checkRefs);
        await refuses(tx.put("photo", { id: `${id}2`, owner: `${id}x` }, checkRefs), "not-found");
      });
      expect(await db.get("photo", id)).toMatchObject({ owner: id });
      // Whoever comes second sees the first: never a photo whose account is gone.
      const writing = db.transaction((tx) => tx.put("photo", { id: `${id}3`, owner: id }, checkRefs), { attempts: 50 });
      const deleting = db.transaction(
        async (tx) => {
          await tx.del("account", id);
          return tx.get("photo", `${id}3`);
        },
        { attempts: 50 },
      );
      const [written, deleted] = await Promise.allSettled([writing, deleting]);
      if (written.status === "rejected") expect(written.reason).toMatchObject({ code: "not-found" });
      else expect(deleted).toMatchObject({ status: "fulfilled", value: { owner: id } });
    });

    promise("the option is for writes of rows, and true or false", async ({ db, fresh }) => {
      const id = fresh();
      await refuseAll(
        [
          db.put("photo", { id }, { checkRefs: 1 }),
          db.del("photo", id, checkRefs),
          db.get("photo", id, checkRefs),
          db.updateAll("photo", {}, { n: 1 }, { all: true, ...checkRefs }),
          db.bulk([], { checkRefs: "yes" }),
        ],
        "invalid",
      );
    });
  });
}
