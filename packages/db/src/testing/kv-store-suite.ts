import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entryOf, justAfter, type KvChange, type KvCheck, type KvLink, type KvRange, type KvStore } from "../engines/kv/store.js";
import { compareText } from "../schema/compare.js";

/** A store under test, and what frees it. */
export interface OpenedStore {
  readonly store: KvStore;
  clean(): Promise<void>;
}

const keys = ["a", "a\u0001", "b", "é", "z", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}", '{"*?[', "%_\\"];

function change(key: string, value: string | undefined, more: Partial<KvChange> = {}): KvChange {
  return { table: "t", key, value, links: [], ...more };
}

function link(space: string, text: string, unique = false): KvLink {
  return { space, text, unique };
}

const whole: KvRange = { space: undefined, from: "", to: undefined };

/** The promises of an ordered key-value store, for those who write one. Each test works in a table of its own. */
export function describeKvStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`store: ${name}`, () => {
    let opened: OpenedStore;
    let tables = 0;
    /** The store with a table of its own. */
    function fresh() {
      const table = `t${tables++}`;
      const { store } = opened;
      return {
        table,
        get: async (...asked: string[]) => store.get(table, asked),
        // Stores may answer at once, or fail so: the tests wait either way.
        write: async (...changes: KvChange[]) =>
          store.write(
            changes.map((one) => ({ ...one, table })),
            [],
          ),
        writeIf: async (checks: readonly Omit<KvCheck, "table">[], ...changes: KvChange[]) =>
          store.write(
            changes.map((one) => ({ ...one, table })),
            checks.map((one) => ({ ...one, table })),
          ),
        range: async (range: KvRange, descending = false, limit = 1000) => store.range(table, range, { descending, limit }),
        count: async (range: KvRange) => store.count?.(table, range),
        async all(space: string | undefined, descending = false, limit = 1000): Promise<{ entry: string; value: string }[]> {
          const found: { entry: string; value: string }[] = [];
          for (let range: KvRange = { ...whole, space }; ;) {
            const { entries, end } = await store.range(table, range, { descending, limit });
            expect(entries.length).toBeLessThanOrEqual(limit);
            found.push(...entries);
            if (end === undefined) return found;
            range = descending ? { ...range, to: end } : { ...range, from: justAfter(end) };
          }
        },
      };
    }

    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened.store.close();
      await opened.clean();
    });

    it("gives the values of keys in the order asked, undefined for missing ones, twice for a key asked twice", async () => {
      const { get, write } = fresh();
      expect(await get("a", "b")).toEqual([undefined, undefined]);
      expect(await write(change("a", "1"), change("b", "2"))).toEqual({ kind: "done" });
      expect(await get("b", "c", "a", "b")).toEqual(["2", undefined, "1", "2"]);
      expect(await get("a")).toEqual(["1"]);
      expect(await get()).toEqual([]);
    });

    it("keeps values and keys of all characters", async () => {
      const { get, write } = fresh();
      const values = keys.map((key) => JSON.stringify({ key, more: "é\u{1f600}\n\u2028" }));
      await write(...keys.map((key, i) => change(key, values[i])));
      expect(await get(...keys)).toEqual(values);
    });

    it("keeps a value of a mebibyte", async () => {
      const { get, write } = fresh();
      const value = "x\u00e9".repeat(2 ** 19);
      await write(change("a", value, { links: [link("i", "1")] }));
      expect(await get("a")).toEqual([value]);
    });

    it.each([1, 2, 3, keys.length - 1, keys.length, 1000])(
      "gives rows in order of the code points of their keys, in pages of %i",
      async (limit) => {
        const { write, all } = fresh();
        await write(...keys.map((key) => change(key, "v")));
        const sorted = [...keys].sort(compareText);
        expect((await all(undefined, false, limit)).map(({ entry }) => entry)).toEqual(sorted);
        expect((await all(undefined, true, limit)).map(({ entry }) => entry)).toEqual(sorted.reverse());
      },
    );

    it("bounds a range by its first entry and by the first after it", async () => {
      const { write, range, count } = fresh();
      await write(...["a", "b", "c", "d"].map((key) => change(key, key)));
      const read = async (from: string, to: string | undefined, descending = false): Promise<string> =>
        (await range({ space: undefined, from, to }, descending)).entries.map(({ entry }) => entry).join("");
      expect(await read("b", "d")).toBe("bc");
      expect(await read("b", "d", true)).toBe("cb");
      expect(await read("", "b")).toBe("a");
      expect(await read(justAfter("b"), undefined)).toBe("cd");
      expect(await read("d", "b")).toBe("");
      expect(await read("b", "b")).toBe("");
      expect((await count({ space: undefined, from: "b", to: "d" })) ?? 2).toBe(2);
      expect((await count({ space: undefined, from: "d", to: "b" })) ?? 0).toBe(0);
    });

    it("removes rows, and makes no fuss about those that are not there", async () => {
      const { get, write, all } = fresh();
      await write(change("a", "1", { links: [link("i", "x")] }));
      expect(await write(change("a", undefined), change("b", undefined))).toEqual({ kind: "done" });
      expect(await get("a")).toEqual([undefined]);
      expect(await all(undefined)).toEqual([]);
      expect(await all("i")).toEqual([]);
    });

    it("writes only if the row is as expected", async () => {
      const { get, write } = fresh();
      expect(await write(change("a", "1", { expect: "present" }))).toEqual({ kind: "conflict", change: 0 });
      expect(await write(change("a", "1", { expect: { value: "" } }))).toEqual({ kind: "conflict", change: 0 });
      expect(await write(change("a", "1", { expect: "absent" }))).toEqual({ kind: "done" });
      expect(await write(change("a", "2", { expect: "absent" }))).toEqual({ kind: "conflict", change: 0 });
      expect(await write(change("a", "2", { expect: { value: "11" } }))).toEqual({ kind: "conflict", change: 0 });
      expect(await write(change("a", "2", { expect: { value: "1" }, links: [link("i", "x")] }))).toEqual({ kind: "done" });
      expect(await write(change("a", "3", { expect: { value: "2" } }))).toEqual({ kind: "done" });
      expect(await write(change("a", undefined, { expect: "present" }))).toEqual({ kind: "done" });
      expect(await write(change("a", undefined, { expect: "present" }))).toEqual({ kind: "conflict", change: 0 });
      expect(await get("a")).toEqual([undefined]);
    });

    it("writes only if other rows are as the checks say", async () => {
      const { get, write, writeIf } = fresh();
      await write(change("version", "1"), change("a", "1", { links: [link("i", "x")] }));
      const isOne = { key: "version", expect: { value: "1" } };
      expect(await writeIf([isOne], change("a", "2"))).toEqual({ kind: "done" });
      expect(await writeIf([isOne, { key: "none", expect: "absent" }], change("b", "2"), change("c", "2"))).toEqual({ kind: "done" });
      expect(await writeIf([{ key: "version", expect: { value: "" } }], change("a", "3"))).toEqual({ kind: "stale", check: 0 });
      expect(await writeIf([isOne, { key: "none", expect: "present" }], change("a", "3"), change("b", "3"))).toEqual({
        kind: "stale",
        check: 1,
      });
      // Checks come before expectations: what a write expects may be of an older reading.
      expect(await writeIf([{ key: "version", expect: "absent" }], change("a", "3", { expect: "absent" }))).toEqual({
        kind: "stale",
        check: 0,
      });
      expect(await writeIf([isOne], change("a", "3", { expect: "absent" }))).toEqual({ kind: "conflict", change: 0 });
      expect(await get("version", "a", "b", "c")).toEqual(["1", "2", "2", "2"]);
    });

    it("does one of two concurrent writes that each change what the other checks", async () => {
      const { get, write, writeIf } = fresh();
      await write(change("a", "1"), change("b", "1"));
      const results = await Promise.all([
        writeIf([{ key: "a", expect: { value: "1" } }], change("b", "2")),
        writeIf([{ key: "b", expect: { value: "1" } }], change("a", "2")),
      ]);
      expect(results.map(({ kind }) => kind).sort()).toEqual(["done", "stale"]);
      expect([...(await get("a", "b"))].sort()).toEqual(["1", "2"]);
    });

    it("writes all or nothing", async () => {
      const { write, all } = fresh();
      await write(change("c", "1", { links: [link("u", "x", true)] }));
      expect(await write(change("a", "1"), change("b", "1"), change("c", "2", { expect: "absent" }))).toEqual({
        kind: "conflict",
        change: 2,
      });
      expect(await write(change("a", "1"), change("b", "1", { links: [link("u", "x", true)] }))).toMatchObject({
        kind: "taken",
        change: 1,
      });
      expect(await all(undefined)).toEqual([{ entry: "c", value: "1" }]);
    });

    it("keeps the entries of a row with it, whatever is written over it", async () => {
      const { write, all } = fresh();
      await write(change("a", "1", { links: [link("i", "x"), link("j", "y")] }), change("b", "2", { links: [link("i", "x")] }));
      expect(await all("i")).toEqual([
        { entry: entryOf("x", "a"), value: "1" },
        { entry: entryOf("x", "b"), value: "2" },
      ]);
      await write(change("a", "3", { links: [link("i", "w")] }));
      expect(await all("i")).toEqual([
        { entry: entryOf("w", "a"), value: "3" },
        { entry: entryOf("x", "b"), value: "2" },
      ]);
      expect(await all("j")).toEqual([]);
    });

    it.each([1, 2, 7, 1000])("gives entries in order of their texts, then of their keys, in pages of %i", async (limit) => {
      const { write, all } = fresh();
      const texts = ["p", "q", "p\u0001", "\u{10000}", "\uffff"];
      await write(
        ...texts.flatMap((text, i) => ["k", "l"].map((key) => change(`${key}${i}`, text, { links: [link("i", text), link("i2", "p")] }))),
      );
      const sorted = texts.flatMap((text, i) => [entryOf(text, `k${i}`), entryOf(text, `l${i}`)]).sort(compareText);
      expect((await all("i", false, limit)).map(({ entry }) => entry)).toEqual(sorted);
      expect((await all("i", true, limit)).map(({ entry }) => entry)).toEqual(sorted.reverse());
    });

    it("gives a unique text to one row", async () => {
      const { write, all } = fresh();
      const mine = [link("u", "x", true)];
      expect(await write(change("a", "1", { links: mine }))).toEqual({ kind: "done" });
      expect(await write(change("b", "1", { links: mine }))).toEqual({ kind: "taken", change: 0, space: "u", owner: "a" });
      expect(await write(change("a", "2", { links: mine }))).toEqual({ kind: "done" });
      expect(await write(change("b", "1", { links: [link("u", "x\u0001", true), link("v", "x", true)] }))).toEqual({ kind: "done" });
      expect(await write(change("a", "3"))).toEqual({ kind: "done" });
      expect(await write(change("c", "1", { links: mine }))).toEqual({ kind: "done" });
      expect((await all("u")).map(({ entry }) => entry)).toEqual([entryOf("x", "c"), entryOf("x\u0001", "b")].sort(compareText));
    });

    it("lets a unique text pass from row to row in one write, and refuses it to two rows of one write", async () => {
      const { write, all } = fresh();
      const [x, y] = [[link("u", "x", true)], [link("u", "y", true)]];
      await write(change("a", "1", { links: x }), change("b", "1", { links: y }));
      expect(await write(change("a", "2", { links: y }), change("b", "2", { links: x }))).toEqual({ kind: "done" });
      expect(await write(change("a", undefined), change("c", "3", { links: y }))).toEqual({ kind: "done" });
      const z = [link("u", "z", true)];
      expect(await write(change("d", "4", { links: z }), change("e", "4", { links: z }))).toMatchObject({
        kind: "taken",
        change: 1,
        owner: "d",
      });
      expect((await all("u")).map(({ entry }) => entry)).toEqual([entryOf("x", "b"), entryOf("y", "c")]);
    });

    it("does one of many concurrent writes that expect one row's absence", async () => {
      const { get, write } = fresh();
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => write(change("a", `${i}`, { expect: "absent" }))));
      expect(results.filter(({ kind }) => kind === "done")).toHaveLength(1);
      expect(await get("a")).toEqual([String(results.findIndex(({ kind }) => kind === "done"))]);
    });

    it("does one of many concurrent writes that claim one unique text", async () => {
      const { write, all } = fresh();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => write(change(`k${i}`, "v", { links: [link("u", "x", true)] }))),
      );
      expect(results.filter(({ kind }) => kind === "done")).toHaveLength(1);
      expect(await all(undefined)).toHaveLength(1);
    });

    it("loses no concurrent change that expects what it read", async () => {
      const { get, write } = fresh();
      await write(change("n", "0"));
      const add = async (): Promise<void> => {
        for (;;) {
          const [value] = await get("n");
          const { kind } = await write(change("n", String(Number(value) + 1), { expect: { value: value! } }));
          if (kind === "done") return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, add));
      expect(await get("n")).toEqual(["20"]);
    });

    it("keeps tables apart", async () => {
      const [one, two] = [fresh(), fresh()];
      await one.write(change("a", "1", { links: [link("u", "x", true)] }));
      expect(await two.write(change("a", "2", { expect: "absent", links: [link("u", "x", true)] }))).toEqual({ kind: "done" });
      expect(await one.get("a")).toEqual(["1"]);
      expect(await two.all("u")).toEqual([{ entry: entryOf("x", "a"), value: "2" }]);
    });

    it("passes over the entries of rows that it has dropped itself", async () => {
      const { get, write, all, range } = fresh();
      await write(
        change("a", "1", { links: [link("i", "x"), link("u", "y", true)], expiresInMs: 1 }),
        change("b", "2", { links: [link("i", "x")] }),
      );
      // Stores that drop no rows keep it; either way row and entries are together.
      for (let tries = 0; tries < 100 && (await get("a"))[0] !== undefined; tries++) await new Promise((resolve) => setTimeout(resolve, 2));
      const rest = (await get("a"))[0] === undefined ? ["b"] : ["a", "b"];
      expect((await all(undefined, false, 1)).map(({ entry }) => entry)).toEqual(rest);
      expect((await all("i", false, 1)).map(({ entry }) => entry)).toEqual(rest.map((key) => entryOf("x", key)));
      if (rest.length === 2) return;
      expect((await range({ ...whole, space: "i" }, true)).entries).toEqual([{ entry: entryOf("x", "b"), value: "2" }]);
      expect(await write(change("c", "3", { links: [link("u", "y", true)] }))).toEqual({ kind: "done" });
      await write(change("a", "4", { links: [link("i", "w")] }));
      expect((await all("i")).map(({ entry }) => entry)).toEqual([entryOf("w", "a"), entryOf("x", "b")]);
    });
  });
}
