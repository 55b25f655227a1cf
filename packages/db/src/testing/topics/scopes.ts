// Calls within a scope: what is outside there is not, for reads, writes, conditions and errors.

import { expect } from "vitest";

import { defineTables, table } from "../../schema/define-tables.js";
import type { AnyDb } from "../any-db.js";
import { refuses, takesRowsApart, valuesOf, walk } from "../expectations.js";
import { movableClock } from "../movable-clock.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  photo: {
    owner: { primary: 1 },
    taken: { type: "int", primary: 2 },
    place: { index: 1 },
    stars: { type: "int", index1: 1 },
    grade: { type: "int" },
    tags: { type: "set" },
    mtime: { type: "now" },
  },
  doc: {
    id: { primary: 1 },
    team: { index: 1 },
    name: { unique: 1 },
    hits: { type: "counter" },
    size: { type: "int" },
    price: { type: "decimal" },
    text: {},
  },
  auto: { id: { type: "uuid", primary: 1 }, team: { index: 1 }, text: {}, ends: { type: "ttl" } },
  chat: { room: { primary: 1, join: ["team", "topic"], unjoin: true }, team: { hidden: true }, topic: { hidden: true }, text: {} },
  note: table({ owner: { primary: 1 }, id: { primary: 2 }, text: {}, secret: {} }, { open: true }),
});

const clock = movableClock(Date.UTC(2100, 0, 1));

/** The documents of a team, and nothing of the others. */
function ofTeam(db: AnyDb, team: string): AnyDb {
  return db.scope({ doc: { where: { team }, set: { team } } });
}

export function scopes(suite: Suite): void {
  suite.topic("scopes", { tables, db: { clock } }, ({ promise }) => {
    promise("reads give the rows inside alone, by key, by filter, in pages and in counts", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      for (const team of [a, b]) for (let i = 1; i <= 7; i++) await db.put("doc", { id: `${team}.${i}`, team, size: i });
      const own = ofTeam(db, a);
      expect(await own.get("doc", `${a}.1`)).toMatchObject({ id: `${a}.1`, team: a });
      expect(await own.get("doc", `${b}.1`)).toBeUndefined();
      expect(await own.get("doc", `${b}.1`, { select: ["id"] })).toBeUndefined();
      expect(await own.get("doc", `${a}.2`, { select: ["size"] })).toEqual({ size: 2 });
      expect(valuesOf(await own.list("doc", [`${b}.1`, `${a}.3`, `${b}.2`, `${a}.1`]), "id")).toEqual([`${a}.3`, `${a}.1`]);
      expect(valuesOf((await own.select("doc", { size: { $gt: 4 } }, { sort: "-size", scan: true })).rows, "size")).toEqual([7, 6, 5]);
      const pages = await walk(own, "doc", {}, { sort: "id", count: 3, scan: true });
      expect(pages.map(({ rows }) => valuesOf(rows, "size"))).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
      expect(await own.count("doc", {})).toBe(7);
      expect(await own.count("doc", { team: b })).toBe(0);
      const seen: unknown[] = [];
      for await (const row of own.scan("doc", { size: { $le: 2 } }, { sort: "size" })) seen.push(row["id"]);
      expect(seen).toEqual([`${a}.1`, `${a}.2`]);
      expect(await db.count("doc", { team: b })).toBe(7);
      expect((await own.aggregate("doc", {}, { count: true, sum: ["size"] })).rows).toEqual([{ count: 7, sum: { size: 28 } }]);
      const hidden = db.scope({ doc: { where: { team: a }, select: ["id"] } });
      await refuses(hidden.aggregate("doc", {}, { sum: ["size"] }), "invalid", { column: "size" });
    });

    promise("gets of one tick in several scopes each obey their own", async ({ db, fresh }) => {
      const teams = [fresh(), fresh(), fresh()];
      for (const team of teams) for (let i = 0; i < 20; i++) await db.put("doc", { id: `${team}-${i}`, team, size: i });
      const asked = teams.flatMap((team) => teams.flatMap((other) => Array.from({ length: 20 }, (_, i) => ({ team, other, i }))));
      const found = await Promise.all(asked.map(({ team, other, i }) => ofTeam(db, team).get("doc", `${other}-${i}`)));
      asked.forEach(({ team, other, i }, at) => expect(found[at]?.["size"], `${team} ${other} ${i}`).toBe(team === other ? i : undefined));
    });

    promise("search finds rows inside alone", async ({ capabilities, fresh, open }) => {
      if (!capabilities.search) return;
      const searched = defineTables({ page: { id: { primary: 1 }, team: {}, text: { search: true } } });
      const db = await open({ tables: searched });
      await db.sync();
      const [a, b] = [fresh(), fresh()];
      for (const team of [a, b]) for (let i = 0; i < 3; i++) await db.put("page", { id: `${team}.${i}`, team, text: `word${a} ${i}` });
      const own = db.scope({ page: { where: { team: a }, select: ["id", "text"] } });
      expect(valuesOf((await own.search("page", `word${a}`)).rows, "id")).toEqual([`${a}.0`, `${a}.1`, `${a}.2`]);
      expect((await own.search("page", `word${a}`, { filter: { id: `${b}.1` } })).rows).toEqual([]);
    });

    promise("a row outside is a missing one for update, incr, del and their conditions", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      const row = { id: b, team: b, name: null, hits: 5, size: Number.MAX_SAFE_INTEGER, price: "1.5", text: "x" };
      await db.put("doc", row);
      const own = ofTeam(db, a);
      expect(await own.update("doc", { id: b, text: "y" })).toEqual({ affected: 0 });
      expect(await own.update("doc", { id: b, text: "y" }, { where: { text: "x" }, returning: "new" })).toEqual({ affected: 0 });
      await refuses(own.update("doc", { id: b, text: "y" }, { where: { text: "z" }, mustMatch: true }), "not-found");
      await refuses(own.update("doc", { id: b, text: "y" }, { ops: { text: "append" }, mustMatch: true }), "not-found");
      await refuses(own.incr("doc", { id: b, size: 1 }, { mustMatch: true }), "not-found");
      await refuses(own.incr("doc", { id: b, price: "1" }, { mustMatch: true }), "not-found");
      expect(await own.del("doc", b)).toEqual({ affected: 0 });
      expect(await own.del("doc", b, { returning: "old" })).toEqual({ affected: 0 });
      await refuses(own.del("doc", b, { where: { text: "z" }, mustMatch: true }), "not-found");
      expect(await own.updateAll("doc", { id: b }, { text: "y" }, { scan: true })).toEqual({ affected: 0 });
      expect(await own.updateAll("doc", {}, { text: "y" }, { all: true })).toEqual({ affected: 0 });
      expect(await own.updateAll("doc", {}, { size: 1 }, { all: true, ops: { size: "incr" } })).toEqual({ affected: 0 });
      expect(await own.delAll("doc", { text: "x" }, { scan: true })).toEqual({ affected: 0 });
      expect(await own.delAll("doc", {}, { all: true })).toEqual({ affected: 0 });
      expect(await db.get("doc", b)).toEqual(row);
    });

    promise("a row inside is written as without a scope", async ({ db, fresh }) => {
      const team = fresh();
      const own = ofTeam(db, team);
      expect(await own.add("doc", { id: team, size: 1 }, { returning: "new" })).toMatchObject({ affected: 1, row: { team, hits: 0 } });
      await refuses(own.add("doc", { id: team }), "already-exists");
      expect(await own.put("doc", { id: team, size: 2 }, { returning: "old" })).toMatchObject({ affected: 1, row: { size: 1 } });
      for (let i = 0; i < 3; i++) expect(await own.update("doc", { id: team, text: `${i}` })).toEqual({ affected: 1 });
      for (let i = 0; i < 3; i++) expect(await own.incr("doc", { id: team, hits: 2, size: 1 })).toEqual({ affected: 1 });
      expect(await own.update("doc", { id: team, text: "!" }, { ops: { text: "append" }, returning: "new" })).toEqual({
        affected: 1,
        row: { id: team, team, name: null, hits: 6, size: 5, price: null, text: "2!" },
      });
      await refuses(own.update("doc", { id: team, text: "" }, { where: { size: 0 }, mustMatch: true }), "condition-failed");
      await refuses(own.incr("doc", { id: team, size: Number.MAX_SAFE_INTEGER }), "invalid", { column: "size" });
      expect(await own.incr("doc", { id: `${team}.2`, hits: 1 }, { returning: "new" })).toMatchObject({
        affected: 1,
        row: { team, hits: 1 },
      });
      expect(await own.update("doc", { id: `${team}.3`, size: 3 }, { upsert: true })).toEqual({ affected: 1 });
      expect(await own.updateAll("doc", { id: { $ne: team } }, { text: "all" }, { scan: true })).toEqual({ affected: 2 });
      expect(await own.del("doc", `${team}.2`, { returning: "old" })).toMatchObject({ affected: 1, row: { text: "all" } });
      expect(await own.delAll("doc", {}, { all: true })).toEqual({ affected: 2 });
      expect(await db.count("doc", { team })).toBe(0);
    });

    promise("a row that would be outside is denied, whatever is there", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      const own = db.scope({ doc: { where: { team: a, size: { $lt: 10 } } } });
      await refuses(own.add("doc", { id: a, team: b, size: 1 }), "denied");
      await refuses(own.put("doc", { id: a, team: a }), "denied");
      await refuses(own.put("doc", { id: a, team: a, size: 10 }), "denied");
      await refuses(own.update("doc", { id: a, team: b, size: 1 }, { upsert: true }), "denied");
      await refuses(own.incr("doc", { id: a, size: 1 }), "denied");
      expect(await own.add("doc", { id: a, team: a, size: 1 })).toEqual({ affected: 1 });
      for (const id of [a, b]) {
        await refuses(own.update("doc", { id, team: b }), "denied");
        await refuses(own.update("doc", { id, size: 10 }), "denied");
        await refuses(own.update("doc", { id, size: null }), "denied");
      }
      await refuses(own.updateAll("doc", {}, { team: b }, { all: true }), "denied");
      await refuses(own.incr("doc", { id: a, size: 9 }), "denied");
      await refuses(own.updateAll("doc", {}, { size: 9 }, { all: true, ops: { size: "incr" } }), "denied");
      expect(await own.incr("doc", { id: a, size: 8 })).toEqual({ affected: 1 });
      // A row that is inside is changed, though one that is made of the same would be outside.
      expect(await own.incr("doc", { id: a, hits: 1 }, { returning: "new" })).toMatchObject({ affected: 1, row: { size: 9, hits: 1 } });
      expect(await own.update("doc", { id: a, text: "y" }, { upsert: true, returning: "new" })).toMatchObject({
        affected: 1,
        row: { size: 9, text: "y" },
      });
      expect(await own.update("doc", { id: a, size: 2, team: a })).toEqual({ affected: 1 });
      expect(await own.update("doc", { id: b, size: 2 })).toEqual({ affected: 0 });
      expect(await db.get("doc", a)).toMatchObject({ team: a, size: 2 });
      expect(await db.get("doc", b)).toBeUndefined();
    });

    promise("a key that a row outside has is denied to put and whatever makes rows, and taken for add", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      const row = { id: b, team: b, name: null, hits: 0, size: 1, price: "1", text: "x" };
      await db.put("doc", row);
      const own = ofTeam(db, a);
      await refuses(own.put("doc", { id: b }), "denied");
      await refuses(own.put("doc", { id: b }, { returning: "old" }), "denied");
      await refuses(own.put("doc", { id: b }, { returning: "new" }), "denied");
      await refuses(own.update("doc", { id: b, text: "y" }, { upsert: true }), "denied");
      await refuses(own.update("doc", { id: b, text: "y" }, { upsert: true, returning: "old" }), "denied");
      await refuses(own.incr("doc", { id: b, size: 1 }), "denied");
      await refuses(own.incr("doc", { id: b, size: Number.MAX_SAFE_INTEGER }), "denied");
      await refuses(own.incr("doc", { id: b, price: "1" }), "denied");
      await refuses(own.add("doc", { id: b }), "already-exists");
      const results = await own.bulk([
        { op: "put", table: "doc", row: { id: b } },
        { op: "put", table: "doc", row: { id: `${a}.1` } },
        { op: "del", table: "doc", key: b },
        { op: "add", table: "doc", row: { id: b } },
      ]);
      expect(results.map((result) => ("error" in result ? (result.error as { code: string }).code : result.affected))).toEqual([
        "denied",
        1,
        0,
        "already-exists",
      ]);
      expect(await db.get("doc", b)).toEqual(row);
    });

    promise("a unique value that a row has is taken, whether that row is inside or outside", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      await db.put("doc", { id: a, team: a, name: `in${a}` });
      await db.put("doc", { id: b, team: b, name: `out${a}` });
      const own = ofTeam(db, a);
      await own.add("doc", { id: `${a}.1` });
      const errors: unknown[] = [];
      for (const name of [`in${a}`, `out${a}`])
        for (const call of [
          () => own.add("doc", { id: `${a}.2`, name }),
          () => own.put("doc", { id: `${a}.1`, name }),
          () => own.update("doc", { id: `${a}.1`, name }),
        ]) {
          const { code, message, column, detail } = await call().then(
            () => expect.fail("the value is taken"),
            (error: unknown) => error as Record<string, unknown>,
          );
          errors.push({ code, message, column, detail });
        }
      expect(errors.slice(3)).toEqual(errors.slice(0, 3));
      expect(errors).toMatchObject(errors.map(() => ({ code: "already-exists" })));
    });

    promise("a page token is good in the scope that it was made in alone", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      for (const team of [a, b]) for (let i = 0; i < 3; i++) await db.put("doc", { id: `${team}.${i}`, team });
      const options = { sort: "id", count: 1, scan: true };
      const { next } = await ofTeam(db, a).select("doc", {}, options);
      const again = { ...options, start: next! };
      expect((await ofTeam(db, a).select("doc", {}, again)).rows).toMatchObject([{ id: `${a}.1` }]);
      await refuses(ofTeam(db, b).select("doc", {}, again), "invalid");
      await refuses(db.select("doc", {}, again), "invalid");
      await refuses(db.scope({ doc: { where: { team: a }, select: ["id"] } }).select("doc", {}, again), "invalid");
      await refuses(db.scope({ doc: { where: { team: a } } }, { tokensOf: "me" }).select("doc", {}, again), "invalid");
      const mine = db.scope({ doc: {} }, { tokensOf: "me" });
      const page = await mine.select("doc", { team: a }, options);
      expect((await mine.select("doc", { team: a }, { ...options, start: page.next! })).rows).toMatchObject([{ id: `${a}.1` }]);
      await refuses(db.scope({ doc: {} }, { tokensOf: "you" }).select("doc", { team: a }, { ...options, start: page.next! }), "invalid");
    });

    promise("the whole table is read for a page inside only where the caller says so", async ({ db, capabilities, fresh }) => {
      const own = db.scope({ doc: { where: { text: fresh() } } });
      if (capabilities.access === "any") expect((await own.select("doc")).rows).toEqual([]);
      else await refuses(own.select("doc"), "scan-refused");
      expect((await own.select("doc", {}, { scan: true })).rows).toEqual([]);
      await refuses(own.delAll("doc", {}), "invalid");
    });

    promise("keys that are made of other columns are those of the row that is written", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      const own = db.scope({ chat: { where: { team: a }, set: { team: a } } });
      await db.put("chat", { team: b, topic: "t", text: "theirs" });
      expect(await own.add("chat", { topic: "t", text: "mine" })).toEqual({ affected: 1 });
      expect(await own.get("chat", { topic: "t" })).toMatchObject({ text: "mine" });
      expect(await own.get("chat", { team: b, topic: "t" })).toBeUndefined();
      expect(await own.get("chat", { room: `${b}|t` })).toBeUndefined();
      expect(valuesOf((await own.select("chat", {}, { scan: true })).rows, "text")).toEqual(["mine"]);
      for (const call of ["add", "put"] as const) await refuses(own[call]("chat", { room: `${b}|t`, text: "taken over" }), "denied");
      await refuses(own.put("chat", { team: b, topic: "t", text: "taken over" }), "denied", { column: "team" });
      expect(await own.put("chat", { room: `${b}|t`, topic: "t", text: "own key" })).toEqual({ affected: 1 });
      expect(await own.update("chat", { topic: "t", text: "again" })).toEqual({ affected: 1 });
      expect(await own.update("chat", { room: `${b}|t`, text: "taken over" })).toEqual({ affected: 0 });
      expect(await own.del("chat", { room: `${b}|t` })).toEqual({ affected: 0 });
      expect(await db.get("chat", { team: b, topic: "t" })).toMatchObject({ text: "theirs" });
      expect(await db.get("chat", { team: a, topic: "t" })).toMatchObject({ text: "again" });
    });

    promise("conditions that the engine does not evaluate are evaluated by the core", async ({ db, fresh }) => {
      const owner = fresh();
      for (const [id, text] of [
        ["1", "Abc"],
        ["2", "xyz"],
        ["3", "aBC"],
      ])
        await db.put("note", { owner, id, text, free: id });
      const own = db.scope({ note: { where: { owner, text: { $ilike: "abc" } }, set: { owner } } });
      expect(valuesOf((await own.select("note", {}, { sort: "id" })).rows, "id")).toEqual(["1", "3"]);
      expect(await own.get("note", "2")).toBeUndefined();
      expect(await own.get("note", "3", { select: ["id"] })).toEqual({ id: "3" });
      expect(await own.update("note", { id: "2", free: 1 })).toEqual({ affected: 0 });
      expect(await own.update("note", { id: "1", free: 1 })).toEqual({ affected: 1 });
      await refuses(own.update("note", { id: "1", text: "b" }), "denied");
      await refuses(own.put("note", { id: "2", text: "abc" }), "denied");
      await refuses(own.incr("note", { id: "2", text: "abc" }), "denied");
      await refuses(own.add("note", { id: "2", text: "abc" }), "already-exists");
      expect(await own.put("note", { id: "1", text: "ABC" })).toEqual({ affected: 1 });
      expect(await own.add("note", { id: "4", text: "ABC" })).toEqual({ affected: 1 });
      expect(await own.del("note", "2")).toEqual({ affected: 0 });
      expect(await own.del("note", "4")).toEqual({ affected: 1 });
      const byMember = db.scope({ note: { where: { owner, free: "2" } } });
      expect(await byMember.count("note", {})).toBe(1);
      expect(await byMember.get("note", { owner, id: "2" })).toMatchObject({ free: "2" });
      expect(await byMember.get("note", { owner, id: "3" })).toBeUndefined();
      await refuses(byMember.update("note", { owner, id: "2", free: 3 }), "denied");
    });

    promise("expired rows are missing ones, inside and outside", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      for (const team of [a, b]) await db.put("auto", { id: `x${team}`, team, text: "old", ends: clock.now() });
      const own = db.scope({ auto: { where: { team: a }, set: { team: a } } });
      expect(await own.get("auto", `x${a}`)).toBeUndefined();
      expect(await own.put("auto", { id: `x${b}`, text: "new" }, { returning: "old" })).toEqual({ affected: 1 });
      expect(await own.add("auto", { id: `x${a}`, text: "new" })).toEqual({ affected: 1 });
      expect(await db.get("auto", `x${b}`)).toMatchObject({ team: a, text: "new" });
    });

    promise("the calls of a scope's transaction are inside too", async ({ db, capabilities, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      await db.put("photo", { owner: b, taken: 1, stars: 1 });
      const own = db.scope({ photo: { where: { owner: a }, set: { owner: a } } });
      if (capabilities.transactions === "none")
        return refuses(
          own.transaction(async () => undefined),
          "unsupported",
        );
      await own.transaction(async (tx) => {
        await tx.put("photo", { taken: 1, stars: 1 });
        await refuses(tx.put("photo", { owner: b, taken: 1 }), "denied");
        expect(await tx.incr("photo", { taken: 1, stars: 1 })).toEqual({ affected: 1 });
      });
      expect(await db.get("photo", { owner: a, taken: 1 })).toMatchObject({ stars: 2 });
      // The rest asks for the row of another owner, to be told that it is not there.
      if (!takesRowsApart(capabilities)) return;
      await own.transaction(async (tx) => {
        await tx.put("photo", { taken: 1, stars: 2 });
        expect(await tx.get("photo", { taken: 1 })).toMatchObject({ owner: a, stars: 2 });
        expect(await tx.get("photo", { owner: b, taken: 1 })).toBeUndefined();
        await refuses(tx.put("photo", { owner: b, taken: 1 }), "denied");
        expect(await tx.update("photo", { taken: 1, stars: 3 })).toEqual({ affected: 1 });
        expect(await tx.del("photo", { owner: b, taken: 1 })).toEqual({ affected: 0 });
        const narrower = (tx as AnyDb).scope({ photo: { where: { stars: 9 } } });
        expect(await narrower.get("photo", { taken: 1 })).toBeUndefined();
      });
      expect(await db.get("photo", { owner: a, taken: 1 })).toMatchObject({ stars: 3 });
      await db.transaction(async (tx) => {
        const inside = (tx as AnyDb).scope({ photo: { where: { owner: a } } });
        expect(await inside.get("photo", { owner: b, taken: 1 })).toBeUndefined();
        await refuses(inside.put("photo", { owner: b, taken: 2 }), "denied");
        expect(await inside.incr("photo", { owner: a, taken: 1, stars: 1 })).toEqual({ affected: 1 });
      });
      expect(await db.get("photo", { owner: a, taken: 1 })).toMatchObject({ stars: 4 });
    });

    promise("hooks see the call as it was made and its scope, which holds for what they change", async ({ open, fresh }) => {
      const db = await open();
      const owner = fresh();
      const seen: unknown[] = [];
      db.hook("photo", "before:put", (call) => {
        const { row, scope } = call as unknown as { row: Record<string, unknown>; scope: unknown };
        seen.push({ row, scope });
        if (row["stars"] === 1) (call as { row: unknown }).row = { ...row, owner: "other" };
      });
      const definition = { where: { owner }, set: { owner } };
      const own = db.scope({ photo: definition });
      expect(await own.put("photo", { taken: 1 })).toEqual({ affected: 1 });
      expect(seen).toEqual([{ row: { taken: 1 }, scope: definition }]);
      await refuses(own.put("photo", { taken: 1, stars: 1 }), "denied", { column: "owner" });
    });

    promise("a scope is what it was when it was made", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      const definition = { doc: { where: { team: a }, set: { team: a } } };
      const own = db.scope(definition);
      definition.doc.where.team = b;
      definition.doc.set.team = b;
      await own.put("doc", { id: a });
      expect(await db.get("doc", a)).toMatchObject({ team: a });
      expect(await own.get("doc", a)).toMatchObject({ team: a });
    });

    promise("explain shows the condition in the command", async ({ db, capabilities, fresh }) => {
      const own = ofTeam(db, fresh());
      if (capabilities.guards !== "version" && capabilities.unique === "engine")
        expect(await own.explain("update", "doc", { id: "x", text: "y" })).toMatchObject({ plan: { guard: "team eq" } });
      expect(await own.explain("count", "doc", { size: 1 }, { scan: true })).toMatchObject({ plan: { table: "doc" } });
    });
  });
}
