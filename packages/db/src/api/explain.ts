// What a call would do: its plan and its first native command, without I/O.

import { Verbs, type VerbsHome } from "./verbs.js";
import { type Condition } from "../reference/condition.js";
import type { Shape } from "../driver.js";
import { DbError, invalid } from "../errors.js";
import type { Prepared, Target } from "../execute/pool.js";
import type { Scope } from "./transaction.js";

const explained = ["get", "list", "select", "search", "count", "add", "put", "update", "incr", "del", "updateAll", "delAll"] as const;

/** Runs the call against a target that only remembers the first command. */
export async function explain(
  home: VerbsHome,
  verb: string,
  table: string,
  args: readonly unknown[],
): Promise<{ plan: unknown; command: unknown }> {
  if (!(explained as readonly string[]).includes(verb))
    throw invalid(`explain: unknown call ${JSON.stringify(verb)}; there are ${explained.join(", ")}`);
  const last = args.at(-1);
  const poolName = typeof last === "object" && last !== null && "pool" in last && args.length > 1 ? (last.pool as string) : undefined;
  const { pool } = home.bound(table, poolName);
  let first: Prepared | undefined;
  const target: Target = {
    explains: true,
    execute(prepared) {
      first ??= prepared;
      throw new DbError("cancelled", "explained, not run", { driver: pool.driver.name, outcome: "none" });
    },
  };
  const scope: Scope = { pool, target, overlay: undefined, over: false };
  const calls = new Verbs(home, poolName, scope) as unknown as Record<string, (table: string, ...args: unknown[]) => Promise<unknown>>;
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
      return { ...base, path: "key", columns: shape.columns.map(({ name }) => name) };
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
  if (condition.parts.length === 0) return condition.kind === "and" ? "always" : "never";
  const text = condition.parts.map(conditionText).join(` ${condition.kind} `);
  return condition.kind === "or" ? `(${text})` : text;
}
