// The tables of the model check, and the values that their columns are given. Keys come from small pools, so that calls meet.

import { defineTables, table } from "@bk/db";

export const tables = defineTables({
  album: {
    id: { primary: 1 },
    text: {},
    n: { type: "int" },
    small: { type: "int", value: 1 },
    big: { type: "int64" },
    x: { type: "real" },
    price: { type: "decimal" },
    ok: { type: "bool" },
    at: { type: "timestamp" },
    data: { type: "json" },
    tags: { type: "set" },
    nums: { type: "set", of: "int" },
    steps: { type: "list" },
    bytes: { type: "blob" },
    hits: { type: "counter" },
    place: { index: 1 },
    stars: { type: "int", index: 2 },
    mtime: { type: "now" },
    expires: { type: "ttl" },
  },
  photo: {
    owner: { primary: 1 },
    taken: { type: "bigint", primary: 2 },
    place: { index: 1 },
    rank: { type: "real", index1: 1 },
    day: { type: "date", index: 2 },
    small: { type: "int" },
    text: {},
    tags: { type: "set" },
    album: { ref: "album", index2: 1 },
  },
  chat: {
    id: { primary: 1 },
    hkey: { primary: 2, join: ["type", "peer"], unjoin: true, ops: { select: "begins_with" } },
    type: { hidden: true },
    peer: { hidden: true },
    country: {},
    city: {},
    area: { join: ["country", "city"], index: 1 },
    small: { type: "int" },
    born: { type: "now", readonly: true },
  },
  stat: {
    first: { type: "int", primary: 1 },
    second: { type: "timestamp", primary: 2 },
    third: { primary: 3 },
    price: { type: "decimal", index: 1 },
    small: { type: "int", value: 0 },
    ok: { type: "bool", index1: 1 },
  },
  user: {
    id: { primary: 1 },
    mail: { unique: 1, lower: true },
    realm: { unique1: 1 },
    number: { type: "int", unique1: 2 },
    small: { type: "int", index: 1 },
    tags: { type: "set" },
    friend: { ref: "user", index1: 1 },
    statFirst: { type: "int", ref: "stat.first", index2: 1 },
    statSecond: { type: "timestamp", ref: "stat.second" },
    statThird: { ref: "stat.third" },
  },
  note: table(
    { owner: { primary: 1 }, id: { primary: 2 }, text: {}, small: { type: "int" }, gone: { type: "timestamp" } },
    { open: true, softDelete: "gone" },
  ),
});

export type ModelTable = keyof typeof tables;
/** `main` is the database that is checked, `other` one in memory, for copies. */
export type PoolName = "main" | "other";
export const tableNames = Object.keys(tables) as ModelTable[];

const texts = [
  "",
  "a",
  "A",
  "ab",
  "abc",
  "a ",
  "%",
  "a%b",
  "_",
  "'",
  '"',
  "\\",
  "a|b",
  "*",
  "é",
  "e\u0301",
  "ß",
  "😀",
  "\uffff",
  "null",
  "\n",
  "z".repeat(300),
];

/** Values of a column in rows, by table and column. */
export const pools: Readonly<Record<ModelTable, Readonly<Record<string, readonly unknown[]>>>> = {
  album: {
    id: ["a", "A", "a ", "b", "'", "%", "😀", "\uffff", "a|b", "null"],
    text: texts,
    n: [0, 1, -1, 5, 10, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    small: [0, 1, 2, 3],
    big: [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)],
    x: [0, 0.25, -0.5, 1.5, 1000.75, -3],
    price: ["0", "1.5", "-1.5", "10", "9", "0.05", "1234567890123456789012345678901234", "0.000000000000000000000000000001"],
    ok: [true, false],
    at: [new Date(0), new Date(-1), new Date(1e12 + 1), new Date("0001-01-01T00:00:00.000Z"), new Date("9999-12-31T23:59:59.999Z")],
    data: [true, 0, "", "text", [], {}, [1, null, { a: "é" }], { a: { b: [1, "😀"] }, "": 0, "x.y": null }],
    tags: [[], ["a"], ["b", "a"], ["😀", "\uffff", "a"], ["", "%"]],
    nums: [[], [1], [10, 9, -1]],
    steps: [[], ["a"], ["b", "a", "b"], ["", "\\"]],
    bytes: [new Uint8Array(0), new Uint8Array([0, 255, 1])],
    hits: [0, 1, 7],
    place: ["Rome", "rome", "Rome ", "", "Milan", "😀", "\uffff"],
    stars: [0, 1, 2, 3, -1],
    mtime: [5],
    expires: [-1000, 0, 1000, 5000, 1_000_000],
  },
  photo: {
    owner: ["o", "O", "o ", "%", "😀"],
    taken: [0, 1, 2, -1, 10, 9, 2 ** 40, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    place: ["Rome", "rome", "Milan", "", "a", "ab", "b"],
    rank: [0, 1, 0.5, -0.25, 100],
    day: [new Date(0), new Date(86_400_000), new Date(-86_400_000), new Date(1e12)],
    small: [0, 1, 2, 3],
    text: texts,
    tags: [[], ["a"], ["a", "b"]],
    album: ["a", "A", "a ", "b", "😀", "a|b", "nobody", ""],
  },
  chat: {
    id: ["c", "C", "d"],
    type: ["t", "t|", "u", ""],
    peer: ["p", "p|q", "\\", "", "😀"],
    country: ["it", "fr", "i|t", ""],
    city: ["Rome", "Paris", "|", ""],
    small: [0, 1, 2],
    born: [7],
  },
  stat: {
    first: [0, 1, -1],
    second: [new Date(0), new Date(-5), new Date(1e12)],
    third: ["x", "X", "x ", "é"],
    price: ["0", "1.5", "-1.5", "10", "9"],
    small: [0, 1, 2],
    ok: [true, false],
  },
  user: {
    id: ["u", "U", "v", "w", "x", '"y'],
    mail: ["a@b", "A@B", "c@d", "", "e", "f"],
    realm: ["r", "R", ""],
    number: [0, 1, -1],
    small: [0, 1, 2],
    tags: [[], ["a"], ["b", "a"]],
    friend: ["u", "U", "v", "w", '"y', "nobody", ""],
    statFirst: [0, 1, -1],
    statSecond: [new Date(0), new Date(-5), new Date(7)],
    statThird: ["x", "X", "x "],
  },
  note: {
    owner: ["n", "N"],
    id: ["1", "2", "3", "4", "%"],
    text: texts,
    small: [0, 1, 2],
    gone: [new Date(1e12)],
    free: [1, "1", true, [1], { a: 1 }, "", 0, false, 2, "b"],
    other: ["x", 5, { deep: [null] }],
  },
};

/** What a call names a row by: the key's columns, or the parts of a joined one. */
export const keyColumns: Readonly<Record<ModelTable, readonly string[]>> = {
  album: ["id"],
  photo: ["owner", "taken"],
  chat: ["id", "type", "peer"],
  stat: ["first", "second", "third"],
  user: ["id"],
  note: ["owner", "id"],
};

/** The order of a partition, which a select by the hash column has. */
export const hashColumn: Readonly<Record<ModelTable, string>> = {
  album: "id",
  photo: "owner",
  chat: "id",
  stat: "first",
  user: "id",
  note: "owner",
};

export const sortable: Readonly<Record<ModelTable, readonly string[]>> = {
  album: ["id", "text", "n", "small", "big", "x", "price", "ok", "at", "hits", "place", "stars", "expires"],
  photo: ["owner", "taken", "place", "rank", "day", "small", "text", "album"],
  chat: ["id", "hkey", "country", "city", "area", "small"],
  stat: ["first", "second", "third", "price", "small", "ok"],
  user: ["id", "mail", "realm", "number", "small", "friend", "statFirst"],
  note: ["owner", "id", "text", "small"],
};

/** Columns of numbers, which have sums. */
export const numbers: Readonly<Record<ModelTable, readonly string[]>> = {
  album: ["n", "small", "big", "x", "price", "hits", "stars"],
  photo: ["taken", "rank", "small"],
  chat: ["small"],
  stat: ["first", "price", "small"],
  user: ["number", "small"],
  note: ["small"],
};

/** Columns with an index that begins with them: filters by them are served everywhere. */
export const indexed: Readonly<Record<ModelTable, readonly string[]>> = {
  album: ["place"],
  photo: ["place", "rank", "album"],
  chat: ["area"],
  stat: ["price", "ok"],
  user: ["mail", "realm", "small", "friend", "statFirst"],
  note: [],
};

/** The references of tables: by what name, and to which table. */
export const references: { readonly [table in ModelTable]?: Readonly<Record<string, ModelTable>> } = {
  photo: { album: "album" },
  user: { friend: "user", stat: "stat" },
};
