// Carries one step out on a database and gives what can be compared.

import { DbError } from "@bk/db";
import type { AnyCalls, AnyDb, AnyPage, AnyRow } from "../../src/testing/any-db.js";
import { carryOutLong, type PooledDb } from "./apply-long.js";
import type { CallStep, Step } from "./generate.js";
import { type Answer, sortedByText } from "./states.js";

/** The time that all databases of a run share. */
export interface ModelTime {
  now: number;
}

/** @throws what is no DbError: a fault of the check or of the core */
export async function applyStep(db: AnyDb, step: Step, time: ModelTime): Promise<Answer> {
  try {
    return { value: await carryOut(db, step, time) };
  } catch (error) {
    if (error instanceof Planned) return { code: "planned", message: "" };
    if (error instanceof DbError)
      return { code: error.code, message: `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ""}` };
    throw error;
  }
}

/** Thrown by transactions that are to be rolled back. */
class Planned extends Error {}

async function carryOut(db: AnyDb, step: Step, time: ModelTime): Promise<unknown> {
  switch (step.kind) {
    case "advance":
      // The runner moves the time, once for all databases.
      return undefined;
    case "call":
      if (step.verb === "aggregate") return allGroups(db, step, time);
      return answerOf(step, await callOn(db, step, time));
    case "walk":
      return walkAll(step.scope === undefined ? db : db.scope(step.scope), step);
    case "transaction":
      return runTransaction(db, step, time);
    case "scan":
    case "copy":
    case "backfill":
      return carryOutLong(db as PooledDb, step, (calls, call) => applyStep(calls, call, time));
  }
}

/** Awaits its calls one after the other; the last one, if so wanted, only when the transaction has ended. */
async function runTransaction(db: AnyDb, step: Extract<Step, { kind: "transaction" }>, time: ModelTime): Promise<unknown> {
  let late: Promise<unknown> | undefined;
  const run = async (tx: AnyCalls, calls: readonly CallStep[]): Promise<unknown[]> => {
    const answers: unknown[] = [];
    for (const call of calls) answers.push(await callOn(tx, call, time));
    return answers;
  };
  const done = db.transaction(async (tx) => {
    const answers = await run(tx, step.calls);
    if (step.nested !== undefined) {
      const { calls, fails } = step.nested;
      const inner = (tx as AnyDb).transaction(async (own) => {
        const inside = await run(own, calls);
        if (fails) throw new Planned();
        return inside;
      });
      answers.push(await inner.catch((error: unknown) => (error instanceof Planned ? "undone" : Promise.reject(error))));
    }
    if (step.late !== undefined) {
      late = callOn(tx, step.late, time);
      // It may be refused before the transaction has ended.
      late.catch(() => undefined);
    }
    if (step.fails) throw new Planned();
    return answers;
  });
  try {
    const answers = await done;
    return late === undefined ? answers : [...answers, await late];
  } finally {
    // Of a transaction that was undone nobody awaits it; that it left nothing is what the state says.
    await late?.catch(() => undefined);
  }
}

function callOn(db: AnyCalls, { verb, args, scope }: CallStep, time: ModelTime): Promise<unknown> {
  const within = structuredClone(scope);
  const calls = (within === undefined ? db : (db as AnyDb).scope(within)) as unknown as Readonly<
    Record<string, (...args: unknown[]) => Promise<unknown>>
  >;
  const given = structuredClone(args).map((arg) => timed(arg, time));
  const running = calls[verb]!(...given);
  // A call takes its values when it is made: what its caller does with its objects afterwards is nothing to it.
  for (const arg of [...given.slice(1), within]) scramble(arg);
  return running;
}

/** Changes an object that a call was given, and all that it holds. */
function scramble(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Date) return void value.setTime(1);
  if (value instanceof Uint8Array) return void value.fill(7);
  for (const member of Object.values(value)) scramble(member);
  if (Array.isArray(value)) value.push("late");
  else for (const name of Object.keys(value)) (value as AnyRow)[name] = "late";
}

/** Times of end are generated from 0; here they become times. */
function timed(arg: unknown, time: ModelTime): unknown {
  if (Array.isArray(arg)) return arg.map((item: unknown) => timed(item, time));
  if (typeof arg !== "object" || arg === null || arg instanceof Date || arg instanceof Uint8Array) return arg;
  const copy: AnyRow = { ...arg };
  if (typeof copy["expires"] === "number") copy["expires"] += time.now;
  if (typeof copy["row"] === "object") copy["row"] = timed(copy["row"], time);
  return copy;
}

function answerOf({ verb }: CallStep, answer: unknown): unknown {
  if (verb === "bulk")
    return (answer as AnyRow[]).map((result) => (result["error"] instanceof DbError ? { code: result["error"].code } : result));
  // Tokens are opaque and may differ; that there is one may not.
  if (verb === "select") return { rows: (answer as AnyRow)["rows"], more: (answer as AnyRow)["next"] !== undefined };
  return answer;
}

/** Every page of groups, each as it came. */
async function allGroups(db: AnyDb, step: CallStep, time: ModelTime): Promise<unknown> {
  const [table, filter, options] = step.args as [string, AnyRow, AnyRow];
  const pages: unknown[] = [];
  let start: unknown;
  do {
    const args = [table, filter, { ...options, ...(start === undefined ? {} : { start }) }];
    const page = (await callOn(db, { ...step, args }, time)) as AnyPage;
    pages.push(page.rows);
    start = page.next;
  } while (start !== undefined && pages.length < 1000);
  return pages;
}

async function walkAll(db: AnyDb, { table, filter, options, ordered }: Extract<Step, { kind: "walk" }>): Promise<unknown> {
  const sizes: number[] = [];
  const rows: AnyRow[] = [];
  let start: string | undefined;
  do {
    const page = await db.select(table, filter, { ...options, ...(start === undefined ? {} : { start }) });
    sizes.push(page.rows.length);
    rows.push(...page.rows);
    start = page.next;
  } while (start !== undefined && sizes.length < 1000);
  return { sizes, rows: ordered ? rows : sortedByText(rows) };
}
