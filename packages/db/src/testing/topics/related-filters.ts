// Filters that ask of the row that a row refers to: a part of the command or two steps, with the same answer.

import { expect } from "vitest";

import { defineTables, table } from "../../schema/define-tables.js";
import type { AnyDb, AnyOptions } from "../any-db.js";
import { refuseAll, refuses, valuesOf, walk } from "../expectations.js";
import { hostileTexts } from "../hostile-texts.js";
import { movableClock } from "../movable-clock.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  team: { id: { primary: 1 }, name: { index: 1 }, level: { type: "int" }, tags: { type: "set" }, ends: { type: "ttl" } },
  account: {
    id: { primary: 1 },
    team: { ref: "team", index: 1 },
    boss: { ref: "account", index1: 1 },
    name: { index2: 1 },
    n: { type: "int" },
  },
  album: { owner: { primary: 1, ref: "account" }, no: { type: "int", primary: 2 }, title: { index: 1 } },
  photo: {
    id: { primary: 1 },
    run: { index1: 1 },
    owner: { ref: "account", index: 1 },
    taken: { type: "int", index: 2 },
    albumOwner: { ref: "album.owner", index2: 1 },
    albumNo: { type: "int", ref: "album.no", index2: 2 },
    text: { search: true },
  },
  far: table({ id: { primary: 1 }, label: {} }, { noscan: true }),
  near: { id: { primary: 1 }, far: { ref: "far", index: 1 } },
  free: table({ id: { primary: 1 } }, { open: true }),
  bound: { id: { primary: 1 }, free: { ref: "free", index: 1 } },
});

const clock = movableClock(Date.UTC(2100, 0, 1));

/** Two teams with two accounts each, albums of two of them, a photo of each and some that refer to nothing; names begin with `id`. */
async function fill(db: AnyDb, id: string): Promise<void> {
  const rows: [string, Record<string, unknown>][] = [
    ["team", { id: `${id}red`, name: `${id}Red`, level: 1, tags: ["x"] }],
    ["team", { id: `${id}blue`, name: `${id}Blue`, level: 2 }],
    ["account", { id: `${id}a`, team: `${id}red`, name: `${id}Ann`, n: 1 }],
    ["account", { id: `${id}b`, team: `${id}red`, boss: `${id}a`, name: `${id}Bob`, n: 2 }],
    ["account", { id: `${id}c`, team: `${id}blue`, boss: `${id}a`, name: `${id}Cid` }],
    ["account", { id: `${id}d`, team: `${id}none`, boss: `${id}c`, name: `${id}Dan`, n: 4 }],
    ["album", { owner: `${id}a`, no: 1, title: `${id}Rome` }],
    ["album", { owner: `${id}b`, no: 1, title: `${id}Rome` }],
    ["album", { owner: `${id}a`, no: 2, title: `${id}Oslo` }],
    ["photo", { id: `${id}1`, run: id, owner: `${id}a`, taken: 1, albumOwner: `${id}a`, albumNo: 1, text: "sun" }],
    ["photo", { id: `${id}2`, run: id, owner: `${id}b`, taken: 2, albumOwner: `${id}b`, albumNo: 1, text: "rain" }],
    ["photo", { id: `${id}3`, run: id, owner: `${id}c`, taken: 3, albumOwner: `${id}a`, albumNo: 2, text: "sun" }],
    ["photo", { id: `${id}4`, run: id, owner: `${id}d`, taken: 4, albumOwner: `${id}a`, albumNo: 9 }],
    ["photo", { id: `${id}5`, run: id, taken: 5, albumOwner: `${id}a` }],
    ["photo", { id: `${id}6`, run: id, owner: `${id}nobody`, taken: 6 }],
  ];
  await db.bulk(rows.map(([name, row]) => ({ op: "put", table: name, row })));
}

export function relatedFilters(suite: Suite): void {
  suite.topic("related filters", { tables, db: { clock } }, ({ promise }) => {
    /** The photos of a run that a filter finds, by the last letter of their ids. */
    const finder =
      (db: Pick<AnyDb, "select">, id: string) =>
      async (filter: AnyOptions, options: AnyOptions = {}): Promise<string> => {
        const { rows } = await db.select("photo", { run: id, ...filter }, { sort: "id", ...options });
        return valuesOf(rows, "id")
          .map((own) => String(own).slice(id.length))
          .join("");
      };

    promise("a filter may ask of the row that is referred to", async ({ db, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const find = finder(db, id);
      expect(await find({ owner: { $ref: { name: `${id}Ann` } } })).toBe("1");
      expect(await find({ owner: { $ref: { name: [`${id}Ann`, `${id}Cid`, `${id}Nobody`] } } })).toBe("13");
      expect(await find({ owner: { $ref: { name: `${id}Nobody` } } })).toBe("");
      expect(await find({ owner: { $ref: { name: [] } } })).toBe("");
      expect(await find({ owner: { $ref: { name: { $begins_with: id }, n: { $gt: 1 } } } }, { scan: true })).toBe("24");
      expect(await find({ owner: { $ref: { id: [`${id}a`, `${id}b`] } }, taken: { $gt: 1 } })).toBe("2");
      expect(await find({ owner: { $ref: { id: `${id}a` }, $ne: `${id}a` } })).toBe("");
      expect(await find({ owner: { $ref: { id: [`${id}a`, `${id}b`] }, $ne: `${id}a` } })).toBe("2");
    });

    promise("what refers to nothing passes neither a filter nor its opposite", async ({ db, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const find = finder(db, id);
      const options = { scan: true };
      expect(await find({ $not: { owner: { $ref: { name: `${id}Ann` } } } }, options)).toBe("234");
      expect(await find({ $not: { owner: { $ref: { n: 2 } } } }, options)).toBe("14");
      expect(await find({ $not: { owner: { $ref: { $not: { n: 2 } } } } }, options)).toBe("2");
      expect(await find({ owner: { $ref: { n: null } } }, options)).toBe("3");
      expect(await find({ $not: { owner: { $ref: { n: 4 } }, taken: 4 } }, options)).toBe("12356");
      expect(await find({ $not: { owner: { $ref: { name: { $not_null: true } } } } }, options)).toBe("");
    });

    promise("it nests, stands in groups, and takes keys of several columns", async ({ db, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const find = finder(db, id);
      const red = { team: { $ref: { name: `${id}Red` } } };
      expect(await find({ owner: { $ref: red } })).toBe("12");
      expect(await find({ owner: { $ref: { boss: { $ref: red } } } })).toBe("23");
      expect(await find({ album: { $ref: { title: `${id}Rome` } } })).toBe("12");
      expect(await find({ album: { $ref: { title: `${id}Rome`, owner: { $ref: { boss: { $ref: { id: `${id}a` } } } } } } })).toBe("2");
      expect(await find({ album: { $ref: { title: `${id}Oslo` } }, owner: { $ref: { boss: `${id}a` } } })).toBe("3");
      expect(
        await find(
          { $or: [{ owner: { $ref: { id: `${id}a` } } }, { album: { $ref: { title: `${id}Oslo` } } }, { taken: 6 }] },
          { scan: true },
        ),
      ).toBe("136");
      expect(
        await find({ $and: [{ owner: { $ref: { $or: { name: `${id}Ann`, boss: `${id}c` } } } }, { taken: { $gt: 0 } }] }, { scan: true }),
      ).toBe("14");
      expect(await find({ $not: { album: { $ref: { title: `${id}Rome` } } } }, { scan: true })).toBe("3");
    });

    promise("rows of a table are found by other rows of it", async ({ db, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const { rows } = await db.select("account", { boss: { $ref: { name: `${id}Ann`, n: 1 } } }, { sort: "-id" });
      expect(valuesOf(rows, "id")).toEqual([`${id}c`, `${id}b`]);
      const twice = await db.select("account", {
        name: `${id}Dan`,
        boss: { $ref: { name: `${id}Cid`, boss: { $ref: { name: `${id}Ann` } } } },
      });
      expect(valuesOf(twice.rows, "id")).toEqual([`${id}d`]);
    });

    promise("count, scan, search and what is included take it", async ({ db, capabilities, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const filter = { run: id, owner: { $ref: { team: { $ref: { name: `${id}Red` } } } } };
      expect(await db.count("photo", filter)).toBe(2);
      expect(await db.count("photo", { owner: { $ref: { name: `${id}Nobody` } } })).toBe(0);
      const found: unknown[] = [];
      for await (const row of db.scan("photo", filter, { count: 1 })) found.push(row["taken"]);
      expect(found.sort()).toEqual([1, 2]);
      const photos = { from: "photo", by: "album", select: ["taken"], filter: { owner: { $ref: { name: `${id}Cid` } } } };
      const { rows } = await db.select("album", { owner: `${id}a` }, { sort: "no", select: ["no"], include: { photos } });
      expect(rows).toEqual([
        { no: 1, photos: [] },
        { no: 2, photos: [{ taken: 3 }] },
      ]);
      if (!capabilities.search) return;
      const suns = await db.search("photo", "sun", { filter: { run: id, owner: { $ref: { boss: `${id}a` } } } });
      expect(valuesOf(suns.rows, "taken")).toEqual([3]);
    });

    promise("pages have every row once, whatever their size and order", async ({ db, fresh }) => {
      const id = fresh();
      const accounts = Array.from({ length: 5 }, (_, i) => `${id}${i}`);
      await db.bulk(
        accounts.map((own, i) => ({ op: "put", table: "account", row: { id: own, name: `${id}${i % 2 === 0 ? "even" : "odd"}` } })),
      );
      const photos = Array.from({ length: 20 }, (_, i) => ({
        id: `${id}${String(i).padStart(2, "0")}`,
        owner: accounts[i % 5],
        taken: (i * 7) % 20,
      }));
      await db.bulk(photos.map((row) => ({ op: "put", table: "photo", row })));
      const even = photos.filter((_, i) => (i % 5) % 2 === 0);
      const filter = { owner: { $ref: { name: `${id}even` } } };
      for (const count of [2, 5, 12, 50])
        for (const [sort, wanted] of [
          [undefined, undefined],
          [
            "-taken",
            valuesOf(
              even.toSorted((a, b) => b.taken - a.taken),
              "id",
            ),
          ],
          [
            ["owner", "taken"],
            valuesOf(
              even.toSorted((a, b) => (a.owner === b.owner ? a.taken - b.taken : a.owner! < b.owner! ? -1 : 1)),
              "id",
            ),
          ],
        ] as const) {
          const pages = await walk(db, "photo", filter, { count, select: ["id"], ...(sort === undefined ? {} : { sort }) });
          const ids = pages.flatMap(({ rows }) => valuesOf(rows, "id"));
          expect(sort === undefined ? ids.sort() : ids).toEqual(wanted ?? valuesOf(even, "id"));
        }
    });

    promise("a page token goes on with what was asked, whatever has become of the other rows", async ({ db, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const filter = { run: id, owner: { $ref: { name: { $begins_with: id } } } };
      const first = await db.select("photo", filter, { sort: "taken", count: 2, scan: true });
      expect(valuesOf(first.rows, "taken")).toEqual([1, 2]);
      await db.update("account", { id: `${id}c`, name: "elsewhere" });
      await db.update("photo", { id: `${id}5`, owner: `${id}a` });
      const rest = await db.select("photo", filter, { sort: "taken", count: 2, scan: true, start: first.next });
      expect(valuesOf(rest.rows, "taken")).toEqual([4, 5]);
      await refuses(
        db.select(
          "photo",
          { run: id, owner: { $ref: { name: { $begins_with: `${id}x` } } } },
          { sort: "taken", scan: true, start: first.next },
        ),
        "invalid",
      );
    });

    promise("an expired row is none", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("team", { id, name: id, ends: clock.now() + 1000 });
      await db.put("account", { id, team: id });
      const filter = { team: { $ref: { name: id } } };
      expect(await db.count("account", filter)).toBe(1);
      clock.advance(1000);
      expect(await db.count("account", filter)).toBe(0);
      expect((await db.select("account", { $not: { team: { $ref: { name: "x" } } }, id }, { scan: true })).rows).toEqual([]);
    });

    promise("what the engine does not compare is compared here", async ({ db, fresh }) => {
      const id = fresh();
      await fill(db, id);
      const names = async (filter: AnyOptions): Promise<unknown[]> =>
        valuesOf((await db.select("account", { team: { $ref: filter } }, { sort: "id", scan: true })).rows, "id");
      expect(await names({ name: `${id}Red`, tags: { $contains: "x" } })).toEqual([`${id}a`, `${id}b`]);
      expect(await names({ name: { $like: `${id}R_d` } })).toEqual([`${id}a`, `${id}b`]);
      expect(await names({ name: { $regexp: `^${id}B` } })).toEqual([`${id}c`]);
      await db.bulk(["x", "y"].map((mood) => ({ op: "put", table: "free", row: { id: `${id}${mood}`, mood } })));
      await db.bulk(["x", "y"].map((mood) => ({ op: "put", table: "bound", row: { id: `${id}${mood}`, free: `${id}${mood}` } })));
      const { rows } = await db.select("bound", { free: { $ref: { id: [`${id}x`, `${id}y`], mood: "y" } } });
      expect(valuesOf(rows, "id")).toEqual([`${id}y`]);
    });

    promise("any text may be a key", async ({ db, fresh }) => {
      const id = fresh();
      const keys = hostileTexts.filter((text) => text.length < 200).map((text) => `${id}${text}`);
      await db.bulk(keys.map((key) => ({ op: "put", table: "account", row: { id: key, name: id } })));
      await db.bulk(keys.map((key, i) => ({ op: "put", table: "photo", row: { id: `${id}${i}`, owner: key, taken: i } })));
      const { rows } = await db.select("photo", { owner: { $ref: { name: id } } }, { sort: "taken", count: 1000 });
      expect(valuesOf(rows, "taken")).toEqual(keys.map((_, i) => i));
    });

    promise("a whole table is read for it only where the caller says so", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("far", { id, label: id });
      await db.put("near", { id, far: id });
      const filter = { far: { $ref: { label: id } } };
      await refuses(db.select("near", filter), "scan-refused", { table: "far" });
      await refuses(db.count("near", filter), "scan-refused", { table: "far" });
      expect(await db.count("near", filter, { scan: true })).toBe(1);
      expect((await db.select("near", filter, { scan: true })).rows).toEqual([{ id, far: id }]);
      const scanned: unknown[] = [];
      for await (const row of db.scan("near", filter)) scanned.push(row["id"]);
      expect(scanned).toEqual([id]);
    });

    promise("more rows than are read first are an error that names the limit, where they are", async ({ open, fresh }) => {
      const db = await open({ relatedLimit: 3 });
      const id = fresh();
      await db.bulk(
        [0, 1, 2, 3].map((i) => ({ op: "put", table: "account", row: { id: `${id}${i}`, name: i < 3 ? `${id}few` : `${id}many` } })),
      );
      await db.put("photo", { id, owner: `${id}3`, taken: 1 });
      expect(await db.count("photo", { owner: { $ref: { name: `${id}few` } } })).toBe(0);
      const many = db.select("photo", { owner: { $ref: { name: { $begins_with: id } } } }, { scan: true });
      if (db.capabilities().related) expect(valuesOf((await many).rows, "id")).toEqual([id]);
      else {
        await refuses(many, "unsupported", { table: "account", detail: { capability: "related" } });
        await expect(db.count("photo", { owner: { $ref: { name: { $begins_with: id } } } }, { scan: true })).rejects.toThrow(
          /relatedLimit/,
        );
      }
    });

    promise("inside a transaction it sees the transaction's writes", async ({ db, capabilities, fresh }) => {
      if (capabilities.transactions === "none") return;
      const id = fresh();
      await fill(db, id);
      const failing = db.transaction(async (tx) => {
        if (capabilities.transactions === "batch") await refuses(tx.select("photo", { owner: { $ref: { name: id } } }), "unsupported");
        else {
          await tx.update("account", { id: `${id}b`, name: `${id}Ann` });
          expect(await finder(tx, id)({ owner: { $ref: { name: `${id}Ann` } } })).toBe("12");
        }
        throw new Error("stop");
      });
      await expect(failing).rejects.toThrow("stop");
      expect(await finder(db, id)({ owner: { $ref: { name: `${id}Ann` } } })).toBe("1");
    });

    promise("wrong ones are refused, and so are they where rows are written", async ({ db }) => {
      const asked: AnyOptions[] = [
        { owner: { $ref: {} } },
        { owner: { $ref: 3 } },
        { owner: { $ref: null } },
        { owner: { $ref: [] } },
        { owner: { $ref: undefined } },
        { owner: { $ref: { nope: 1 } } },
        { owner: { $ref: { n: "1" } } },
        { owner: { $ref: { name: "a" }, $nope: 1 } },
        { taken: { $ref: { n: 1 } } },
        { nope: { $ref: { n: 1 } } },
        { album: 3 },
        { album: { $ref: { title: "a" }, $eq: "x" } },
        { constructor: { $ref: { n: 1 } } },
        { $not: { owner: { $ref: {} } } },
        { owner: { $ref: { boss: { $ref: { boss: { $ref: { boss: { $ref: { n: 1 } } } } } } } } },
      ];
      await refuseAll(
        asked.map((filter) => db.select("photo", filter, { scan: true })),
        "invalid",
      );
      const filter = { owner: { $ref: { n: 1 } } };
      await refuseAll(
        [
          db.updateAll("photo", filter, { taken: 1 }),
          db.delAll("photo", filter),
          db.del("photo", "x", { where: filter }),
          db.update("photo", { id: "x", taken: 1 }, { where: filter }),
          db.incr("photo", { id: "x", taken: 1 }, { where: filter }),
        ],
        "invalid",
      );
    });
  });
}
