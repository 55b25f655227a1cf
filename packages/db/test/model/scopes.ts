// What scopes tell: the same random calls within one scope on two databases that differ in rows outside of it alone. Whatever
// is there, is written and is deleted outside meanwhile, they must answer alike: values, errors, pages, tokens.

import { DbError } from "@bk/db";
import { systemClock } from "@bk/core";

import type { AnyDb, AnyRow } from "../../src/testing/any-db.js";
import { type Fixture, openStore } from "../fixtures.js";
import { agree, show } from "./agree.js";
import { applyStep, type ModelTime } from "./apply.js";
import { showStep } from "./check.js";
import { type CallStep, randomStep, type Step } from "./generate.js";
import { valueOf } from "./generate-filters.js";
import { Random } from "./random.js";
import { stateOf } from "./states.js";
import { keyColumns, type ModelTable, pools, tableNames, tables } from "./tables.js";

interface Confined {
  readonly definition: AnyRow;
  /** Columns of the condition, with the values that a row inside has. */
  readonly inside: AnyRow;
  /** Columns of a row outside. */
  readonly outside: (random: Random) => AnyRow;
  /**
   * Where the key does not say what is outside, whoever inserts finds out which keys are taken: rows are inserted under these
   * keys alone, which rows outside do not have.
   */
  readonly insertable?: readonly string[];
}

/** Of each table a scope of another kind. */
const confined: Readonly<Record<ModelTable, Confined>> = {
  // Not in the key: of two columns, one of which moves rows in and out; with columns that are not seen, or not written.
  album: {
    definition: {
      where: { place: "Rome", small: { $lt: 3 } },
      set: { place: "Rome" },
      select: Object.keys(tables.album).filter((name) => name !== "n" && name !== "price"),
      update: Object.keys(tables.album).filter((name) => name !== "price" && name !== "steps"),
    },
    inside: { place: "Rome", small: 1 },
    outside: (random) =>
      random.pick<AnyRow>([{ place: "Milan" }, { place: null }, { place: "Rome", small: 3 }, { place: "Rome ", small: 1 }]),
    insertable: ["a", "A", "a ", "b", "'"],
  },
  photo: {
    definition: { where: { owner: "o" }, set: { owner: "o" }, select: Object.keys(tables.photo).filter((name) => name !== "rank") },
    inside: { owner: "o" },
    outside: (random) => ({ owner: random.pick(["O", "o ", "%"]) }),
  },
  // A condition that engines without it leave to the core.
  chat: {
    definition: { where: { id: "c", $not: { country: { $ilike: "FR" } } }, set: { id: "c" } },
    inside: { id: "c", country: "it" },
    outside: (random) => ({ id: random.pick(["C", "d"]) }),
  },
  stat: {
    definition: { where: { $or: [{ first: 0 }, { first: 1 }], second: { $le: new Date(0) } } },
    inside: { first: 0, second: new Date(0) },
    outside: (random) => random.pick<AnyRow>([{ first: -1 }, { first: 0, second: new Date(1e12) }]),
  },
  // Its unique group has the column of the condition; another one's values are not those of rows outside.
  user: {
    definition: { where: { realm: "r" }, set: { realm: "r" } },
    inside: { realm: "r" },
    outside: (random) => ({ realm: random.pick(["R", "", null]), mail: `out${random.below(9)}` }),
    insertable: ["u", "U", "v"],
  },
  note: {
    definition: {
      where: { owner: "n" },
      set: { owner: "n" },
      select: ["owner", "id", "small", "gone", "*"],
      update: ["small", "gone", "*"],
    },
    inside: { owner: "n" },
    outside: () => ({ owner: "N" }),
  },
};
const definition = Object.fromEntries(tableNames.map((name) => [name, confined[name].definition]));

const inserting: ReadonlySet<string> = new Set(["add", "put", "update", "incr"]);

/** A step that meets rows inside often, and inserts under keys that no row outside has. */
function steered(random: Random, step: Step): Step {
  if (step.kind === "call") return steeredCall(random, step);
  if (step.kind !== "transaction") return step;
  const { nested, late } = step;
  return {
    ...step,
    calls: step.calls.map((call) => steeredCall(random, call)),
    ...(nested === undefined ? {} : { nested: { ...nested, calls: nested.calls.map((call) => steeredCall(random, call)) } }),
    ...(late === undefined ? {} : { late: steeredCall(random, late) }),
  };
}

function steeredCall(random: Random, step: CallStep): CallStep {
  const [first, subject, ...rest] = step.args;
  if (step.verb === "bulk") {
    const items = (first as AnyRow[]).map(({ op, table, row, key, ...more }) => {
      const name = op === "del" ? "key" : "row";
      return { op, table, [name]: steeredRow(random, op as string, table as ModelTable, row ?? key), ...more };
    });
    return { ...step, args: [items] };
  }
  if (!inserting.has(step.verb) && step.verb !== "get" && step.verb !== "del") return step;
  return { ...step, args: [first, steeredRow(random, step.verb, first as ModelTable, subject), ...rest] };
}

function steeredRow(random: Random, verb: string, table: ModelTable, given: unknown): unknown {
  const own = confined[table];
  if (own === undefined || typeof given !== "object" || given === null) return given;
  // Short rows are refused less often, and are about what says which rows are inside.
  const isNamed = ([name]: [string, unknown]): boolean => keyColumns[table].includes(name) || Object.hasOwn(own.inside, name);
  const row: AnyRow = random.chance(0.3) ? Object.fromEntries(Object.entries(given).filter(isNamed)) : { ...given };
  const isKey = verb === "get" || verb === "del";
  for (const [column, value] of Object.entries(own.inside))
    if (random.chance(0.7) && (keyColumns[table].includes(column) || (!isKey && Object.hasOwn(row, column)))) row[column] = value;
  const [key] = keyColumns[table];
  const id = row[key!];
  if (own.insertable !== undefined && inserting.has(verb) && typeof id === "string" && id !== "") {
    const { insertable } = own;
    if (!insertable.includes(id)) row[key!] = insertable[id.length % insertable.length];
  }
  return row;
}

/** One of the two databases. */
class Side {
  readonly time: ModelTime;
  readonly random: Random;
  /** Rows that the scope must leave as they are. */
  outside = new Map<ModelTable, AnyRow[]>();
  db!: AnyDb;
  scoped!: AnyDb;
  #clean!: () => Promise<void>;

  constructor(time: ModelTime, seed: number) {
    this.time = time;
    this.random = new Random(seed);
  }

  async open(fixture: Fixture): Promise<this> {
    const store = await openStore(fixture);
    this.#clean = () => store.clean();
    this.db = await store.openDb({ tables, clock: { ...systemClock, now: () => this.time.now } });
    await this.db.sync();
    this.scoped = this.db.scope(definition);
    return this;
  }

  /** Writes and deletes rows outside, in its own way. */
  async storm(most: number): Promise<void> {
    const { random, db } = this;
    for (let i = random.below(most + 1); i > 0; i--) {
      const table = random.pick(tableNames);
      const { insertable, outside } = confined[table];
      const row: AnyRow = {};
      for (const column of Object.keys(pools[table]))
        if (keyColumns[table].includes(column) || random.chance(0.6)) row[column] = valueOf(random, table, column);
      Object.assign(row, outside(random));
      const [key] = keyColumns[table];
      if (insertable?.includes(row[key!] as string)) continue;
      if (typeof row["expires"] === "number") row["expires"] += this.time.now;
      const keyOnly = Object.fromEntries(keyColumns[table].map((column) => [column, row[column]]));
      try {
        await (random.chance(0.25) ? db.del(table, keyOnly) : db.put(table, row));
      } catch (error) {
        // Rows outside may be in each other's way.
        if (!(error instanceof DbError && error.code === "already-exists")) throw error;
      }
    }
  }

  /** The rows outside, deleted ones too. */
  async rowsOutside(table: ModelTable): Promise<AnyRow[]> {
    const key = (row: AnyRow): string => show(keyColumns[table].map((column) => row[column]));
    const options = table === "note" ? { deleted: true } : {};
    const inside = new Set<string>();
    const all = this.db.scope({ [table]: { where: confined[table].definition["where"] } });
    for await (const row of all.scan(table, {}, options)) inside.add(key(row));
    const rows: AnyRow[] = [];
    for await (const row of this.db.scan(table, {}, options)) if (!inside.has(key(row))) rows.push(row);
    return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  async note(): Promise<void> {
    for (const table of tableNames) this.outside.set(table, await this.rowsOutside(table));
  }

  /** Calls that would take a row outside: they are refused, the one way or the other. */
  async probe(): Promise<string | undefined> {
    for (const table of tableNames) {
      const { insertable, inside } = confined[table];
      const rows = this.outside.get(table)!;
      if (insertable === undefined || rows.length === 0) continue;
      const [key] = keyColumns[table];
      const row = { ...inside, [key!]: this.random.pick(rows)[key!] };
      const { small: _small, ...changes } = row;
      const calls: readonly [string, string, AnyRow, AnyRow][] = [
        ["put", "denied", row, {}],
        ["put", "denied", row, { returning: "old" }],
        ["add", "already-exists", row, {}],
        ["update", "denied", { ...row, tags: ["x"] }, { upsert: true }],
        ["incr", "denied", { ...changes, small: 1 }, {}],
      ];
      for (const [verb, code, subject, options] of calls) {
        const step = { kind: "call", verb, args: [table, subject, options] } as CallStep;
        const answer = await applyStep(this.scoped, step, this.time);
        if (!("code" in answer) || answer.code !== code) return `${showStep(step)} on a row outside gave ${show(answer)}`;
      }
    }
    return undefined;
  }

  async changedOutside(): Promise<string | undefined> {
    for (const table of tableNames) {
      const now = await this.rowsOutside(table);
      const expected = this.outside.get(table)!;
      if (!agree(expected, now)) return `rows of ${table} outside were changed\n  from ${show(expected)}\n  to   ${show(now)}`;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.db?.close();
    await this.#clean?.();
  }
}

export interface ScopeCheckOptions {
  readonly fixture: Fixture;
  readonly steps: number;
  readonly seed: number;
}

const roundSteps = 25;

/** Runs the check; gives what differed, or undefined. */
export async function checkScopes({ fixture, steps, seed }: ScopeCheckOptions): Promise<string | undefined> {
  const time: ModelTime = { now: Date.UTC(2100, 0, 1) };
  const random = new Random(seed);
  const sides = [new Side(time, seed + 1), new Side(time, seed + 2)] as const;
  const [left, right] = sides;
  const done: string[] = [];
  try {
    for (const side of sides) await side.open(fixture);
    for (let i = 0; i < steps; i++) {
      if (i % roundSteps === 0) {
        for (const side of sides) {
          await side.storm(60);
          await side.note();
        }
        done.length = 0;
      }
      const step = steered(random, randomStep(random));
      done.push(showStep(step));
      const isLast = i % roundSteps === roundSteps - 1 || i === steps - 1;
      if (isLast || step.kind === "advance")
        for (const side of sides) {
          const wrong = (await side.probe()) ?? (await side.changedOutside());
          if (wrong !== undefined) return `seed ${seed}, step ${i}: ${wrong}\nbefore:\n${done.join("\n")}`;
        }
      if (step.kind === "advance") {
        time.now += step.ms;
        // Of rows outside some may have expired.
        for (const side of sides) await side.note();
        continue;
      }
      const [a, b] = [await applyStep(left.scoped, step, time), await applyStep(right.scoped, step, time)];
      const where = `seed ${seed}, step ${i}: ${showStep(step)}`;
      if (!agree(a, b)) return `${where}\n  left  ${show(a)}\n  right ${show(b)}\nbefore:\n${done.join("\n")}`;
    }
    for (const table of tableNames) {
      const [a, b] = [await stateOf(left.scoped, table), await stateOf(right.scoped, table)];
      if (!agree(a, b)) return `seed ${seed}: the rows of ${table} inside differ\n  left  ${show(a)}\n  right ${show(b)}`;
    }
    return undefined;
  } finally {
    for (const side of sides) await side.close();
  }
}
