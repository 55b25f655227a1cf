// Relations: rows of other tables that are read along, whatever the engine.

import { expect } from "vitest";

import type { AnyRow } from "../any-db.js";
import { refuses, valuesOf } from "../expectations.js";
import { account, clock, fill, tables } from "../relation-tables.js";
import type { Suite } from "../suite.js";

export function relations(suite: Suite): void {
  suite.topic("relations", { tables, db: { clock } }, ({ promise }) => {
    promise("a row that is referred to stands in the place of its key, null where there is none", async ({ db, fresh }) => {
      const { a, photos } = await fill(db, fresh());
      const options = { select: ["id", "owner"], include: { owner: { select: ["name"] } } };
      const rows = [
        { id: photos[0], owner: { name: "Ann" } },
        { id: photos[1], owner: null },
        { id: photos[2], owner: null },
      ];
      expect(await db.get("photo", photos[0], options)).toEqual(rows[0]);
      expect(await db.get("photo", "nobody", options)).toBeUndefined();
      expect(await db.list("photo", [photos[2], photos[0], "nobody", photos[1], photos[0]], options)).toEqual([
        rows[2],
        rows[0],
        rows[1],
        rows[0],
      ]);
      expect((await db.select("photo", { id: { $in: photos } }, { ...options, sort: "id" })).rows).toEqual(rows);
      const scanned: AnyRow[] = [];
      for await (const row of db.scan("photo", { id: { $in: photos } }, { ...options, count: 2 })) scanned.push(row);
      expect(scanned.sort((x, y) => (String(x["id"]) < String(y["id"]) ? -1 : 1))).toEqual(rows);
      const whole = await db.get("photo", photos[0], { include: { owner: true } });
      expect(whole).toEqual({
        id: photos[0],
        owner: account(a, "Ann", { n: 1 }),
        taken: 1,
        stars: 5,
        tags: ["x"],
        albumOwner: a,
        albumNo: 1,
        cover: null,
        coverNo: null,
      });
    });

    promise("it may stand under a name of its own, and its key need not be selected", async ({ db, fresh }) => {
      const { a, photos } = await fill(db, fresh());
      expect(await db.get("photo", photos[0], { select: ["taken"], include: { who: { by: "owner", select: ["id"] } } })).toEqual({
        taken: 1,
        who: { id: a },
      });
      expect(
        await db.get("photo", photos[0], {
          select: ["owner"],
          include: { who: { by: "owner", select: ["name"] }, owner: { select: ["n"] } },
        }),
      ).toEqual({ owner: { n: 1 }, who: { name: "Ann" } });
    });

    promise("several columns refer together, and to nothing where one of them is absent", async ({ db, fresh }) => {
      const { a, photos } = await fill(db, fresh());
      await db.update("photo", { id: photos[1], cover: a, coverNo: 1 });
      const { rows } = await db.select(
        "photo",
        { id: { $in: photos } },
        { sort: "id", select: ["id"], include: { album: true, shown: { select: ["title"] } } },
      );
      expect(rows).toEqual([
        { id: photos[0], album: { owner: a, no: 1, title: "Rome" }, shown: null },
        { id: photos[1], album: null, shown: { title: "Rome" } },
        { id: photos[2], album: null, shown: null },
      ]);
    });

    promise("rows that refer to a row are sorted, counted and filtered", async ({ db, fresh }) => {
      const id = fresh();
      const { a, b } = await fill(db, id);
      await db.bulk(
        [4, 5, 6, 7, 8].map((taken) => ({ op: "put", table: "photo", row: { id: `${id}${taken}`, owner: a, taken, stars: taken % 3 } })),
      );
      const of = (options: AnyRow): AnyRow => ({
        select: ["id"],
        include: { photos: { from: "photo", by: "owner", select: ["taken"], ...options } },
      });
      const taken = async (options: AnyRow): Promise<unknown> =>
        valuesOf((await db.get("account", a, of(options)))!["photos"] as AnyRow[], "taken");
      expect(await taken({ sort: "-taken", count: 3 })).toEqual([8, 7, 6]);
      expect(await taken({ sort: "taken" })).toEqual([1, 4, 5, 6, 7, 8]);
      expect(await taken({ sort: "taken", filter: { stars: 2 } })).toEqual([5, 8]);
      expect(await taken({ sort: "taken", filter: { taken: { $ge: 6 } }, count: 2 })).toEqual([6, 7]);
      expect(await taken({ sort: ["-stars", "taken"], count: 3 })).toEqual([1, 5, 8]);
      expect(await taken({ sort: "taken", filter: { $or: [{ stars: 1 }, { tags: { $contains: "x" } }] } })).toEqual([1, 4, 7]);
      expect(await taken({ sort: "taken", filter: { taken: [] } })).toEqual([]);
      const { rows } = await db.select("account", { id: { $in: [a, b] } }, { sort: "id", ...of({ sort: "-taken", count: 1 }) });
      expect(rows).toEqual([
        { id: a, photos: [{ taken: 8 }] },
        { id: b, photos: [] },
      ]);
      expect(await db.list("account", [b, a, b], of({ sort: "taken", count: 1 }))).toEqual([
        { id: b, photos: [] },
        { id: a, photos: [{ taken: 1 }] },
        { id: b, photos: [] },
      ]);
    });

    promise("rows that refer by a key of several columns, or by a part of their own key, are included too", async ({ db, fresh }) => {
      const { a, photos } = await fill(db, fresh());
      await db.put("album", { owner: a, no: 2, title: "Oslo" });
      const options = {
        select: ["name"],
        include: {
          albums: {
            from: "album",
            by: "owner",
            select: ["title"],
            sort: "-no",
            include: { photos: { from: "photo", by: "album", select: ["id"] } },
          },
        },
      };
      expect(await db.get("account", a, options)).toEqual({
        name: "Ann",
        albums: [
          { title: "Oslo", photos: [{ id: photos[2] }] },
          { title: "Rome", photos: [{ id: photos[0] }] },
        ],
      });
    });

    promise("inclusions nest three deep, and no deeper", async ({ db, fresh }) => {
      const { a, b, photos } = await fill(db, fresh());
      const staff = { from: "account", by: "boss", select: ["name"] };
      const nested = {
        select: ["id"],
        include: { owner: { select: ["name"], include: { staff: { ...staff, include: { boss: { select: ["id"] } } } } } },
      };
      expect(await db.get("photo", photos[0], nested)).toEqual({
        id: photos[0],
        owner: { name: "Ann", staff: [{ name: "Bob", boss: { id: a } }] },
      });
      const four = { include: { boss: { include: { boss: { include: { boss: { include: { boss: true } } } } } } } };
      await refuses(db.get("account", b, four), "invalid");
      await refuses(db.get("account", "nobody", four), "invalid");
      await refuses(db.select("account", { id: [] }, four), "invalid");
    });

    promise("each row has objects of its own", async ({ db, fresh }) => {
      const { a } = await fill(db, fresh());
      const ids = [fresh(), fresh()];
      await db.bulk(ids.map((id) => ({ op: "put", table: "photo", row: { id, owner: a } })));
      const [one, two] = await db.list("photo", ids, { include: { owner: { include: { photos: { from: "photo", by: "owner" } } } } });
      const [left, right] = [one!["owner"] as AnyRow, two!["owner"] as AnyRow];
      expect(left).toEqual(right);
      expect(left).not.toBe(right);
      expect((left["photos"] as AnyRow[])[0]).not.toBe((right["photos"] as AnyRow[])[0]);
    });

    promise("expired rows are not included", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("account", { id, name: "Ann", boss: `${id}x`, ends: clock.now() + 1000 });
      await db.put("account", { id: `${id}x`, ends: clock.now() + 500 });
      await db.put("photo", { id, owner: id });
      const who = { select: ["id"], include: { owner: { select: ["name"] } } };
      const staff = { select: ["id"], include: { staff: { from: "account", by: "boss", select: ["name"] }, boss: { select: ["id"] } } };
      expect(await db.get("account", `${id}x`, staff)).toEqual({ id: `${id}x`, staff: [{ name: "Ann" }], boss: null });
      expect(await db.get("photo", id, who)).toEqual({ id, owner: { name: "Ann" } });
      clock.advance(500);
      expect(await db.get("account", id, staff)).toEqual({ id, staff: [], boss: null });
      clock.advance(500);
      expect(await db.get("photo", id, who)).toEqual({ id, owner: null });
    });
  });
}
