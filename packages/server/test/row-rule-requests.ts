// Tables with rules, rows of them and requests at random, for row-rules-tell.test.ts.
import type { Account } from "@bk/auth";
import { table, type TableDefinitions } from "@bk/db";

import type { Random } from "../../db/test/model/random.js";

export const tables = {
  person: table(
    { id: { primary: 1 }, team: { index: 1 }, name: {}, phone: {} },
    {
      rules: [{ read: { team: "$account.team" } }, { to: "anonymous", read: true, columns: { read: ["id", "name"] } }],
    },
  ),
  photo: table(
    {
      id: { primary: 1 },
      owner: { index: 1, unique: 1, ref: "person" },
      code: { unique: 2 },
      state: { index1: 1 },
      public: { type: "bool" },
      title: {},
      stars: { type: "int", index1: 2 },
      notes: {},
      tags: { type: "set" },
      pin: { secure: true },
    },
    {
      rules: [
        {
          read: { owner: "$account.id" },
          add: { owner: "$account.id", state: { $in: ["draft", "sent"] } },
          update: { owner: "$account.id", state: { $ne: "closed" } },
          del: { owner: "$account.id", state: "draft" },
        },
        { to: "anonymous", read: { public: true }, columns: { read: ["id", "title", "stars"] } },
        {
          to: "editor",
          read: { $not: { state: "draft" } },
          update: { state: "sent" },
          columns: { read: ["id", "state", "title"], update: ["title", "state"] },
        },
      ],
    },
  ),
  // The key says whose row it is.
  diary: table(
    { owner: { primary: 1 }, day: { type: "int", primary: 2 }, text: {}, mood: { type: "counter" } },
    {
      rules: {
        read: { owner: "$account.id" },
        add: { owner: "$account.id" },
        update: { owner: "$account.id" },
        del: { owner: "$account.id" },
      },
    },
  ),
} satisfies TableDefinitions;
export type Name = keyof typeof tables;
export type Row = Record<string, unknown>;

export const callers: Readonly<Record<string, Account & { readonly team?: string }>> = {
  eve: { id: "eve", login: "eve", secret: "secret of eve", team: "red" },
  ed: { id: "ed", login: "ed", secret: "secret of ed", type: "editor" },
};
export const logins = ["eve", "ed", "nobody"];

/** The columns of a row that a caller reads, worked out apart from the rules. */
export function seenIn(login: string, name: Name, row: Row): readonly string[] {
  const all = Object.keys(tables[name].$columns).filter((column) => column !== "pin");
  const account = callers[login];
  if (name === "person") return account?.team !== undefined && row["team"] === account.team ? all : ["id", "name"];
  if (account !== undefined && row["owner"] === account.id) return all;
  if (name === "diary") return [];
  const seen = new Set<string>();
  if (row["public"] === true) for (const column of ["id", "title", "stars"]) seen.add(column);
  if (account?.type === "editor" && typeof row["state"] === "string" && row["state"] !== "draft")
    for (const column of ["id", "state", "title"]) seen.add(column);
  return [...seen];
}

export const pools = {
  owner: ["eve", "ed", "bob", "ann"],
  state: ["draft", "sent", "closed"],
  title: ["sea", "sun", "sky", "ice"],
  notes: ["n1", "n2", "n3", null],
  team: ["red", "blue", null],
  name: ["Eve", "Bob", "Ann"],
  phone: ["1", "2", "3"],
  text: ["dear", "dull"],
  pin: ["p", "q", null],
} as const;

export function randomRow(random: Random, name: Name, id: string): Row {
  const of = (column: keyof typeof pools): unknown => random.pick<unknown>(pools[column]);
  if (name === "person") return { id, team: of("team"), name: of("name"), phone: of("phone") };
  if (name === "diary") return { owner: of("owner"), day: random.below(9), text: of("text"), mood: random.below(5) };
  return {
    id,
    owner: of("owner"),
    code: `c-${id}`,
    state: of("state"),
    public: random.pick<unknown>([true, false, null]),
    title: of("title"),
    stars: random.below(5),
    notes: of("notes"),
    tags: random.pick<unknown>([["a"], ["a", "b"], null]),
    pin: of("pin"),
  };
}

/** Keys that rows outside never have: that a key is taken is told to those who make rows. */
const newIds = ["new1", "new2", "new3"];
const keyOf: Readonly<Record<Name, readonly string[]>> = { person: ["id"], photo: ["id"], diary: ["owner", "day"] };
const references: Readonly<Record<Name, readonly string[]>> = { person: [], photo: ["owner"], diary: [] };

/** Random requests of the data API. */
export class Requests {
  readonly random: Random;
  constructor(random: Random) {
    this.random = random;
  }

  value(name: Name, column: string): unknown {
    if (column === "id") return this.random.pick([...newIds, "p1", "p2", "p3", "p5", "p8", "p13", "eve", "bob"]);
    if (column === "code") return this.random.pick(["c-p1", "c-p2", "c-p3", "c-p5", "c-new1", "x"]);
    return randomRow(this.random, name, "p1")[column];
  }

  filter(name: Name, depth = 0): Row {
    const { random } = this;
    if (depth < 2 && random.chance(0.2))
      return { [random.pick(["$or", "$and", "$not"])]: [this.filter(name, depth + 1), this.filter(name, depth + 1)] };
    if (depth < 2 && references[name].length > 0 && random.chance(0.2)) return { owner: { $ref: this.filter("person", depth + 1) } };
    const filter: Row = random.chance(0.4) && name !== "person" ? { owner: random.pick(["eve", "ed"]) } : {};
    if (random.chance(0.3)) filter["state"] = random.pick(pools.state);
    for (const column of random.some(Object.keys(tables[name].$columns), 0.2)) {
      const value = this.value(name, column);
      filter[column] = Array.isArray(value)
        ? { $contains: value[0] as string }
        : random.chance(0.3) && value !== null
          ? { [random.pick(["$ne", "$gt", "$le"])]: value }
          : value;
    }
    return name === "diary" || name === "person"
      ? Object.fromEntries(Object.entries(filter).filter(([column]) => column in tables[name].$columns))
      : filter;
  }

  key(name: Name): Row {
    return Object.fromEntries(keyOf[name].map((column) => [column, this.value(name, column)]));
  }

  columns(name: Name): string[] {
    return this.random.some(Object.keys(tables[name].$columns), 0.3);
  }

  row(name: Name): Row {
    const { random } = this;
    const row: Row = { ...this.key(name), ...(name === "photo" ? { id: random.pick(newIds) } : {}) };
    for (const column of this.columns(name)) if (!keyOf[name].includes(column)) row[column] = this.value(name, column);
    if (name === "photo" && random.chance(0.6)) row["state"] = random.pick(["draft", "sent"]);
    if (name === "photo" && random.chance(0.8)) delete row["public"];
    if (random.chance(0.6)) delete row[name === "diary" ? "day" : "owner"];
    if (name === "diary") row["day"] ??= random.below(9);
    return row;
  }

  next(): readonly [string, Row] {
    const { random } = this;
    const name = random.pick<Name>(["photo", "photo", "photo", "person", "diary"]);
    const flag = (control: string, chance: number, value: unknown = true): Row => (random.chance(chance) ? { [control]: value } : {});
    const shown = {
      ...flag(
        "_select",
        0.3,
        this.columns(name)
          .concat("id", "owner")
          .filter((column) => column in tables[name].$columns),
      ),
    };
    const include =
      name === "photo"
        ? flag("_include", 0.3, { owner: true })
        : flag("_include", name === "person" ? 0.4 : 0, {
            photos: {
              from: "photo",
              by: "owner",
              ...flag("filter", 0.3, this.filter("photo", 2)),
              ...flag("sort", 0.3, random.pick(["id", "notes"])),
            },
          });
    switch (
      random.pick([
        "get",
        "list",
        "select",
        "select",
        "select",
        "count",
        "aggregate",
        "add",
        "put",
        "update",
        "update",
        "incr",
        "del",
        "batch",
      ])
    ) {
      case "get":
        return [`/data/get/${name}`, { ...this.key(name), ...shown, ...include }];
      case "list":
        return [`/data/list/${name}`, { _keys: random.times(4, () => this.key(name)), ...shown, ...include }];
      case "select":
        return [
          `/data/select/${name}`,
          {
            ...this.filter(name),
            ...(random.chance(0.2)
              ? { _total: true }
              : {
                  ...shown,
                  ...include,
                  ...flag("_sort", 0.6, random.pick(["id", "-title", "stars", "notes", "day"])),
                  _count: random.pick([1, 2, 50]),
                }),
          },
        ];
      case "count":
        return [`/data/count/${name}`, this.filter(name)];
      case "aggregate":
        return [
          `/data/aggregate/${name}`,
          {
            ...this.filter(name),
            ...flag("_by", 0.4, [random.pick(["title", "state", "owner"])]),
            ...flag("_max", 0.4, [random.pick(["stars", "title", "notes", "day"])]),
          },
        ];
      case "batch":
        return ["/data/batch", { items: random.times(3, () => this.item()), ...flag("atomic", 0.3) }];
      default: {
        const { op, table: of, row, key, ...controls } = this.item();
        return [`/data/${op as string}/${of as string}`, { ...((row ?? key) as Row), ...controls }];
      }
    }
  }

  item(): Row {
    const { random } = this;
    const name = random.pick<Name>(["photo", "photo", "diary", "person"]);
    const op = random.pick(["add", "put", "update", "update", "incr", "del"]);
    const returning = random.chance(0.4) ? { _returning: random.pick(["new", "old"]) } : {};
    const guard = { ...(random.chance(0.3) ? { _where: this.filter(name, 2) } : {}), ...(random.chance(0.4) ? { _mustMatch: true } : {}) };
    if (op === "del") return { op, table: name, key: this.key(name), ...returning, ...guard };
    if (op === "add" || op === "put")
      return { op, table: name, row: this.row(name), ...returning, ...(random.chance(0.2) ? { _checkRefs: true } : {}) };
    const column = name === "diary" ? "mood" : "stars";
    if (op === "incr") {
      const makes = random.chance(0.5);
      const key = makes ? { ...this.row(name), ...(name === "diary" ? {} : { id: random.pick(newIds) }) } : this.key(name);
      const own = Object.fromEntries(Object.entries(key).filter(([each]) => keyOf[name].includes(each)));
      return {
        op,
        table: name,
        row: { ...own, [column]: random.below(3), ...(random.chance(0.1) ? { pin: "x" } : {}) },
        ...returning,
        ...guard,
        ...(makes ? {} : { _mustMatch: true }),
      };
    }
    if (random.chance(0.2)) return { op, table: name, row: this.row(name), _upsert: true, ...returning };
    const changes = Object.fromEntries(
      this.columns(name)
        .filter((each) => !keyOf[name].includes(each))
        .map((each) => [each, this.value(name, each)]),
    );
    return {
      op,
      table: name,
      row: { ...this.key(name), ...changes },
      ...(random.chance(0.15) && changes["stars"] !== undefined ? { _ops: { stars: "incr" } } : {}),
      ...returning,
      ...guard,
    };
  }
}
