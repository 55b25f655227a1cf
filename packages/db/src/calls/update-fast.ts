// The short way of `update` and `incr`: plain changes, which give declared columns new values and ask for nothing else. Which
// columns a row names decides everything but the values, so it is worked out once for each list of names, by the general
// way of update.ts; a repeated call checks its values and sends them.

import { changeEncoder, type Encoder, valueEncoder } from "../compile/bind.js";
import type { Prepared } from "../compile/prepared.js";
import { updateShape } from "../compile/shapes.js";
import type { Change, Reply, Value } from "../driver.js";
import { checkOperand } from "../normalize/operand.js";
import { checkKeyValues } from "../normalize/row.js";
import { canGuard } from "../plan/evaluates.js";
import { deepEqual } from "../schema/deep-equal.js";
import type { Table } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import { type CallContext, done, nothing, type WriteResult } from "./context.js";
import type { PlainWrite } from "./plain-write.js";
import { isNativeChange, type RowChange } from "./row-change.js";

type Row = Readonly<Record<string, unknown>>;

/** A column that the row names. */
interface Part {
  readonly name: string;
  readonly check: (value: unknown) => unknown;
  readonly encode: Encoder;
  /** Its place among the key columns; below zero: it is changed. */
  readonly keyAt: number;
  readonly sums: "int" | "real" | undefined;
}

/** What rows with one list of names have in common. */
interface ChangePlan {
  /** In the order in which the row names them. */
  readonly parts: readonly Part[];
  readonly nowEncoders: readonly Encoder[];
  /** By the signs of the amounts that are added: sums are bounded above or below. */
  readonly commands: Map<number, Prepared>;
}

/** Changes of one row that were met before, by the names that they give. */
interface Plans {
  readonly update: NameTrie<ChangePlan>;
  readonly incr: NameTrie<ChangePlan>;
}

const known = new WeakMap<BoundTable, Plans>();

function plansOf(bound: BoundTable): Plans {
  let plans = known.get(bound);
  if (plans === undefined) known.set(bound, (plans = { update: new NameTrie(), incr: new NameTrie() }));
  return plans;
}

/**
 * The command of a plain change. Undefined where the general way must be taken: names that were not learned, and values
 * that are absent or wrong, of which it says how.
 */
export function plainChange(
  bound: BoundTable,
  context: Pick<CallContext, "now" | "scopeValues">,
  verb: "update" | "incr",
  row: unknown,
): PlainWrite | undefined {
  const plan = plansOf(bound)[verb].find(row);
  if (plan === undefined) return undefined;
  const { parts, nowEncoders, commands } = plan;
  const key: unknown[] = [];
  const values: Value[] = [];
  const bounds: Value[] = [];
  let signs = 0;
  try {
    for (let i = 0; i < parts.length; i++) {
      const { name, check, encode, keyAt, sums } = parts[i]!;
      const value = (row as Row)[name];
      if (value === undefined || value === null) return undefined;
      const logical = check(value);
      if (keyAt >= 0) {
        key[keyAt] = logical;
        continue;
      }
      values.push(encode(logical));
      if (sums === undefined) continue;
      const sign = signOf(sums, logical as number);
      if (sign < 0) return undefined;
      signs = signs * 3 + sign;
      if (sign > 0) bounds.push(encode((sign === 1 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER) - (logical as number)));
    }
    checkKeyValues(bound.rules, key);
  } catch {
    // The general way tells what is wrong, with the checks in its own order.
    return undefined;
  }
  const prepared = commands.get(signs);
  if (prepared === undefined) return undefined;
  for (let i = 0; i < nowEncoders.length; i++) values.push(nowEncoders[i]!(context.now()));
  for (let i = 0; i < bounds.length; i++) values.push(bounds[i]!);
  if (bound.scope !== undefined) values.push(...bound.scope.encode(context.scopeValues));
  const storedKey = bound.encodeKey(key);
  for (let i = 0; i < storedKey.length; i++) values.push(storedKey[i]!);
  return { bound, prepared, values, key: storedKey, finish };
}

function finish(reply: Reply): WriteResult {
  return reply.affected > 0 ? done : nothing;
}

/** How the sum with an amount is bounded: 0 not at all, 1 above, 2 below; −1: in a way that is not known here. */
function signOf(kind: "int" | "real", amount: number): number {
  // Beside the largest double a small amount is nothing: every row has room for it.
  if (kind === "real") return Number.MAX_VALUE - Math.abs(amount) === Number.MAX_VALUE ? 0 : -1;
  return amount === 0 ? -1 : amount > 0 ? 1 : 2;
}

/** Learns from a change that was checked in the general way, so that the next one with the same names is plain. */
export function learnChange(bound: BoundTable, { scopeValues }: CallContext, verb: "update" | "incr", row: Row, change: RowChange): void {
  const { table, pool, codec } = bound;
  const { changes, guard, values } = change;
  if (!isPlainTable(table) || changes.length === 0) return;
  // Whether such changes stay inside the scope depends on their values.
  if (bound.scope?.isTouchedBy(changes)) return;
  if (!changes.every((one) => isNativeChange(bound, one)) || !canGuard(guard, pool.capabilities)) return;
  const names = Object.keys(row);
  const parts = names.map((name) => partOf(bound, name, changes));
  if (!parts.every((part) => part !== undefined)) return;
  const signs = signsOf(parts, row);
  const own = changes.filter(({ column }) => !names.includes(column.name));
  const nowEncoders = own.map(({ column }) => bound.encoders[column.index]!);
  const plan = plansOf(bound)[verb].keep(names, () => ({ parts, nowEncoders, commands: new Map<number, Prepared>() }));
  if (plan === undefined || plan.commands.has(signs)) return;
  const from = values.length;
  plan.commands.set(signs, pool.prepare(updateShape(table, changes, guard, { values: from })));
  // What the general way sends must be what this one does; where it is not, such calls stay general.
  const wanted = [...changeEncoder(changes, valueEncoder(guard, from, codec), codec)(values), ...change.storedKey];
  const now = values[own[0]?.slot ?? -1] as number;
  if (!deepEqual(plainChange(bound, { now: () => now, scopeValues }, verb, row)?.values, wanted)) plan.commands.delete(signs);
}

function signsOf(parts: readonly Part[], row: Row): number {
  return parts.reduce((signs, { name, sums }) => (sums === undefined ? signs : signs * 3 + signOf(sums, row[name] as number)), 0);
}

function isPlainTable({ joins, rest, ttl, columns }: Table): boolean {
  return joins.length === 0 && rest === undefined && ttl === undefined && !columns.some(({ type }) => type === "geohash");
}

function partOf(bound: BoundTable, name: string, changes: readonly Change[]): Part | undefined {
  const rule = bound.rules.rules.get(name);
  if (rule === undefined || rule.column.index < 0 || rule.column.definition.check !== undefined) return undefined;
  const { column, check } = rule;
  if (bound.rules.boundedTexts.has(column)) return undefined;
  const encode = bound.encoders[column.index]!;
  const keyAt = bound.table.key.indexOf(column);
  if (keyAt >= 0) return { name, check, encode, keyAt, sums: undefined };
  const change = changes.find((one) => one.column === column);
  if (change?.op === "set") return { name, check, encode, keyAt, sums: undefined };
  const { min, max } = column.definition;
  if (change?.op !== "incr" || min !== undefined || max !== undefined) return undefined;
  if (column.kind !== "int" && column.kind !== "real") return undefined;
  return { name, check: (value) => checkOperand(column, "incr", value), encode, keyAt, sums: column.kind };
}

// What is known of rows by the list of names that they give, found without making a text of them.

interface Node<T> {
  readonly next: Map<string, Node<T>>;
  value: T | undefined;
}

/** Most lists of names that are kept. */
const most = 500;

class NameTrie<T> {
  readonly #root: Node<T> = { next: new Map(), value: undefined };
  #size = 0;

  /** What is kept for the names of a row, in their order. */
  find(row: unknown): T | undefined {
    if (typeof row !== "object" || row === null) return undefined;
    let node: Node<T> | undefined = this.#root;
    const names = Object.keys(row);
    for (let i = 0; i < names.length; i++) {
      node = node.next.get(names[i]!);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  /** What is kept for these names, made now if there is nothing; undefined when no more is kept. */
  keep(names: readonly string[], make: () => T): T | undefined {
    if (this.#size >= most) return this.#walk(names)?.value;
    let node = this.#root;
    for (const name of names) {
      let next = node.next.get(name);
      if (next === undefined) node.next.set(name, (next = { next: new Map(), value: undefined }));
      node = next;
    }
    if (node.value === undefined) {
      node.value = make();
      this.#size++;
    }
    return node.value;
  }

  #walk(names: readonly string[]): Node<T> | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const name of names) node = node?.next.get(name);
    return node;
  }
}
