// Every type gives back what it was given, at its extremes too, and refuses what it cannot hold.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { AnyRow } from "../any-db.js";
import { refuses } from "../expectations.js";
import { hostileTexts } from "../hostile-texts.js";
import type { Suite, TopicContext } from "../suite.js";

// The names are words that SQL and other languages keep for themselves.
const tables = defineTables({
  order: {
    id: { primary: 1 },
    text: {},
    group: { type: "int" },
    bigint: { type: "int64" },
    real: { type: "real" },
    decimal: { type: "decimal" },
    bool: { type: "bool" },
    json: { type: "json" },
    list: { type: "list" },
    ints: { type: "list", of: "int" },
    reals: { type: "list", of: "real" },
    set: { type: "set" },
    intset: { type: "set", of: "int" },
    realset: { type: "set", of: "real" },
    blob: { type: "blob" },
    date: { type: "date" },
    timestamp: { type: "timestamp" },
    where: { type: "counter" },
    point: { type: "geopoint" },
  },
});

/** Values that come back as they are. */
const exact: Readonly<Record<string, readonly unknown[]>> = {
  text: hostileTexts,
  group: [0, 1, -1, 127, 128, 32768, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  bigint: [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)],
  real: [
    0,
    0.1,
    0.1 + 0.2,
    -1 / 3,
    1.12345,
    5e-324,
    Number.MIN_VALUE * 3,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    1e21,
    -1e-7,
    2 ** 53 + 2,
    16777217,
  ],
  decimal: [
    "0",
    "1.5",
    "-1.5",
    "0.000000000000000000000000000001",
    "9999999999999999999999999999999999",
    "-9999999999999999999999999999999999",
    "1234567890123456.789012345678901234",
    "100",
    "0.1",
  ],
  bool: [true, false],
  json: [
    true,
    false,
    0,
    -1.5,
    1e21,
    "",
    "null",
    "text",
    [],
    {},
    [[]],
    [null],
    [1, "a", true, null, { b: [] }],
    { a: { b: { c: { d: [1, { e: null }] } } } },
    { "": 0, "a.b": 1, $gt: 2, "a b": 3, 'q"': 4, "é😀": 5, "\\": 6, "\n": 7 },
    JSON.parse('{"__proto__": 1, "constructor": 2}') as unknown,
    { big: Number.MAX_SAFE_INTEGER, small: 5e-324, long: "x".repeat(5000) },
    hostileTexts,
  ],
  list: [[], [""], ["a", "a", "b"], ["c", "b", "a"], ["a,b", '"', "\\", "{}", "null", "NULL"], hostileTexts],
  ints: [[], [0], [3, 1, 2, 1], [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]],
  reals: [[], [0.1, -1 / 3], [1e300, 5e-324]],
  set: [[], [""], ["a", "b"], ["\uffff", "😀"], [",", '"', "\\", "{}", "null"].sort()],
  intset: [[], [-2, 0, 1, 10, 9007199254740991]],
  realset: [[], [-1e300, -0.5, 0, 0.1, 2, 10]],
  blob: [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, i) => i), new Uint8Array(100_000).fill(255)],
  date: [
    new Date(0),
    new Date(-1),
    new Date("0001-01-01T00:00:00.000Z"),
    new Date("9999-12-31T23:59:59.999Z"),
    new Date("1969-12-31T23:59:59.001Z"),
  ],
  timestamp: [
    new Date("2024-02-29T12:34:56.789Z"),
    new Date("1582-10-10T00:00:00.000Z"),
    new Date(253402300799999),
    new Date("2024-03-31T01:30:00.500Z"),
  ],
  where: [1, -5, Number.MAX_SAFE_INTEGER],
  point: [
    { lat: 0, lon: 0 },
    { lat: -90, lon: 180 },
    { lat: 41.902782, lon: 12.496366 },
  ],
};

/** Values that are stored in another form of the same meaning. */
const canonical: readonly (readonly [column: string, given: unknown, stored: unknown])[] = [
  ["group", -0, 0],
  ["real", -0, 0],
  ["decimal", "1.50", "1.5"],
  ["decimal", "-0", "0"],
  ["decimal", "007", "7"],
  ["decimal", "-0.0", "0"],
  ["decimal", 12, "12"],
  ["json", { a: undefined, b: -0 }, { b: 0 }],
  ["set", ["b", "a", "b"], ["a", "b"]],
  ["set", ["😀", "\uffff", "a"], ["a", "\uffff", "😀"]],
  ["intset", [10, 9, 10, -1], [-1, 9, 10]],
  ["blob", globalThis.Buffer?.from([1, 2, 3]) ?? new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3])],
];

/** Values that a column refuses. */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  text: [1, true, ["a"], {}, new Date(), "\0", "a\0b", "\ud800", "\udc00x"],
  group: ["5", 1.5, Number.NaN, Infinity, 2 ** 53, -(2 ** 53), 1n, true, new Date()],
  bigint: [1, "1", 2n ** 63n, -(2n ** 63n) - 1n],
  real: ["1", Number.NaN, Infinity, -Infinity, 1n],
  decimal: ["", "1e3", "+1", ".5", "1.", "1,5", "abc", " 1", 1.5, "1".repeat(35), `0.${"0".repeat(30)}1`],
  bool: [1, 0, "true", "t"],
  json: [new Date(), 1n, Number.NaN, () => 1, { a: [Infinity] }, { a: "\0" }, { "\ud800": 1 }, new Map()],
  list: ["a", { 0: "a" }, [1], [null], ["\0"], [undefined]],
  ints: [["1"], [1.5], [2 ** 53]],
  set: [[1], "a", new Set(["a"])],
  blob: ["abc", [1, 2], new ArrayBuffer(2)],
  date: [0, "2024-01-01", new Date(Number.NaN), new Date(-62135596800001), new Date(253402300800000)],
  timestamp: ["now", 1, null].slice(0, 2),
  where: ["1", 0.5],
  point: [{ lat: 91, lon: 0 }, { lat: 0 }, [0, 0], { lat: 0, lon: 0, x: 1 }],
};

async function roundTrip({ db, fresh }: TopicContext, column: string, given: unknown, stored: unknown): Promise<void> {
  const id = fresh();
  await db.put("order", { id, [column]: given });
  const row = await db.get("order", id);
  expect(row?.[column]).toEqual(stored);
  const { rows } = await db.select("order", { id });
  expect(rows).toEqual([row]);
}

export function values(suite: Suite): void {
  suite.topic("values", { tables }, ({ promise }) => {
    for (const [column, samples] of Object.entries(exact))
      promise(`${column}: a value comes back as it was given`, async (context) => {
        await Promise.all(samples.map((value) => roundTrip(context, column, value, value)));
      });

    promise("equal meanings are stored in one form", async (context) => {
      await Promise.all(canonical.map(([column, given, stored]) => roundTrip(context, column, given, stored)));
    });

    promise("a row has every declared column, null where nothing was given", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("order", { id });
      const row = await db.get("order", id);
      const empty = Object.fromEntries(Object.keys(tables.order).map((name) => [name, null]));
      expect(row).toEqual({ ...empty, id, where: 0 });
      expect(Object.keys(row!)).toEqual(Object.keys(tables.order));
    });

    promise("null and left out store nothing, the empty values are values", async ({ db, fresh }) => {
      const id = fresh();
      const empties: AnyRow = {
        text: "",
        group: 0,
        real: 0,
        bool: false,
        json: {},
        list: [],
        set: [],
        blob: new Uint8Array(0),
        bigint: 0n,
        decimal: "0",
      };
      await db.put("order", { id, ...empties });
      expect(await db.get("order", id)).toMatchObject(empties);
      await db.put("order", { id, ...Object.fromEntries(Object.keys(empties).map((name) => [name, null])) });
      const row = await db.get("order", id);
      for (const name of Object.keys(empties)) expect(row![name]).toBeNull();
    });

    for (const [column, samples] of Object.entries(refused))
      promise(`${column}: a value of another type is refused, and nothing is written`, async ({ db, fresh }) => {
        const id = fresh();
        for (const value of samples) {
          await refuses(db.put("order", { id, [column]: value }), "invalid", { column });
          await refuses(db.add("order", { id, [column]: value }), "invalid", { column });
          await refuses(db.update("order", { id, [column]: value }), "invalid", { column });
        }
        expect(await db.get("order", id)).toBeUndefined();
      });

    promise("update stores values as put does", async ({ db, fresh }) => {
      for (const [column, samples] of Object.entries(exact)) {
        const id = fresh();
        await db.put("order", { id });
        const value = samples.at(-1);
        expect(await db.update("order", { id, [column]: value }, { returning: "new" })).toMatchObject({
          affected: 1,
          row: { id, [column]: value },
        });
        expect((await db.get("order", id))?.[column]).toEqual(value);
      }
    });

    promise("what was given and what was got share nothing with the store", async ({ db, fresh }) => {
      const id = fresh();
      const given = { id, json: { a: [1] }, list: ["a"], set: ["a"], blob: new Uint8Array([1]), date: new Date(5) };
      const { row } = await db.put("order", given, { returning: "new" });
      given.json.a.push(2);
      given.list.push("b");
      given.blob[0] = 9;
      given.date.setTime(6);
      const first = (await db.get("order", id)) as typeof given;
      const expected = { id, json: { a: [1] }, list: ["a"], set: ["a"], blob: new Uint8Array([1]), date: new Date(5) };
      expect(first).toMatchObject(expected);
      expect(row).toEqual(first);
      first.json.a.push(3);
      first.list.push("c");
      first.blob[0] = 8;
      expect(await db.get("order", id)).toMatchObject(expected);
    });

    promise("the caller's row is not changed", async ({ db, fresh }) => {
      const row = Object.freeze({ id: fresh(), set: Object.freeze(["b", "a"]), json: Object.freeze({ a: Object.freeze([1]) }) });
      await db.put("order", row);
      await db.update("order", row, Object.freeze({ where: Object.freeze({ id: row.id }), ops: Object.freeze({ set: "add" }) }));
      expect(row.set).toEqual(["b", "a"]);
    });

    promise("a text of 1 MiB is kept whole where a row may be so large, else it is too-large", async ({ db, capabilities, fresh }) => {
      const id = fresh();
      const { rowBytes } = capabilities.limits;
      const text = "0123456789abcdeé".repeat(61_681).slice(0, 1 << 20);
      if (rowBytes === undefined || rowBytes > 2 ** 21) {
        await db.put("order", { id, text });
        expect((await db.get("order", id))?.["text"]).toBe(text);
      } else {
        await refuses(db.put("order", { id, text: "x".repeat(rowBytes + 1) }), "too-large", { outcome: "none" });
        expect(await db.get("order", id)).toBeUndefined();
      }
    });
  });
}
