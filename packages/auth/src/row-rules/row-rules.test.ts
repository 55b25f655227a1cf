// What rules become for an account, and what is refused when tables are loaded.
import { openDb, table, type TableDefinition, type TableRule } from "@bk/db";
import { describe, expect, it } from "vitest";

import { type RuledAccount, rowRules, type RowRulesOptions, type TableAccess } from "./index.js";

const columns = {
  id: { primary: 1 },
  owner: { index: 1 },
  team: {},
  title: {},
  state: {},
  public: { type: "bool" },
  stars: { type: "int" },
  code: { unique: 1 },
  rank: { admin: true },
  pin: { secure: true },
} as const;
const bob: RuledAccount = { id: "bob", login: "bob", type: "editor, staff", team: "red", flags: ["a", "b"] };

function access(rules: TableRule | readonly TableRule[], account: RuledAccount | undefined, options: RowRulesOptions = {}): TableAccess {
  return rowRules({ photo: table(columns, { rules }) }, options)
    .rulesFor(account)
    .table("photo")!;
}
const where = (read: NonNullable<TableRule["read"]>, account: RuledAccount | "nobody" = bob): unknown => {
  const own = access({ to: "anonymous", read }, account === "nobody" ? undefined : account, {
    accountFields: { team: "text", age: "number", vip: "flag" },
  });
  return own.read === undefined ? "none" : own.read.where;
};

describe("conditions are filled in for an account", () => {
  it.each<[string, NonNullable<TableRule["read"]>, unknown]>([
    ["every row", true, undefined],
    ["a field", { owner: "$account.id" }, { owner: "bob" }],
    ["a group", { $or: { owner: "$account.id", public: true } }, { $or: [{ owner: "bob" }, { public: true }] }],
    ["an operator", { owner: { $eq: "$account.id" }, stars: { $gt: 3 } }, { owner: "bob", stars: { $gt: 3 } }],
    ["a list", { state: ["new", "$account.login"] }, { state: { $in: ["new", "bob"] } }],
    ["a field that is a list", { title: "$account.flags" }, { title: { $in: ["a", "b"] } }],
    ["the types of the account", { title: { $in: "$account.type" } }, { title: { $in: ["editor", "staff"] } }],
    ["text that begins with $", { title: "$$account.id" }, { title: "$account.id" }],
    ["text that begins with $$", { title: "$$$5" }, { title: "$$5" }],
    ["absence", { team: null }, { team: { $null: true } }],
    ["the opposite", { $not: { owner: "$account.id" } }, { $not: { owner: "bob" } }],
  ])("%s", (_name, read, filter) => expect(where(read)).toEqual(filter));

  it.each<[string, NonNullable<TableRule["read"]>, unknown]>([
    ["alone", { owner: "$account.team" }, "none"],
    ["by its opposite", { owner: { $ne: "$account.team" } }, "none"],
    ["under $not", { $not: { owner: "$account.team" } }, "none"],
    ["under $not in a group", { $not: [{ owner: "$account.team" }, { state: "x" }] }, { $not: { state: "x" } }],
    ["under $not twice", { $not: { $not: { owner: "$account.team" } } }, "none"],
    ["beside others", { owner: "$account.team", state: "x" }, "none"],
    ["as an alternative", { $or: { owner: "$account.team", public: true } }, { public: true }],
    ["in a list", { team: ["red", "$account.team"] }, { team: { $in: ["red"] } }],
    ["in a list that is excluded", { team: { $not_in: ["red", "$account.team"] } }, "none"],
    ["in a list under $not", { $not: { team: ["red", "$account.team"] } }, "none"],
    ["as a bound", { stars: { $between: [1, "$account.age"] } }, "none"],
    ["as an empty list", { title: "$account.flags" }, "none"],
    ["as an empty list under $not", { $not: { title: "$account.flags" } }, "none"],
  ])("what it does not have matches nothing: %s", (_name, read, filter) => {
    for (const missing of [
      {},
      { team: null, age: null, flags: [] },
      { team: "", age: Number.NaN, flags: null },
      { team: 5, age: "5", flags: "a" },
    ])
      expect(where(read, { id: "eve", ...missing })).toEqual(filter);
  });

  it("of nobody nothing is known", () => {
    expect(where({ owner: "$account.id" }, "nobody")).toBe("none");
    expect(where({ $not: { owner: "$account.id" } }, "nobody")).toBe("none");
    expect(where({ public: true }, "nobody")).toEqual({ public: true });
  });

  it("an id that is empty owns nothing", () => expect(where({ owner: "$account.id" }, { id: "" })).toBe("none"));

  it("a value that is no value of the column is that of no row", () => {
    const own = (age: number): unknown =>
      access({ read: { stars: "$account.age" } }, { id: "bob", age }, { accountFields: { age: "number" } }).read?.where;
    expect(own(5)).toEqual({ stars: 5 });
    expect(own(0.5)).toBeUndefined();
    expect(access({ read: { stars: "$account.age" } }, { id: "bob", age: 0.5 }, { accountFields: { age: "number" } }).read).toBeUndefined();
  });

  it("rules stay as they were given", () => {
    const read = { owner: "$account.id" };
    const rules = rowRules({ photo: table(columns, { rules: { read } }) });
    read.owner = "eve";
    expect(rules.rulesFor(bob).table("photo")!.read!.where).toEqual({ owner: "bob" });
  });
});

describe("rules of several kinds of accounts", () => {
  const rules: readonly TableRule[] = [
    { to: "anonymous", read: { public: true }, columns: { read: ["id", "title"] } },
    {
      read: { owner: "$account.id" },
      add: { owner: "$account.id", state: "new" },
      update: { owner: "$account.id" },
      del: { owner: "$account.id" },
    },
    {
      to: ["editor", "chief"],
      read: { team: "$account.team" },
      update: { team: "$account.team" },
      columns: { read: ["id", "title", "state"], update: ["state"] },
    },
  ];
  const of = (account: RuledAccount | undefined): TableAccess => access(rules, account, { accountFields: { team: "text" } });

  it("nobody has those of anonymous", () => {
    const { read, add, update, del } = of(undefined);
    expect([read!.where, [...read!.some.names], add, update, del]).toEqual([
      { public: true },
      ["id", "title"],
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("an account has those of accounts and those of its types beside", () => {
    const { read } = of(bob);
    expect(read!.where).toEqual({ $or: [{ public: true }, { owner: "bob" }, { team: "red" }] });
    expect([...read!.every.names]).toEqual(["id", "title"]);
    expect([...read!.columnsIn({ public: true, team: "red" }).names].sort()).toEqual(["id", "state", "title"]);
    expect(read!.columnsIn({ owner: "bob" }).names.has("stars")).toBe(true);
    expect(read!.columnsIn({ owner: "bob" }).names.has("rank")).toBe(false);
    expect(read!.columnsIn({ owner: "eve", team: "blue", public: false }).names.size).toBe(0);
    expect(of({ id: "eve", type: "staff" }).read!.where).toEqual({ $or: [{ public: true }, { owner: "eve" }] });
  });

  it("what is written is written by one rule, and is read before and after", () => {
    const own = of({ ...bob, type: "editor" });
    const all = { $or: [{ owner: "bob" }, { team: "red" }] };
    expect(own.writing("update")!.where).toEqual(all);
    const titled = own.writing("update", ({ names }) => names.has("title"))!;
    expect([titled.where, titled.scope.set]).toEqual([{ owner: "bob" }, { owner: "bob" }]);
    expect(own.writing("update", ({ names }) => names.has("rank"))).toBeUndefined();
    expect(own.writing("add")!.scope).toMatchObject({ where: { owner: "bob", state: "new" }, set: { owner: "bob", state: "new" } });
    expect(own.writing("put", ({ names }) => names.has("title"))!.where).toEqual({ owner: "bob", state: "new" });
    expect(own.writing("del")!.where).toEqual({ owner: "bob" });
  });

  it("admins do everything unless a rule is for them", () => {
    const root = of({ id: "root", type: "admin" });
    expect([root.read!.where, root.read!.grants.length, root.read!.every.names.has("rank"), root.read!.every.names.has("pin")]).toEqual([
      undefined,
      1,
      true,
      false,
    ]);
    expect([root.writing("put")!.scope, [...root.fill]]).toEqual([{}, [["owner", "root"]]]);
    const bound = access({ to: "admin", read: { public: true } }, { id: "root", type: "admin" });
    expect([bound.read!.where, bound.add]).toEqual([{ public: true }, undefined]);
  });

  it("a unique column is set by those who read it", () => {
    const own = access({ read: true, add: true, columns: { read: ["id", "title"] } }, bob);
    expect([own.add!.some.names.has("code"), own.add!.some.names.has("title")]).toEqual([false, true]);
    expect(access({ read: true, add: true }, bob).add!.some.names.has("code")).toBe(true);
  });

  it("accounts that are alike share their rules, and others never do", () => {
    const made = rowRules({ photo: table(columns, { rules }) }, { accountFields: { team: "text" } });
    expect(made.rulesFor({ ...bob })).toBe(made.rulesFor(bob));
    const others: RuledAccount[] = [
      { ...bob, team: "blue" },
      { ...bob, id: "eve" },
      { ...bob, type: "staff" },
    ];
    for (const other of others) expect(made.rulesFor(other)).not.toBe(made.rulesFor(bob));
    const byId = rowRules({ a: table({ id: { primary: 1 } }, { rules: [{ to: ["x", "y"], read: { id: "$account.id" } }] }) });
    const [one, two] = [byId.rulesFor({ id: "y|z", type: "x" }), byId.rulesFor({ id: "z", type: "x,y" })];
    expect([one.table("a")!.read!.where, two.table("a")!.read!.where]).toEqual([{ id: "y|z" }, { id: "z" }]);
  });
});

describe("what owner and the flags say are rules too", () => {
  const note = table(
    { id: { primary: 1 }, owner: {}, text: { pub: true }, rank: { admin: true }, pin: { secure: true } },
    { owner: "owner" },
  );
  const of = (account: RuledAccount | undefined): TableAccess => rowRules({ note }).rulesFor(account).table("note")!;

  it("an account has its own rows, and what is pub of others", () => {
    const own = of(bob);
    expect([own.read!.where, [...own.read!.every.names], [...own.read!.columnsIn({ owner: "bob" }).names]]).toEqual([
      undefined,
      ["text"],
      ["id", "owner", "text"],
    ]);
    expect(own.writing("put")!.scope).toEqual({ where: { owner: "bob" }, set: { owner: "bob" }, update: ["id", "owner", "text", "pin"] });
    expect([of(undefined).isOpen, of({ id: "root", type: "admin" }).writing("put")!.scope]).toEqual([false, {}]);
  });
});

describe("rules that cannot be meant are refused when tables are loaded", () => {
  const photo = (rules: unknown): TableDefinition => table(columns, { rules } as never);
  it.each<[string, unknown, string]>([
    ["an unknown column", { read: { nope: 1 } }, "photo: rule 1, read, cannot be asked"],
    ["an unknown field", { read: { owner: "$account.shoes" } }, "$account.shoes; an account has"],
    ["a secret field", { read: { owner: "$account.secret" } }, "$account.secret; an account has"],
    ["text that is no field", { read: { owner: "$id" } }, "begin with $$"],
    ["a value of a wrong type", { read: { stars: "many" } }, "cannot be asked"],
    ["a field of a wrong type", { read: { stars: "$account.id" } }, "cannot be asked"],
    ["an unknown operator", { read: { stars: { $above: 1 } } }, "cannot be asked"],
    ["a list by an operator for one", { read: { title: { $gt: "$account.flags" } } }, "$in and $not_in take lists"],
    ["a row of another table", { read: { owner: { $ref: { id: "x" } } } }, "$ref"],
    ["two values at once", { read: { owner: "$account.id", $and: [{ state: "a" }, { state: "b" }] } }, "two values at once"],
    ["an empty condition", { read: {} }, "has no condition"],
    ["an empty alternative", { read: { $or: [{}, { owner: "x" }] } }, "has no condition"],
    ["an empty group", { read: { $or: [] } }, "at least one condition"],
    ["a column that every object has", { read: { ["__proto__"]: "x" } }, "no column"],
    ["a misspelled verb", { reads: true }, '"reads"'],
    ["nothing", { to: "editor" }, "allows nothing"],
    ["no type", { to: [], read: true }, "no types of accounts"],
    ["two types in one text", { to: "a,b", read: true }, "no types of accounts"],
    ["an unknown column that is listed", { read: true, columns: { read: ["nope"] } }, '"nope", which is no column'],
    ["a secure column that is read", { read: true, columns: { read: ["pin"] } }, "column pin, which is secure"],
    ["an admin column that others read", { read: true, columns: { read: ["rank"] } }, "column rank, which is for admins"],
    ["an admin column that others set", { read: true, update: true, columns: { update: ["rank"] } }, "column rank, which is for admins"],
    ["undeclared columns of a table that is not open", { read: true, columns: { read: ["*"] } }, "not open"],
    ["columns of del", { read: true, columns: { del: ["id"] } }, "columns.del"],
    ["changes of rows that are not read", [{ to: "editor", update: true }], "who read no rows"],
    ["deletes by anonymous of what accounts read", [{ read: true }, { to: "anonymous", del: true }], "who read no rows"],
    ["no object", "read", "must be an object, or a list"],
  ])("%s", (_name, rules, message) => expect(() => rowRules({ photo: photo(rules) })).toThrow(message));

  it("owner and pub stand in rules alone where there are rules", () => {
    const rules = { read: true };
    expect(() => rowRules({ a: table({ id: { primary: 1 }, owner: {} }, { owner: "owner", rules }) })).toThrow(
      "leave the setting owner out",
    );
    expect(() => rowRules({ a: table({ id: { primary: 1, pub: true } }, { rules }) })).toThrow("leave pub out of column id");
  });

  it("conditions on columns that are not in the rows are refused", () => {
    const rules = { read: { part: "x" } };
    const definition = table({ id: { primary: 1, join: ["part", "other"] }, part: { hidden: true }, other: { hidden: true } }, { rules });
    expect(() => rowRules({ a: definition })).toThrow("which is hidden");
  });

  it("rules whose rows no key or index finds are told", () => {
    const told = (read: NonNullable<TableRule["read"]>): number => rowRules({ photo: photo({ read }) }).warnings.length;
    expect([true, { owner: "$account.id" }, { id: "x", stars: 1 }].map((read) => told(read))).toEqual([0, 0, 0]);
    expect([{ public: true }, { $or: { owner: "$account.id", public: true } }, { owner: { $gt: "a" } }].map((read) => told(read))).toEqual([
      1, 1, 1,
    ]);
  });
});

describe("rules in an app's own code", () => {
  it("are given to db.scope", async () => {
    const tables = {
      photo: table(columns, {
        rules: [
          {
            read: { owner: "$account.id" },
            add: { owner: "$account.id" },
            update: { owner: "$account.id" },
            columns: { update: ["title"] },
          },
          { to: "anonymous", read: { public: true }, columns: { read: ["id", "title"] } },
        ],
      }),
      hush: { id: { primary: 1 } },
    } as const;
    await using db = await openDb({ url: "memory:", tables });
    const rules = rowRules(tables);
    await db.put("photo", { id: "1", owner: "eve", title: "hers", public: true });
    await db.put("photo", { id: "2", owner: "eve", title: "hidden" });
    await db.put("photo", { id: "3", owner: "bob", title: "his" });
    const reads = db.scope(rules.rulesFor(bob).reads);
    expect((await reads.select("photo", {}, { sort: "id" })).rows).toEqual([
      { id: "1", title: "hers" },
      { id: "3", title: "his" },
    ]);
    await expect(reads.get("hush", "1")).rejects.toMatchObject({ code: "denied" });
    await expect(reads.del("photo", "3")).rejects.toMatchObject({ code: "denied" });
    const own = db.scope({ photo: rules.rulesFor(bob).table("photo")!.writing("update")!.scope } as never) as unknown as typeof db;
    expect(await own.update("photo", { id: "2", title: "x" })).toEqual({ affected: 0 });
    expect(await own.update("photo", { id: "3", title: "x" })).toEqual({ affected: 1 });
    await expect(own.update("photo", { id: "3", owner: "eve" })).rejects.toMatchObject({ code: "denied" });
    await expect(own.update("photo", { id: "3", state: "x" })).rejects.toMatchObject({ code: "denied" });
  });
});
