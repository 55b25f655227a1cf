// Full-text search, where the driver has it.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses, valuesOf } from "../expectations.js";
import type { Suite, TopicContext } from "../suite.js";

const tables = defineTables({
  post: { id: { primary: 1 }, title: { search: true }, body: { search: true }, kind: { index: 1 }, n: { type: "int" } },
  plain: { id: { primary: 1 }, text: {} },
});

const posts = [
  { id: "a", title: "Rome in spring", body: "The grand hotel near the old bridge" },
  { id: "b", title: "Milan", body: "Rome is far; hotel grand" },
  { id: "c", title: null, body: "rome, ROME and milan: e-mail me@example.org" },
  { id: "d", title: "Élan vital", body: "日本語 text; it's 100% fun" },
  { id: "e", title: "roman", body: "romeo" },
];

export function search(suite: Suite): void {
  suite.topic("search", { tables }, (topic) => {
    const promise = (name: string, test: (context: TopicContext) => Promise<void>): void =>
      topic.promise(`${name}, or search is unsupported`, async (context) => {
        if (!context.capabilities.search) return refuses(context.db.search("post", "rome"), "unsupported", { outcome: "none" });
        await Promise.all(posts.map((post, n) => context.db.put("post", { ...post, n, kind: "x" })));
        return test(context);
      });
    const found = async (db: TopicContext["db"], query: string, options?: object): Promise<unknown[]> =>
      valuesOf((await db.search("post", query, { sort: "id", ...options })).rows, "id");

    promise("words are found whole, in any case, all of them", async ({ db }) => {
      expect(await found(db, "rome")).toEqual(["a", "b", "c"]);
      expect(await found(db, "ROME hotel")).toEqual(["a", "b"]);
      expect(await found(db, "rom")).toEqual([]);
      expect(await found(db, "roman romeo")).toEqual(["e"]);
      expect(await found(db, "élan")).toEqual(["d"]);
      expect(await found(db, "nowhere")).toEqual([]);
    });

    promise("a minus leaves words out, quotes ask for words in a row", async ({ db }) => {
      expect(await found(db, "rome -milan")).toEqual(["a"]);
      expect(await found(db, '"grand hotel"')).toEqual(["a"]);
      expect(await found(db, 'rome -"grand hotel"')).toEqual(["b", "c"]);
      expect(await found(db, "me@example.org")).toEqual(["c"]);
    });

    promise("operators of the engine in a query are plain text", async ({ db }) => {
      for (const query of [
        "rome*",
        "rome & hotel",
        "rome OR nowhere",
        "(rome",
        "rome:A",
        "rome'",
        "title:rome",
        '"',
        "-",
        "rome NEAR hotel",
        "+rome",
        "~rome",
        "\\",
        "rome)",
        "<rome>",
      ])
        expect(Array.isArray(await found(db, query))).toBe(true);
      expect(await found(db, "rome*")).toEqual(["a", "b", "c"]);
    });

    promise("search takes filter, sort, select and pages", async ({ db }) => {
      expect(await found(db, "rome", { filter: { n: { $gt: 0 } } })).toEqual(["b", "c"]);
      expect(await found(db, "rome", { sort: "-id" })).toEqual(["c", "b", "a"]);
      const first = await db.search("post", "rome", { sort: "id", count: 2, select: ["id"] });
      expect(first.rows).toEqual([{ id: "a" }, { id: "b" }]);
      expect(await found(db, "rome", { count: 2, start: first.next })).toEqual(["c"]);
      await refuses(db.search("post", "milan", { sort: "id", start: first.next }), "invalid");
    });

    promise("highlights tell where words and phrases stand, in the columns that were read", async ({ db }) => {
      const marked = async (query: string, options?: object): Promise<unknown> => {
        const page = await db.search("post", query, { sort: "id", highlight: true, ...options });
        const { highlights } = page as unknown as { highlights: Record<string, [number, number][]>[] };
        expect(highlights).toHaveLength(page.rows.length);
        return highlights.map((one, i) =>
          Object.fromEntries(
            Object.entries(one).map(([column, places]) => [
              column,
              places.map(([start, end]) => (page.rows[i]![column] as string).slice(start, end)),
            ]),
          ),
        );
      };
      expect(await marked("rome -milan")).toEqual([{ title: ["Rome"] }]);
      expect(await marked('"grand hotel" rome')).toEqual([{ title: ["Rome"], body: ["grand hotel"] }]);
      expect(await marked("me@example.org rome")).toEqual([{ body: ["rome", "ROME", "me@example.org"] }]);
      // A word inside a phrase, and one at its end, belong to it.
      expect(await marked('the "old bridge" bridge')).toEqual([{ body: ["The", "the", "old bridge"] }]);
      expect(await marked("ÉLAN")).toEqual([{ title: ["Élan"] }]);
      expect(await marked("日本語")).toEqual([{ body: ["日本語"] }]);
      expect(await marked("rome", { select: ["title"] })).toEqual([{ title: ["Rome"] }, {}, {}]);
      expect(await marked("-milan -roman -élan")).toEqual([{}]);
      expect(await marked("rome", { count: 1 })).toEqual([{ title: ["Rome"] }]);
      expect(await db.search("post", "rome")).not.toHaveProperty("highlights");
      await refuses(db.search("post", "rome", { highlight: "yes" }), "invalid", { outcome: "none" });
    });

    promise("what changes is found as it is now", async ({ db, fresh }) => {
      const id = `z${fresh()}`;
      await db.put("post", { id, title: "uniqueword" });
      expect(await found(db, "uniqueword")).toEqual([id]);
      await db.update("post", { id, title: "anotherword" });
      expect(await found(db, "uniqueword")).toEqual([]);
      expect(await found(db, "anotherword")).toEqual([id]);
      await db.del("post", id);
      expect(await found(db, "anotherword")).toEqual([]);
    });

    promise("a table without searched columns is refused", async ({ db }) => {
      await refuses(db.search("plain", "rome"), "invalid");
      await refuses(db.search("post", 5), "invalid");
    });
  });
}
