// Carries one step out on a database and gives what can be compared.

import { DbError } from "@bk/db";
import type { AnyCalls, AnyDb, AnyRow } from "../../src/testing/any-db.js";
import { show } from "./agree.js";
import type { CallStep, Step } from "./generate.js";

/** What a step gave: an answer, or the code of the error. */
export type Answer = { readonly value: unknown } | { readonly code: string; readonly message: string };

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
      return answerOf(step, await callOn(db, step, time));
    case "walk":
      return walkAll(db, step);
    case "transaction":
      return db.transaction(async (tx) => {
        const answers: unknown[] = [];
        for (const call of step.calls) answers.push(await callOn(tx, call, time));
        if (step.fails) throw new Planned();
        return answers;
      });
  }
}

function callOn(db: AnyCalls, { verb, args }: CallStep, time: ModelTime): Promise<unknown> {
  const calls = db as unknown as Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
  return calls[verb]!(...args.map((arg) => timed(arg, time)));
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

function sortedByText(rows: readonly AnyRow[]): AnyRow[] {
  const keyed = rows.map((row) => ({ row, key: show(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ row }) => row);
}

/** Every row of a table, as a set. */
export async function stateOf(db: AnyDb, table: string): Promise<AnyRow[]> {
  const rows: AnyRow[] = [];
  for await (const page of db.scan(table, {}).pages()) rows.push(...page);
  return sortedByText(rows);
}
