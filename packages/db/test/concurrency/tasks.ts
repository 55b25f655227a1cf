// What each process does at the same time as the others. A task gives numbers or names that the test adds up.

import type { AnyDb } from "../../src/testing/any-db.js";

export type Task = (db: AnyDb, me: number) => Promise<unknown>;

export const sizes = {
  increments: 40,
  decimals: 6,
  versions: 8,
  tickets: 25,
  names: 20,
  items: 6,
  moves: 40,
  transfers: 6,
  rounds: 4,
} as const;
export const places = ["Rome", "Milan", "Turin"] as const;

/** The bank of all accounts. */
export const bank = "bank";

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The outcomes of calls of which some must fail with a code. */
async function winners(names: readonly string[], attempt: (name: string) => Promise<boolean>): Promise<string[]> {
  const won = await Promise.all(names.map(async (name) => ((await attempt(name)) ? [name] : [])));
  return won.flat();
}

async function unless(code: string, call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === code) return false;
    throw error;
  }
}

export const tasks = {
  /** Adds 1 to a number again and again; gives every sum that it saw. */
  async increment(db) {
    const sums: unknown[] = [];
    for (let i = 0; i < sizes.increments; i++) sums.push((await db.incr("counter", { id: "one", n: 1 }, { returning: "new" })).row!["n"]);
    return sums;
  },

  /** Adds to a decimal and a set, which engines leave to the core. */
  async compute(db, me) {
    for (let i = 0; i < sizes.decimals; i++) {
      await db.incr("counter", { id: "two", price: "0.1" });
      await db.update("counter", { id: "two", members: [`${me}-${i}`] }, { ops: { members: "add" }, upsert: true });
    }
    return undefined;
  },

  /** Reads, then changes what nobody has changed since. */
  async optimistic(db) {
    for (let done = 0; done < sizes.versions;) {
      const version = (await db.get("counter", "three", { consistent: true }))!["version"] as number;
      const { affected } = await db.update("counter", { id: "three", version: version + 1 }, { where: { version } });
      done += affected;
    }
    return undefined;
  },

  /** Takes tickets that nobody has taken; gives those that it got. */
  take(db, me) {
    const ids = range(sizes.tickets).map((i) => `t${i}`);
    return winners(ids, async (id) => (await db.update("ticket", { id, owner: `p${me}` }, { where: { owner: null } })).affected === 1);
  },

  /** Adds rows that all others add too; gives those that it added. */
  add(db, me) {
    return winners(
      range(sizes.tickets).map((i) => `a${i}`),
      (id) => unless("already-exists", db.add("ticket", { id, owner: `p${me}` })),
    );
  },

  /** Claims unique values with rows of its own; gives those that it got. */
  claim(db, me) {
    return winners(
      range(sizes.names).map((i) => `m${i}`),
      (mail) => unless("already-exists", db.put("user", { id: `${mail}-${me}`, mail })),
    );
  },

  /** Moves rows of an index about while reading it; gives what it read that was not as the index said. */
  async move(db, me) {
    const wrong: unknown[] = [];
    for (let i = 0; i < sizes.moves; i++) {
      const place = places[(i + me) % places.length]!;
      await db.update("item", { id: `i${(i * 7 + me) % sizes.items}`, place, rank: i, moves: 1 }, { ops: { moves: "incr" } });
      const { rows } = await db.select("item", { place }, { sort: "rank" });
      if (rows.some((row) => row["place"] !== place) || new Set(rows.map((row) => row["id"])).size !== rows.length) wrong.push(rows);
    }
    return wrong;
  },

  /** Moves amounts from one account to another. */
  async transfer(db, me) {
    for (let i = 0; i < sizes.transfers; i++) {
      // One process goes the other way round once, so that there is a deadlock; engines take a second to see one.
      const [first, second] = me === 0 && i === 0 ? ["x1", "x0"] : ["x0", "x1"];
      await db.transaction(
        async (tx) => {
          await tx.incr("account", { bank, id: first, balance: me - 3 });
          await tx.incr("account", { bank, id: second, balance: 3 - me });
          await tx.incr("account", { bank, id: "total", balance: 1 });
        },
        { attempts: 500 },
      );
    }
    return undefined;
  },

  /** Adds to one row inside and outside of transactions at the same time, not awaiting all, each call with a time limit. */
  async mix(db) {
    const limit = { timeoutMs: 60_000 };
    for (let round = 0; round < sizes.rounds; round++) {
      const late: Promise<unknown>[] = [];
      await Promise.all([
        ...range(3).map(() => db.incr("account", { bank, id: "mixed", balance: 1 }, limit)),
        db.transaction(
          async (tx) => {
            await tx.incr("account", { bank, id: "mixed", balance: 10 }, limit);
            late.push(tx.incr("account", { bank, id: "mixed-late", balance: 1 }));
          },
          { attempts: 500, ...limit },
        ),
        db.update("account", { bank, id: "mixed", seen: true }, limit),
      ]);
      await Promise.allSettled(late);
    }
    return undefined;
  },
} satisfies Readonly<Record<string, Task>>;

export type TaskName = keyof typeof tasks;
