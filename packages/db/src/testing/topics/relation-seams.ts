// Relations beside other things: sizes, hostile values, wrong calls, hooks, transactions, calls that are given up.

import { expect } from "vitest";

import type { AnyHookCall, AnyRow } from "../any-db.js";
import { refuseAll, refuses, valuesOf } from "../expectations.js";
import { hostileTexts } from "../hostile-texts.js";
import { clock, fill, tables } from "../relation-tables.js";
import type { Suite } from "../suite.js";

export function relationSeams(suite: Suite): void {
  suite.topic("relation seams", { tables, db: { clock } }, ({ promise }) => {
    promise("pages of any size include what belongs to each row", async ({ db, fresh }) => {
      const id = fresh();
      const numbers = Array.from({ length: 40 }, (_, i) => i);
      const name = (n: number): string => `${id}${String(n).padStart(3, "0")}`;
      await db.bulk(numbers.map((n) => ({ op: "put", table: "account", row: { id: name(n), boss: id, n } })));
      await db.bulk(
        numbers.flatMap((n) =>
          Array.from({ length: n % 4 }, (_, i) => ({
            op: "put",
            table: "photo",
            row: { id: `${name(n)}-${i}`, owner: name(n), taken: i },
          })),
        ),
      );
      const include = {
        photos: { from: "photo", by: "owner", select: ["taken"], sort: "-taken", count: 2, include: { owner: { select: ["n"] } } },
      };
      for (const count of [7, 39, 40, 500]) {
        const found: AnyRow[] = [];
        let start: string | undefined;
        do {
          const page = await db.select(
            "account",
            { boss: id },
            { sort: "id", count, select: ["n"], include, ...(start === undefined ? {} : { start }) },
          );
          found.push(...page.rows);
          start = page.next;
        } while (start !== undefined);
        expect(found).toEqual(
          numbers.map((n) => ({
            n,
            photos: [2, 1, 0]
              .filter((taken) => taken < n % 4)
              .slice(0, 2)
              .map((taken) => ({ taken, owner: { n } })),
          })),
        );
      }
    });

    promise("values that no key can have refer to nothing", async ({ db, fresh }) => {
      const id = fresh();
      const texts = ["", "x".repeat(300), ...hostileTexts].filter((text) => text.length < 1000);
      await db.bulk(texts.map((text, i) => ({ op: "put", table: "far", row: { id: `${id}${i}`, owner: text } })));
      const rows = await db.list(
        "far",
        texts.map((_, i) => `${id}${i}`),
        { include: { owner: true } },
      );
      expect(valuesOf(rows, "owner")).toEqual(texts.map(() => null));
      const keys = hostileTexts.filter((text) => text !== "" && text.length < 200).map((text) => `${id}${text}`);
      await db.bulk(keys.map((key) => ({ op: "put", table: "account", row: { id: key, name: key } })));
      await db.bulk(keys.map((key, i) => ({ op: "put", table: "photo", row: { id: `${id}h${i}`, owner: key, taken: i } })));
      const found = await db.list(
        "photo",
        keys.map((_, i) => `${id}h${i}`),
        { include: { owner: { select: ["name"], include: { photos: { from: "photo", by: "owner", select: ["taken"] } } } } },
      );
      expect(valuesOf(found, "owner")).toEqual(keys.map((name, i) => ({ name, photos: [{ taken: i }] })));
    });

    promise("a key that is joined, and rows of open tables, take part", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("talk", { id, kind: "a|b", peer: "c" });
      await db.put("line", { id, talk: id, at: "a\\|b|c" });
      expect(await db.get("line", id, { select: ["id"], include: { of: true } })).toEqual({
        id,
        of: { id, at: "a\\|b|c", kind: "a|b", peer: "c" },
      });
      await db.put("account", { id, name: "Ann" });
      await db.put("note", { id, writer: id, mood: "good" });
      expect(await db.get("note", id, { include: { writer: { select: ["name"] } } })).toEqual({
        id,
        writer: { name: "Ann" },
        mood: "good",
      });
    });

    promise("a call takes its include when it is made", async ({ db, fresh }) => {
      const { a } = await fill(db, fresh());
      const filter = { taken: { $gt: 0 } };
      const include: AnyRow = { photos: { from: "photo", by: "owner", select: ["taken"], filter } };
      const reading = db.get("account", a, { select: ["id"], include });
      filter.taken.$gt = 100;
      include["more"] = { by: "nope" };
      expect(await reading).toEqual({ id: a, photos: [{ taken: 1 }] });
    });

    promise("wrong inclusions are refused before anything is read", async ({ db }) => {
      const get = (include: unknown): Promise<unknown> => db.get("account", "nobody", { include });
      const wrong: unknown[] = [
        3,
        "boss",
        [],
        { boss: 3 },
        { boss: false },
        { boss: [] },
        { nope: true },
        { name: true },
        { boss: { select: [] } },
        { boss: { select: ["nope"] } },
        { boss: { count: 3 } },
        { boss: { by: "nope" } },
        { x: { by: "constructor" } },
        { "a b": { by: "boss" } },
        { __proto: { by: "boss" } },
        { "": true },
        { n: { by: "boss" } },
        { x: { from: "nope", by: "owner" } },
        { x: { from: "photo" } },
        { x: { from: 3, by: "owner" } },
        { x: { from: "photo", by: "album" } },
        { x: { from: "photo", by: "nope" } },
        { name: { from: "photo", by: "owner" } },
        { boss: { from: "account", by: "boss" } },
        { x: { from: "photo", by: "owner", count: 0 } },
        { x: { from: "photo", by: "owner", sort: "nope" } },
        { x: { from: "photo", by: "owner", filter: { nope: 1 } } },
        { x: { from: "photo", by: "owner", scan: 1 } },
        { x: { from: "photo", by: "owner", start: "x" } },
        { boss: { include: { nope: true } } },
        { boss: { include: 3 } },
      ];
      await refuseAll(wrong.map(get), "invalid");
      await refuses(db.count("account", {}, { include: { boss: true } }), "invalid");
      await refuses(db.put("account", { id: "x" }, { include: { boss: true } }), "invalid");
    });

    promise("what no key or index serves is refused, unless a scan is allowed", async ({ db, fresh }) => {
      const { a } = await fill(db, fresh());
      const far = { from: "far", by: "owner", select: ["id"] };
      await refuses(db.get("account", a, { include: { far } }), "scan-refused", { table: "far" });
      await refuses(db.select("account", { id: [] }, { include: { far } }), "scan-refused", { table: "far" });
      await db.put("far", { id: a, owner: a });
      expect(await db.get("account", a, { select: ["id"], include: { far: { ...far, scan: true } } })).toEqual({ id: a, far: [{ id: a }] });
    });

    promise("hooks of a table see what is included of it, and can refuse it", async ({ open, fresh }) => {
      const db = await open();
      const { a, b, photos } = await fill(db, fresh());
      const seen: [AnyHookCall, unknown][] = [];
      db.hook("account", "after:list", (call, result) => void seen.push([call, result]));
      db.hook("photo", "after:select", (call, result) => void seen.push([call, result]));
      await db.list("photo", photos, { include: { owner: { select: ["name"] } } });
      expect(seen).toHaveLength(1);
      expect(seen[0]![0]).toMatchObject({ verb: "list", table: "account", options: { select: ["name"] } });
      expect((seen[0]![0] as unknown as { keys: unknown[] }).keys).toContainEqual({ id: a });
      expect(seen[0]![1]).toEqual([{ name: "Ann" }]);
      await db.select(
        "account",
        { id: { $in: [a, b] } },
        { sort: "id", include: { photos: { from: "photo", by: "owner", select: ["taken"], filter: { stars: 5 } } } },
      );
      expect(seen[1]).toMatchObject([
        { verb: "select", table: "photo", filter: { $and: [{ owner: { $in: [a, b] } }, { stars: 5 }] } },
        { rows: [{ taken: 1 }] },
      ]);
      db.hook("account", "before:list", () => {
        throw new Error("not these");
      });
      await refuses(db.get("photo", photos[0], { include: { owner: true } }), "denied", { table: "account" });
      expect(await db.get("photo", photos[0], { select: ["taken"] })).toEqual({ taken: 1 });
    });

    promise("inside a transaction includes see its writes", async ({ db, capabilities, fresh }) => {
      if (capabilities.transactions === "none") return;
      const id = fresh();
      const { a, photos } = await fill(db, id);
      const failing = db.transaction(async (tx) => {
        await tx.update("account", { id: a, name: "Eve" });
        await tx.put("account", { id: `${id}nobody`, name: "New" });
        const rows = await tx.list("photo", photos, { select: ["taken"], include: { owner: { select: ["name"] } } });
        expect(rows).toEqual([
          { taken: 1, owner: { name: "Eve" } },
          { taken: 2, owner: null },
          { taken: 3, owner: { name: "New" } },
        ]);
        const reading = tx.list("account", [a, `${id}nobody`], {
          select: ["id"],
          include: { photos: { from: "photo", by: "owner", select: ["taken"] } },
        });
        if (capabilities.transactions === "batch") await refuses(reading, "unsupported");
        else
          expect(await reading).toEqual([
            { id: a, photos: [{ taken: 1 }] },
            { id: `${id}nobody`, photos: [{ taken: 3 }] },
          ]);
        throw new Error("stop");
      });
      await expect(failing).rejects.toThrow("stop");
      expect(await db.get("photo", photos[0], { select: ["taken"], include: { owner: { select: ["name"] } } })).toEqual({
        taken: 1,
        owner: { name: "Ann" },
      });
    });

    promise("a call that was given up ends, whatever it includes", async ({ db, capabilities, fresh }) => {
      const { photos } = await fill(db, fresh());
      const controller = new AbortController();
      const reading = db.get("photo", photos[0], { include: { owner: true }, signal: controller.signal });
      controller.abort();
      await reading.then(
        (row) => expect(row).toMatchObject({ owner: { name: "Ann" } }),
        (error: unknown) => expect(error).toMatchObject({ code: "cancelled" }),
      );
      await refuses(db.get("photo", photos[0], { include: { owner: true }, signal: AbortSignal.abort() }), "cancelled");
      expect(
        await db.get("photo", photos[0], {
          select: ["id"],
          include: { owner: { select: ["n"] } },
          timeoutMs: 60_000,
          consistent: capabilities.sees.get !== "late",
          group: false,
        }),
      ).toEqual({ id: photos[0], owner: { n: 1 } });
    });
  });
}
