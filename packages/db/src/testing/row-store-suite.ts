import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { entryOf, justAfter, type KvRange, type KvRowChange, type KvRowStore } from "../engines/kv/store.js";
import { compareText } from "../schema/compare.js";
import { encodeKey } from "../schema/ordered-text.js";
import { compileTables } from "../schema/compile-table.js";
import { defineTables } from "../schema/define-tables.js";

/** A store under test, and what frees it. */
export interface OpenedRowStore {
  readonly store: KvRowStore;
  clean(): Promise<void>;
}

const keys = ["a", "a\u0001", "b", "é", "z", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}", '{"*?[', "%_\\", "a/b+c d&e#f%2F"];
const whole: KvRange = { space: undefined, from: "", to: undefined };
const columns = compileTables(defineTables({ t: { id: { primary: 1 }, name: {}, n: { type: "int" } } })).get("t")!.columns;
const space = "i.name.n";
const indexed = columns.slice(1);

interface Row {
  readonly name?: string;
  readonly n?: number;
}

/** The promises of a store of single rows, for those who write one. Values are objects as JSON, as the engine's are. */
export function describeRowStore(name: string, open: () => Promise<OpenedRowStore>): void {
  describe(`row store: ${name}`, () => {
    let opened: OpenedRowStore;
    let tables = 0;
    /** The store with a table of its own. */
    function fresh() {
      const table = `t${tables++}`;
      const { store } = opened;
      const makesSpaces = store.makeSpace !== undefined;
      const linksOf = ({ name: text, n }: Row) =>
        makesSpaces || text === undefined ? [] : [{ space, text: encodeKey(indexed, [text, n ?? null]), unique: false }];
      const put = (key: string, row: Row, expect?: KvRowChange["expect"]): KvRowChange => ({
        table,
        key,
        value: JSON.stringify(row),
        expect,
        links: linksOf(row),
      });
      const remove = (key: string, expect?: KvRowChange["expect"]): KvRowChange => ({ table, key, value: undefined, expect, links: [] });
      return {
        store,
        table,
        put,
        remove,
        write: async (...changes: KvRowChange[]) => store.write(changes),
        read: async (...asked: string[]) => (await store.read(table, asked)).map((row) => row && (JSON.parse(row.value) as Row)),
        versionOf: async (key: string) => (await store.read(table, [key]))[0]!.version,
        range: async (range: Partial<KvRange>, descending = false, limit = 1000) =>
          store.range(table, { ...whole, ...range }, { descending, limit }),
        async all(of: string | undefined, descending = false, limit = 1000): Promise<string[]> {
          const found: string[] = [];
          for (let range: KvRange = { ...whole, space: of }; ;) {
            const { entries, end } = await store.range(table, range, { descending, limit });
            expect(entries.length).toBeLessThanOrEqual(limit);
            found.push(...entries.map(({ entry }) => entry));
            if (end === undefined) return found;
            range = descending ? { ...range, to: end } : { ...range, from: justAfter(end) };
          }
        },
        makeSpace: async () => store.makeSpace?.(table, space, indexed),
      };
    }

    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened.store.close();
      await opened.clean();
    });

    it("gives rows in the order asked, undefined for missing ones, twice for a key asked twice", async () => {
      const { write, read, put } = fresh();
      expect(await read("a", "b")).toEqual([undefined, undefined]);
      expect(await write(put("a", { n: 1 }), put("b", { n: 2 }))).toEqual(["done", "done"]);
      expect(await read("b", "c", "a", "b")).toEqual([{ n: 2 }, undefined, { n: 1 }, { n: 2 }]);
      expect(await read("a")).toEqual([{ n: 1 }]);
      expect(await read()).toEqual([]);
    });

    it("gives a version that every write changes, also one of the same row", async () => {
      const { store, table, write, put, versionOf, range } = fresh();
      const versions = new Set<string>();
      for (let i = 0; i < 3; i++) {
        await write(put("a", { n: 1 }));
        versions.add(await versionOf("a"));
      }
      expect(versions.size).toBe(3);
      expect((await range({})).entries.map(({ version }) => version)).toEqual([await versionOf("a")]);
      expect((await store.read(table, ["a", "b"]))[0]!.version).toBe(await versionOf("a"));
    });

    it("keeps values and keys of all characters", async () => {
      const { read, write, put } = fresh();
      const rows = keys.map((key) => ({ name: `${key}é\u{1f600}\n\u2028` }));
      await write(...keys.map((key, i) => put(key, rows[i]!)));
      expect(await read(...keys)).toEqual(rows);
      for (const [i, key] of keys.entries()) expect(await read(key)).toEqual([rows[i]]);
    });

    it("keeps a value of a mebibyte", async () => {
      const { read, write, put } = fresh();
      const row = { n: 1, text: "x\u00e9".repeat(2 ** 19) };
      await write(put("a", row));
      expect(await read("a")).toEqual([row]);
    });

    it.each([1, 2, 3, keys.length - 1, keys.length, 1000])(
      "gives rows in order of the code points of their keys, in pages of %i",
      async (limit) => {
        const { write, put, all } = fresh();
        await write(...keys.map((key) => put(key, {})));
        const sorted = [...keys].sort(compareText);
        expect(await all(undefined, false, limit)).toEqual(sorted);
        expect(await all(undefined, true, limit)).toEqual(sorted.reverse());
      },
    );

    it("bounds a range by its first entry and by the first after it", async () => {
      const { store, table, write, put, range } = fresh();
      await write(...["a", "b", "c", "d"].map((key) => put(key, {})));
      const found = async (from: string, to: string | undefined, descending = false): Promise<string> =>
        (await range({ from, to }, descending)).entries.map(({ entry }) => entry).join("");
      expect(await found("b", "d")).toBe("bc");
      expect(await found("b", "d", true)).toBe("cb");
      expect(await found("", "b")).toBe("a");
      expect(await found(justAfter("b"), undefined)).toBe("cd");
      expect(await found("d", "b")).toBe("");
      expect(await found("b", "b")).toBe("");
      expect((await store.count?.(table, { ...whole, from: "b", to: "d" })) ?? 2).toBe(2);
      expect((await store.count?.(table, { ...whole, from: "d", to: "b" })) ?? 0).toBe(0);
    });

    it("writes each row if it is as expected, whatever becomes of the others", async () => {
      const { read, write, put, remove, versionOf } = fresh();
      expect(await write(put("a", { n: 1 }, "present"), put("b", { n: 1 }, "absent"), remove("c", "present"), remove("d"))).toEqual([
        "conflict",
        "done",
        "conflict",
        "done",
      ]);
      const version = await versionOf("b");
      expect(await write(put("a", { n: 1 }), put("b", { n: 2 }, "absent"))).toEqual(["done", "conflict"]);
      expect(await write(put("b", { n: 3 }, { version }))).toEqual(["done"]);
      expect(await write(put("b", { n: 4 }, { version }))).toEqual(["conflict"]);
      expect(await write(remove("b", { version }))).toEqual(["conflict"]);
      expect(await read("a", "b")).toEqual([{ n: 1 }, { n: 3 }]);
      expect(await write(remove("a", { version: await versionOf("a") }), remove("b", "present"))).toEqual(["done", "done"]);
      expect(await read("a", "b")).toEqual([undefined, undefined]);
      // What was removed is absent, and an old version of it is none.
      expect(await write(put("b", { n: 5 }, { version }))).toEqual(["conflict"]);
      expect(await write(put("b", { n: 6 }, "absent"))).toEqual(["done"]);
    });

    it("does one of many concurrent writes that expect one row's absence, or its version", async () => {
      const { read, write, put, versionOf } = fresh();
      const adds = await Promise.all(Array.from({ length: 20 }, (_, n) => write(put("a", { n }, "absent"))));
      expect(adds.filter(([outcome]) => outcome === "done")).toHaveLength(1);
      expect(await read("a")).toEqual([{ n: adds.findIndex(([outcome]) => outcome === "done") }]);
      const version = await versionOf("a");
      // All alike: two writes of the same row are two writes.
      const changes = await Promise.all(Array.from({ length: 20 }, () => write(put("a", { n: 100 }, { version }))));
      expect(changes.filter(([outcome]) => outcome === "done")).toHaveLength(1);
    });

    it("does every one of many concurrent writes that expect nothing, or any row", async () => {
      const { read, write, put, remove } = fresh();
      await write(put("a", { n: 0 }));
      const writes = await Promise.all(Array.from({ length: 20 }, (_, n) => write(put("a", { n }, n % 2 === 0 ? "present" : undefined))));
      expect(writes.flat()).toEqual(Array.from({ length: 20 }, () => "done"));
      const [row] = await read("a");
      expect(row!.n).toBeLessThan(20);
      const removals = await Promise.all(Array.from({ length: 10 }, () => write(remove("a", "present"))));
      expect(removals.filter(([outcome]) => outcome === "done")).toHaveLength(1);
    });

    it("keeps tables apart", async () => {
      const [one, two] = [fresh(), fresh()];
      await one.write(one.put("a", { n: 1 }));
      expect(await two.read("a")).toEqual([undefined]);
      expect(await two.write(two.put("a", { n: 2 }, "absent"))).toEqual(["done"]);
      expect(await one.all(undefined)).toEqual(["a"]);
      expect(await one.read("a")).toEqual([{ n: 1 }]);
    });

    it.each([1, 2, 7, 1000])("gives entries of a space in order, of rows before and after it was made, in pages of %i", async (limit) => {
      const { store, table, write, put, remove, all, makeSpace, range } = fresh();
      const texts = ["p", "q", "p\u0001", "\u{10000}", "\uffff", ""];
      const rows = texts.flatMap((text, i) =>
        [0, 1].map((j) => ({ key: `k${i}${j}`, row: { name: text, ...(j === 0 ? {} : { n: i - 2 }) } })),
      );
      // A store whose entries are written with the rows has those of later ones alone.
      if (store.makeSpace !== undefined) await write(...rows.slice(0, 4).map(({ key, row }) => put(key, row)));
      await Promise.all([makeSpace(), makeSpace()]);
      await write(...rows.map(({ key, row }) => put(key, row)), put("none", { n: 1 }));
      const entries = rows.map(({ key, row }) => entryOf(encodeKey(indexed, [row.name, row.n ?? null]), key));
      const sorted = [...entries].sort(compareText);
      expect(await all(space, false, limit)).toEqual(sorted);
      expect(await all(space, true, limit)).toEqual([...sorted].reverse());
      expect((await store.count?.(table, { ...whole, space })) ?? 12).toBe(12);
      await write(put("k00", { name: "z" }), remove("k01"));
      const moved = sorted.filter((entry) => !/k0[01]$/.test(entry)).concat(entryOf(encodeKey(indexed, ["z", null]), "k00"));
      expect(await all(space, false, limit)).toEqual(moved.sort(compareText));
      const [first, last] = [moved[2]!, moved[5]!];
      const page = await range({ space, from: first, to: last });
      expect(page.entries.map(({ entry }) => entry)).toEqual(moved.slice(2, 5));
      expect(page.entries.every(({ value }) => (JSON.parse(value) as Row).name !== undefined)).toBe(true);
    });

    it("gives no entry that its row has no longer, while rows move", async () => {
      const { write, put, range, makeSpace } = fresh();
      await makeSpace();
      await write(...Array.from({ length: 10 }, (_, i) => put(`k${i}`, { name: "a" })));
      let isOver = false;
      const moving = Promise.all(
        Array.from({ length: 3 }, async (_, lane) => {
          for (let i = 0; i < 12; i++) await write(put(`k${lane}`, { name: i % 2 === 0 ? "b" : "a" }));
        }),
      ).finally(() => (isOver = true));
      while (!isOver)
        for (const { entry, value } of (await range({ space })).entries)
          expect(entry.startsWith(`\u0002${(JSON.parse(value) as Row).name}`)).toBe(true);
      await moving;
      expect((await range({ space })).entries).toHaveLength(10);
    });
  });
}
