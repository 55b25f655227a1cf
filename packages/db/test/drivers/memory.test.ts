import { silentLog, systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import type { Driver, Reply, RowChange, Session, Shape, Value } from "../../src/driver.js";
import { memoryDriver } from "../../src/drivers/memory/index.js";
import { allOf } from "../../src/reference/condition.js";
import { count, define, del, get, orderOf, put, select, tableOf, test, update } from "../golden/shapes.js";

const open = async (url = "memory:", options: Record<string, unknown> = {}): Promise<Driver> =>
  (await memoryDriver({ url, options, clock: systemClock, log: silentLog })) as Driver;

type Target = Pick<Session<unknown>, "execute">;

/** Carries out a command; the answer of the memory driver must come at once. */
function run(driver: Driver, shape: Shape, values: readonly Value[], target: Target = driver): Reply {
  const reply = target.execute(driver.compile(shape), values);
  if (reply instanceof Promise) throw new Error("not synchronous");
  return reply;
}

const photo = (owner: string, taken: number, place: string | null = null, stars: number | null = null): Value[] => [
  owner,
  taken,
  '["x"]',
  null,
  place,
  stars,
  null,
];
const account = (id: string, email: string | null): Value[] => [id, email, null, 0, 1];

function rowChange(table: string, key: Value[], before: Value[] | undefined, after: Value[] | undefined): RowChange {
  return { table: tableOf(table), key, before, after };
}

describe("driver: memory", () => {
  it("gives what was put, and nothing for a missing row", async () => {
    const driver = await open();
    expect(run(driver, get("photo"), ["a", 1]).rows).toEqual([]);
    expect(run(driver, put("photo", "put"), photo("a", 1, "Rome", 4)).affected).toBe(1);
    expect(run(driver, get("photo", ["stars", "owner", "meta"]), ["a", 1]).rows).toEqual([[4, "a", null]]);
    expect(run(driver, put("photo", "put", { returning: "old" }), photo("a", 1)).rows).toEqual([photo("a", 1, "Rome", 4)]);
    expect(run(driver, get("photo"), ["a", 1]).rows).toEqual([photo("a", 1)]);
  });

  it("adds a row once, or over one that has expired", async () => {
    const driver = await open();
    const over = test("photo", "expires", "le", 7);
    const add = put("photo", "add", { over, returning: "old" });
    expect(run(driver, add, [...photo("a", 1), 5])).toEqual({ rows: [], affected: 1 });
    expect(run(driver, add, [...photo("a", 1), 5]).affected).toBe(0);
    run(driver, put("photo", "put"), [...photo("a", 1).slice(0, 6), 5]);
    expect(run(driver, add, [...photo("a", 1), 4]).affected).toBe(0);
    expect(run(driver, add, [...photo("a", 1, "new"), 5])).toEqual({ rows: [[...photo("a", 1).slice(0, 6), 5]], affected: 1 });
  });

  it("refuses a unique value of another row and leaves both rows as they were", async () => {
    const driver = await open();
    run(driver, put("account", "put"), account("1", "a@b.c"));
    run(driver, put("account", "put"), account("2", null));
    run(driver, put("account", "put"), account("3", null));
    expect(() => run(driver, put("account", "put"), account("2", "a@b.c"))).toThrow(
      expect.objectContaining({ code: "already-exists", detail: { unique: "email" } }),
    );
    expect(() => run(driver, update("account", [["email", "set", 1]]), ["3", "a@b.c"])).toThrow(
      expect.objectContaining({ code: "already-exists" }),
    );
    expect(run(driver, get("account", ["email"]), ["2"]).rows).toEqual([[null]]);
    run(driver, del("account"), ["1"]);
    expect(run(driver, put("account", "put"), account("2", "a@b.c")).affected).toBe(1);
  });

  it("updates, inserts and deletes under guards, and gives rows before and after", async () => {
    const driver = await open();
    const guard = test("photo", "stars", "eq", 2);
    const addStars = update("photo", [["stars", "incr", 3]], { guard, returning: "new" });
    expect(run(driver, addStars, ["a", 1, 4, 2]).affected).toBe(0);
    run(driver, put("photo", "put"), photo("a", 1, null, 4));
    expect(run(driver, addStars, ["a", 1, 4, 2]).rows).toEqual([photo("a", 1, null, 6)]);
    expect(run(driver, addStars, ["a", 1, 4, 2])).toEqual({ rows: [], affected: 0 });
    const upsert = update("photo", [["tags", "add", 7]], { insert: [0, 1, 2, 3, 4, 5, 6], returning: "old" });
    expect(run(driver, upsert, [...photo("b", 1), '["y"]'])).toEqual({ rows: [], affected: 1 });
    expect(run(driver, upsert, [...photo("b", 1), '["y"]']).rows).toEqual([photo("b", 1)]);
    expect(run(driver, get("photo", ["tags"]), ["b", 1]).rows).toEqual([['["x","y"]']]);
    expect(run(driver, del("photo", { guard, returning: "old" }), ["a", 1, 5]).affected).toBe(0);
    expect(run(driver, del("photo", { guard, returning: "old" }), ["a", 1, 6])).toEqual({ rows: [photo("a", 1, null, 6)], affected: 1 });
  });

  it("selects by filter, in order with absent values first, after a position, with a limit, and counts", async () => {
    const driver = await open();
    const places = [null, "\u{10000}", "\uffff", "a", ""];
    for (const [taken, place] of places.entries()) run(driver, put("photo", "put"), photo("o", taken, place, taken % 2));
    const order = orderOf("photo", "place", "owner", "taken");
    const page = (values: Value[], parts: Parameters<typeof select>[1]): unknown[] =>
      run(driver, select("photo", { columns: ["taken"], order, ...parts }), values).rows.flat();
    expect(page([], {})).toEqual([0, 4, 3, 2, 1]);
    expect(page([], { order: orderOf("photo", "-place", "-owner", "-taken") })).toEqual([1, 2, 3, 4, 0]);
    expect(page([null, "o", 0, 2], { after: [0, 1, 2], limit: 3 })).toEqual([4, 3]);
    expect(page(["a", "o", 3], { after: [0, 1, 2] })).toEqual([2, 1]);
    expect(page([1], { filter: test("photo", "stars", "eq", 0) })).toEqual([3, 1]);
    expect(run(driver, count("photo", { filter: test("photo", "stars", "eq", 0) }), [1]).rows).toEqual([[2]]);
  });

  it("honors an access path as a part of the filter", async () => {
    const driver = await open();
    for (let taken = 0; taken < 6; taken++) run(driver, put("photo", "put"), photo("o", taken, taken % 2 === 0 ? "Rome" : "Oslo", taken));
    const [index] = tableOf("photo").indexes;
    const path = {
      index,
      columns: [...index!.columns, ...tableOf("photo").key],
      equal: [0],
      range: test("photo", "stars", "ge", 1),
      descending: true,
    };
    const shape = select("photo", { columns: ["taken"], path, order: orderOf("photo", "-stars", "-owner", "-taken"), limit: 2 });
    expect(run(driver, shape, ["Rome", 1, 9]).rows).toEqual([[4], [2]]);
  });

  it("changes and deletes all rows of a filter, or none when one of them cannot be changed", async () => {
    const driver = await open();
    for (const [id, email] of [
      ["1", "a"],
      ["2", "b"],
      ["3", null],
    ] as const)
      run(driver, put("account", "put"), account(id, email));
    const byFilter = { target: "filter", key: [], guard: test("account", "logins", "eq", 0) } as const;
    expect(() => run(driver, update("account", [["email", "set", 1]], byFilter), [0, "z"])).toThrow(
      expect.objectContaining({ code: "already-exists" }),
    );
    const emails = (): unknown[] => run(driver, select("account", { columns: ["email"], order: orderOf("account", "id") }), []).rows.flat();
    expect(emails()).toEqual(["a", "b", null]);
    expect(run(driver, update("account", [["logins", "incr", 1]], byFilter), [0, 2]).affected).toBe(3);
    expect(run(driver, del("account", { ...byFilter, guard: allOf([test("account", "email", "not_null")]) }), []).affected).toBe(2);
    expect(emails()).toEqual([null]);
  });

  it("finds words", async () => {
    const driver = await open();
    run(driver, put("post", "put"), ["1", "Rome by night", null]);
    run(driver, put("post", "put"), ["2", "Rome", "and Milan by day"]);
    const search = select("post", { columns: ["id"], order: orderOf("post", "id"), match: 0 });
    expect(run(driver, search, ["rome"]).rows).toEqual([["1"], ["2"]]);
    expect(run(driver, search, ["rome -milan"]).rows).toEqual([["1"]]);
  });

  it("shows nobody what an open transaction has done, and undoes it on rollback", async () => {
    const driver = await open();
    run(driver, put("photo", "put"), photo("a", 1));
    const session = await driver.begin!({});
    run(driver, put("photo", "put"), photo("a", 2), session);
    run(driver, del("photo"), ["a", 1], session);
    const takens = (target?: Target): unknown[] =>
      run(driver, select("photo", { columns: ["taken"], order: orderOf("photo", "taken") }), [], target).rows.flat();
    expect([takens(session), takens()]).toEqual([[2], [1]]);
    await session.rollback();
    expect(takens()).toEqual([1]);
    expect(() => run(driver, get("photo"), ["a", 1], session)).toThrow(expect.objectContaining({ code: "closed" }));
    await expect(session.commit()).rejects.toMatchObject({ code: "closed" });
    expect(takens()).toEqual([1]);
  });

  it("lets writers wait for an open transaction in the order of asking, and loses none of their writes", async () => {
    const driver = await open();
    const first = await driver.begin!({});
    run(driver, put("photo", "put"), photo("a", 1, null, 1), first);
    const incr = driver.compile(update("photo", [["stars", "incr", 2]], { returning: "new" }));
    const second = driver.begin!({});
    const alone = driver.execute(incr, ["a", 1, 10]);
    expect(alone).toBeInstanceOf(Promise);
    await first.commit();
    const session = await second;
    expect(((await session.execute(incr, ["a", 1, 100])) as Reply).rows[0]![5]).toBe(101);
    await session.commit();
    expect((await alone).rows[0]![5]).toBe(111);
  });

  it("stops waiting for a transaction when the signal aborts", async () => {
    const driver = await open();
    const session = await driver.begin!({});
    const controller = new AbortController();
    const waiting = driver.execute(driver.compile(put("photo", "put")), photo("a", 1), controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
    await session.commit();
    expect(run(driver, get("photo"), ["a", 1]).rows).toEqual([]);
    expect(run(driver, put("photo", "put"), photo("a", 1)).affected).toBe(1);
  });

  it("commits a batch of changes only if all rows are as they were", async () => {
    const driver = await open();
    run(driver, put("account", "put"), account("1", "a"));
    run(driver, put("account", "put"), account("2", "b"));
    expect(
      await driver.commit!([
        rowChange("account", ["1"], account("1", "x"), undefined),
        rowChange("account", ["3"], undefined, account("3", "c")),
      ]),
    ).toBe(false);
    expect(
      await driver.commit!([
        rowChange("account", ["1"], account("1", "a"), account("1", "b")),
        rowChange("account", ["2"], account("2", "b"), account("2", "a")),
        rowChange("account", ["9"], undefined, undefined),
      ]),
    ).toBe(true);
    expect(run(driver, select("account", { columns: ["email"], order: orderOf("account", "id") }), []).rows).toEqual([["b"], ["a"]]);
    await expect(
      driver.commit!([
        rowChange("account", ["2"], account("2", "a"), undefined),
        rowChange("account", ["3"], undefined, account("3", "b")),
      ]),
    ).rejects.toMatchObject({ code: "already-exists" });
    expect(run(driver, get("account", ["email"]), ["2"]).rows).toEqual([["a"]]);
  });

  it("keeps stores apart, and shares one by name for as long as somebody has it open", async () => {
    const [own, other, one, two] = [await open(), await open(), await open("memory:shared"), await open("memory:shared")];
    run(own, put("photo", "put"), photo("a", 1));
    run(one, put("photo", "put"), photo("b", 1));
    expect(run(other, get("photo"), ["a", 1]).rows).toEqual([]);
    expect(run(two, get("photo", ["owner"]), ["b", 1]).rows).toEqual([["b"]]);
    await one.close();
    await one.close();
    expect(run(two, get("photo", ["owner"]), ["b", 1]).rows).toEqual([["b"]]);
    await two.close();
    expect(run(await open("memory:shared"), get("photo"), ["b", 1]).rows).toEqual([]);
  });

  it("tells what was defined, and finds nothing new the second time", async () => {
    const driver = await open();
    expect(run(driver, { verb: "inspect", table: tableOf("photo") }, []).stored).toBeUndefined();
    run(driver, define("photo", { kind: "table" }), []);
    run(driver, define("photo", { kind: "index", index: tableOf("photo").indexes[0]! }), []);
    const { stored } = run(driver, { verb: "inspect", table: tableOf("photo") }, []);
    expect([...stored!.indexes.values()]).toEqual([{ columns: ["place", "stars"], unique: false }]);
  });

  it.each([
    ["memory://host", {}, "url"],
    ["memory:?max=5", {}, "max"],
    ["memory:", { prefix: "x" }, "prefix"],
  ])("refuses %s with %j, naming the field", async (url, options, field) => {
    await expect(open(url, options)).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });

  it("claims what it is told to claim", async () => {
    const driver = await memoryDriver(
      { url: "memory:", options: {}, clock: systemClock, log: silentLog },
      { capabilities: { access: "ordered", or: false } },
    );
    expect(driver.capabilities).toMatchObject({ access: "ordered", or: false, upsert: true });
  });
});
