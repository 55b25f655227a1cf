// What a call would do: its plan and its first native command, without I/O.

import type { HookVerb } from "../calls/hooks.js";
import { type OpenTransaction, openTransactionOf } from "../calls/open-transaction.js";
import type { Prepared } from "../compile/prepared.js";
import type { Shape } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import type { Target } from "../execute/call.js";
import type { Condition } from "../reference/condition.js";
import { measureKey } from "../reference/measure.js";
import type { Home } from "./home.js";

/** Where the options of each call stand among the arguments after the table. */
const optionsAt: { readonly [verb in HookVerb]: number } = {
  get: 1,
  list: 1,
  select: 1,
  search: 1,
  near: 1,
  count: 1,
  aggregate: 1,
  add: 1,
  put: 1,
  update: 1,
  incr: 1,
  del: 1,
  updateAll: 2,
  delAll: 1,
};

/** Makes calls on a pool in a transaction. */
export type CallsIn = (pool: string | undefined, transaction: OpenTransaction) => object;

/** Runs the call, without hooks, against a target that only remembers the first command. */
export async function explain(
  home: Home,
  callsIn: CallsIn,
  verb: string,
  table: string,
  args: readonly unknown[],
): Promise<{ plan: unknown; command: unknown }> {
  if (!Object.hasOwn(optionsAt, verb))
    throw invalid(`explain: unknown call ${JSON.stringify(verb)}; there are ${Object.keys(optionsAt).join(", ")}`);
  const options = args[optionsAt[verb as HookVerb]] as { readonly pool?: unknown } | undefined;
  const poolName = typeof options?.pool === "string" ? options.pool : undefined;
  const pool = home.poolOf(table, poolName);
  await pool.readyFor({ verb: "explain", table: { name: table } });
  let first: Prepared | undefined;
  const target: Target = {
    explains: true,
    send(prepared) {
      first ??= prepared;
      throw new DbError("cancelled", "explained, not run", { driver: pool.driver.name, outcome: "none" });
    },
  };
  const transaction = openTransactionOf({
    pool,
    isolation: "default",
    signal: undefined,
    target,
    overlay: undefined,
    mark: undefined,
    session: undefined,
    trace: undefined,
  });
  const calls = callsIn(poolName, transaction) as unknown as Record<string, (table: string, ...args: unknown[]) => Promise<unknown>>;
  try {
    await calls[verb]!(table, ...args);
  } catch (error) {
    if (first === undefined) throw error;
  }
  if (first === undefined) return { plan: { verb, table, note: "nothing is sent" }, command: undefined };
  return { plan: planOf(first.shape), command: pool.driver.describe(first.command) };
}

function planOf(shape: Shape): Record<string, unknown> {
  const base = { verb: shape.verb, table: shape.table.name };
  switch (shape.verb) {
    case "get":
      return {
        ...base,
        path: "key",
        columns: shape.columns.map(({ name }) => name),
        ...(shape.guard === undefined ? {} : { guard: conditionText(shape.guard) }),
      };
    case "select":
      return {
        ...base,
        path: shape.path === undefined ? "engine" : (shape.path.index?.name ?? "key"),
        ...(shape.path === undefined
          ? {}
          : { equal: shape.path.equal.length, range: shape.path.range?.op ?? null, backwards: shape.path.descending }),
        filter: conditionText(shape.filter),
        order: shape.order.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`),
        columns: shape.columns.map(({ name }) => name),
      };
    case "aggregate":
      return {
        ...base,
        path: shape.path?.index?.name ?? (shape.path === undefined ? "engine" : "key"),
        filter: conditionText(shape.filter),
        groupBy: shape.groupBy.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`),
        measures: shape.measures.map(measureKey),
      };
    case "put":
      return { ...base, over: conditionText(shape.over), returning: shape.returning };
    case "update":
      return {
        ...base,
        target: shape.target,
        changes: shape.changes.map(({ column, op }) => `${op} ${column.name}`),
        guard: conditionText(shape.guard),
        insert: shape.insert !== undefined,
        returning: shape.returning,
      };
    case "delete":
      return { ...base, target: shape.target, guard: conditionText(shape.guard), returning: shape.returning };
    default:
      return base;
  }
}

function conditionText(condition: Condition): string {
  if (condition.kind === "test") return `${condition.column.name} ${condition.op}`;
  if (condition.kind === "related")
    return `${condition.columns.map(({ name }) => name).join(", ")} in ${condition.table.name} (${conditionText(condition.condition)})`;
  if (condition.parts.length === 0) return condition.kind === "and" ? "always" : "never";
  const text = condition.parts.map(conditionText).join(` ${condition.kind} `);
  return condition.kind === "or" ? `(${text})` : text;
}
