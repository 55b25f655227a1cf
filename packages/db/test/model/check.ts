// The model check: the same random steps on the memory driver and on a real one, which must agree after each.

import { systemClock, silentLog } from "@bk/core";
import { memoryDriver } from "../../src/drivers/memory/index.js";
import type { Driver } from "../../src/driver.js";
import type { AnyRow } from "../../src/testing/any-db.js";
import { type Fixture, openAny } from "../fixtures.js";
import { agree, show } from "./agree.js";
import { applyStep, type ModelTime } from "./apply.js";
import { Broken, type PooledDb } from "./apply-long.js";
import { randomStep, type Step } from "./generate.js";
import { type LongStep, longStep } from "./generate-long.js";
import { Random } from "./random.js";
import { type Answer, stateOf } from "./states.js";
import { type ModelTable, tableNames, tables } from "./tables.js";

export interface CheckOptions {
  readonly fixture: Fixture;
  readonly steps: number;
  readonly seed: number;
  /** Steps of a round; each round begins with empty tables and a seed of its own. */
  readonly roundSteps?: number;
  /** Rounds that run side by side, each on databases of its own: for servers that let each caller wait. Default 1. */
  readonly lanes?: number;
  readonly onProgress?: (done: number) => void;
}

/** Where the two databases differed. */
export interface Disagreement {
  /** Runs the failing round alone: `--seed=<seed> --steps=<steps>`. */
  readonly seed: number;
  readonly step: number;
  readonly what: string;
  /** The shortest sequence found that still fails. */
  readonly shortest: readonly Step[];
}

/** The time of the check's databases: far ahead, so that engines that remove rows by their own clock leave them alone. */
const beginning = Date.UTC(2100, 0, 1);

/** A memory database and a real one, with the same tables and the same time. */
class Pair {
  readonly time: ModelTime = { now: beginning };
  model!: PooledDb;
  real!: PooledDb;
  #clean!: () => Promise<void>;

  async open(fixture: Fixture): Promise<this> {
    const instance = await fixture.open();
    if (instance === undefined) throw new Error(`${fixture.env ?? fixture.name} is not set`);
    const { time } = this;
    const clock = { ...systemClock, now: () => time.now };
    const { url, options } = instance;
    this.#clean = () => instance.clean();
    const main = { url, ...(options === undefined ? {} : { options }) };
    this.real = (await openAny({ pools: { main, other: "memory:" }, tables, clock })) as PooledDb;
    // What it is is known for certain when it is connected.
    await this.real.sync();
    // The core refuses on the model what it refuses on the engine, and takes the same ways to rows.
    const { access, transactions, afterRefusal, savepoints, atomic, unique } = this.real.capabilities();
    // What an engine asks of related rows by itself, the model finds in two steps.
    const capabilities = { access, transactions, afterRefusal, savepoints, unique, atomic, related: false };
    const driver = (await memoryDriver({ url: "memory:", options: {}, clock, log: silentLog }, { capabilities })) as Driver;
    this.model = (await openAny({ pools: { main: { driver }, other: "memory:" }, tables, clock })) as PooledDb;
    await this.model.sync();
    return this;
  }

  async empty(): Promise<void> {
    // Expired rows are missing rows: before the beginning of time all are there to be deleted.
    this.time.now = 0;
    const pools = [this.model, this.real].flatMap((db) => [db, db.pool("other")]);
    // Deleted notes are there still.
    const optionsOf = (table: ModelTable): AnyRow => ({ all: true, ...(table === "note" ? { deleted: true } : {}) });
    for (const db of pools) await Promise.all(tableNames.map((table) => db.delAll(table, {}, optionsOf(table))));
    this.time.now = beginning;
  }

  /** @returns what differed, or undefined */
  async step(step: Step): Promise<string | undefined> {
    if (step.kind === "advance") {
      this.time.now += step.ms;
      return undefined;
    }
    try {
      const model = await applyStep(this.model, step, this.time);
      const real = await applyStep(this.real, step, this.time);
      return differenceOf(model, real);
    } catch (error) {
      if (error instanceof Broken) return `  ${error.message}`;
      throw error;
    }
  }

  async compareStates(): Promise<string | undefined> {
    for (const table of tableNames) {
      const [model, real] = await Promise.all([stateOf(this.model, table), stateOf(this.real, table)]);
      if (!agree(model, real)) return `the rows of ${table} differ\n  model ${show(model)}\n  real  ${show(real)}`;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.model?.close();
    await this.real?.close();
    await this.#clean?.();
  }
}

function differenceOf(model: Answer, real: Answer): string | undefined {
  const isSame = "code" in model ? "code" in real && model.code === real.code : "value" in real && agree(model.value, real.value);
  return isSame ? undefined : `  model ${showAnswer(model)}\n  real  ${showAnswer(real)}`;
}

function showAnswer(answer: Answer): string {
  return "code" in answer ? `rejects with ${answer.code}: ${answer.message}` : show(answer.value);
}

/** How many of the steps go over many rows: such a step reads whole tables. */
const longSteps = 0.005;

/** The steps of a round. */
export function stepsOf(seed: number, count: number): Step[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => (random.chance(longSteps) ? longStep(random) : randomStep(random)));
}

/** Whether a step has a value that the test server takes for another one. */
function isConfused({ confused = [] }: Fixture, step: Step): boolean {
  const text = confused.length === 0 ? "" : showStep(step);
  return confused.some((value) => text.includes(value));
}

/** Runs the check; gives a disagreement, shortened, or undefined. */
export async function checkModel(options: CheckOptions): Promise<Disagreement | undefined> {
  const { fixture, steps, seed, roundSteps = 1000, lanes = 1, onProgress } = options;
  let [begun, done] = [0, 0];
  let failed: Omit<Disagreement, "shortest"> | undefined;
  let failing: readonly Step[] = [];

  async function lane(): Promise<void> {
    const pair = await new Pair().open(fixture);
    try {
      while (begun < steps && failed === undefined) {
        const own = { seed: seed + begun / roundSteps, count: Math.min(roundSteps, steps - begun) };
        begun += roundSteps;
        const all = stepsOf(own.seed, own.count).filter((step) => !isConfused(fixture, step));
        await pair.empty();
        const failure = await runSteps(pair, all, () => onProgress?.(++done));
        if (failure === undefined || failed !== undefined) continue;
        failed = { seed: own.seed, step: failure.at, what: failure.what };
        failing = all.slice(0, failure.at + 1);
      }
    } finally {
      await pair.close();
    }
  }

  await Promise.all(Array.from({ length: lanes }, lane));
  return failed && { ...failed, shortest: await shorten(fixture, failing) };
}

interface Failure {
  readonly at: number;
  readonly what: string;
}

async function runSteps(pair: Pair, steps: readonly Step[], onStep?: () => void): Promise<Failure | undefined> {
  for (const [at, step] of steps.entries()) {
    const what = await pair.step(step);
    if (what !== undefined) return { at, what: `step ${at}: ${showStep(step)}\n${what}` };
    onStep?.();
  }
  const what = await pair.compareStates();
  return what === undefined ? undefined : { at: steps.length - 1, what };
}

const mostReplays = 300;
const shortenMs = 60_000;

/** Leaves out steps, first many at once and then one by one, for as long as the rest still fails; each time on fresh databases. */
async function shorten(fixture: Fixture, failing: readonly Step[]): Promise<readonly Step[]> {
  const until = Date.now() + shortenMs;
  let steps = failing;
  let replays = 0;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length;) {
      if (replays++ >= mostReplays || Date.now() > until) return steps;
      const fewer = [...steps.slice(0, from), ...steps.slice(from + size)];
      if (fewer.length > 0 && (await fails(fixture, fewer))) steps = fewer;
      else from += size;
    }
  }
  return steps;
}

async function fails(fixture: Fixture, steps: readonly Step[]): Promise<boolean> {
  const pair = await new Pair().open(fixture);
  try {
    return (await runSteps(pair, steps)) !== undefined;
  } finally {
    await pair.close();
  }
}

export function showStep(step: Step): string {
  switch (step.kind) {
    case "call":
      return `db${showScope(step.scope)}.${step.verb}(${step.args.map(show).join(", ")})`;
    case "walk":
      return `walk(db${showScope(step.scope)}, ${show(step.table)}, ${show(step.filter)}, ${show(step.options)})${step.ordered ? "" : " as a set"}`;
    case "transaction":
      return `db.transaction: ${step.calls.map(showStep).join("; ")}${step.fails ? "; throw" : ""}`;
    case "advance":
      return `clock + ${step.ms} ms`;
    case "scan":
      return `scan(db${showScope(step.scope)}, ${show(step.table)}, ${show(step.filter)}, ${show(step.options)})${showInterrupted(step)}`;
    case "copy":
      return `db.copy(${show({ from: step.from, to: step.to, tables: step.tables })})${showInterrupted(step)}`;
    case "backfill":
      return `${step.older.map(showStep).join("; ")}; db.sync(${show({ backfill: step.columns, dryRun: step.dryRun })})${showInterrupted(step)}`;
  }
}

function showInterrupted({ count, stopAfter, between }: LongStep): string {
  const stopped = stopAfter === undefined ? "" : `, stopped after ${stopAfter}`;
  return ` in pages of ${count}${stopped}${between.map((call) => `; ${showStep(call)}`).join("")}`;
}

function showScope(scope: unknown): string {
  return scope === undefined ? "" : `.scope(${show(scope)})`;
}

/** The disagreement in words. */
export function report(id: string, { seed, step, what, shortest }: Disagreement): string {
  return [
    `${id} differs from the model: seed ${seed}, step ${step} (again: npm run model -- --driver=${id} --seed=${seed} --steps=${step + 1})`,
    what,
    `the shortest sequence found (${shortest.length} steps):`,
    ...shortest.map((one) => `  ${showStep(one)}`),
  ].join("\n");
}
