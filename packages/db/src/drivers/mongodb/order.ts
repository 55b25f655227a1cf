// The order of a select as the fields that it is sorted by, and where a page goes on in it.

import type { Document } from "mongodb";

import type { SortColumn } from "../../driver.js";
import { type Condition, conjuncts, type Slot, type Test } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import type { Binder } from "./command.js";
import { type Clause, fixedBy, nothing } from "./filter.js";
import { idField, type Layout } from "./layout.js";

/** A field of the order. */
export interface Piece {
  readonly path: string;
  readonly descending: boolean;
  /** Documents may have no value there. */
  readonly mayBeAbsent: boolean;
  isNull(bind: Binder): boolean;
  /** Its value in the position from which a page goes on. */
  value(bind: Binder): unknown;
}

/**
 * The pieces of a total order. Columns that the filter fixes order nothing. The key at the end of the order is `_id`, where it is sorted in
 * one direction: documents compare by their fields in turn.
 */
export function piecesOf(order: readonly SortColumn[], after: readonly Slot[] | undefined, filter: Condition, layout: Layout): Piece[] {
  const { table } = layout;
  const tests = conjuncts(filter);
  const slotOf = (column: Column): Slot => {
    const at = order.findIndex((sort) => sort.column.name === column.name);
    return (at < 0 ? fixedBy(tests, column) : after?.[at]) ?? -1;
  };
  const open = order.filter(({ column }) => fixedBy(tests, column) === undefined);
  const openKey = table.key.filter((column) => fixedBy(tests, column) === undefined);
  const tail = open.slice(open.length - openKey.length);
  const isByKey =
    table.key.length > 1 &&
    tail.length === openKey.length &&
    tail.every(({ column, descending }, i) => column.name === openKey[i]!.name && descending === tail[0]!.descending);
  const single = (isByKey ? open.slice(0, open.length - tail.length) : open).map(({ column, descending }): Piece => {
    const { path, toBson } = layout.fieldOf(column);
    const slot = slotOf(column);
    return {
      path,
      descending,
      mayBeAbsent: !column.isKey,
      isNull: (bind) => bind.isNull(slot),
      value: (bind) => bind.value(slot, toBson),
    };
  });
  if (!isByKey || tail.length === 0) return single;
  const slots = table.key.map(slotOf);
  const id: Piece = {
    path: idField,
    descending: tail[0]!.descending,
    mayBeAbsent: false,
    isNull: () => false,
    value: (bind) => layout.idOf(slots, bind),
  };
  return [...single, id];
}

export function sortOf(pieces: readonly Piece[]): Document {
  return Object.fromEntries(pieces.map(({ path, descending }) => [path, descending ? -1 : 1]));
}

/** The filter of what comes strictly after a position: absent values come first, ascending. */
export function behind(pieces: readonly Piece[], bind: Binder): Document {
  const runs: Document[] = [];
  let equal: Document = {};
  for (const piece of pieces) {
    const { path, descending } = piece;
    const isNull = piece.isNull(bind);
    const value = isNull ? null : piece.value(bind);
    if (!isNull) runs.push({ ...equal, [path]: { [descending ? "$lt" : "$gt"]: value } });
    else if (!descending) runs.push({ ...equal, [path]: { $ne: null } });
    if (!isNull && descending && piece.mayBeAbsent) runs.push({ ...equal, [path]: { $eq: null } });
    equal = { ...equal, [path]: { $eq: value } };
  }
  if (runs.length === 0) return nothing;
  return runs.length === 1 ? runs[0]! : { $or: runs };
}

/**
 * The range of `_id` in which rows lie whose first key columns the filter fixes, in a table with a key of several columns; undefined where it
 * fixes none. The index of `_id` has the rows of one first column, or of several, side by side.
 */
export function idRange(filter: Condition, layout: Layout): Clause | undefined {
  const { table, bson } = layout;
  if (table.key.length === 1) return undefined;
  const tests = conjuncts(filter);
  const slots: Slot[] = [];
  for (const column of table.key) {
    const slot = fixedBy(tests, column);
    if (slot === undefined) break;
    slots.push(slot);
  }
  const next = table.key[slots.length];
  if (next === undefined) return { key: idField, value: (bind) => ({ $eq: layout.idOf(slots, bind) }) };
  const known = table.key.slice(0, slots.length);
  const start = (bind: Binder): [string, unknown][] =>
    known.map((column, i) => [column.name, bind.value(slots[i]!, layout.fieldOf(column).toBson)]);
  const bounds = boundsOf(tests, next, layout);
  if (slots.length === 0 && bounds.low === undefined && bounds.high === undefined) return undefined;
  const past = [next.name, new bson.MaxKey()] as const;
  return {
    key: idField,
    value(bind) {
      const common = start(bind);
      const low = bounds.low === undefined ? [] : [[next.name, bounds.low(bind)] as const];
      // What follows of the key lies behind the value itself.
      const behindHigh = table.key.slice(slots.length + 1).map(({ name }) => [name, new bson.MaxKey()] as const);
      const high = bounds.high === undefined ? [past] : [[next.name, bounds.high(bind)] as const, ...behindHigh];
      return { $gte: Object.fromEntries([...common, ...low]), $lte: Object.fromEntries([...common, ...high]) };
    },
  };
}

interface Bounds {
  readonly low: ((bind: Binder) => unknown) | undefined;
  readonly high: ((bind: Binder) => unknown) | undefined;
}

/** The least and the greatest value that the filter leaves to a column. It goes on asking for them itself: one more at either end does no harm. */
function boundsOf(tests: readonly Condition[], column: Column, layout: Layout): Bounds {
  const { toBson } = layout.fieldOf(column);
  const slotOf = (at: Readonly<Record<string, number>>): Slot | undefined => {
    const test = tests.find((part): part is Test => part.kind === "test" && part.column.name === column.name && part.op in at);
    return test === undefined ? undefined : test.slots[at[test.op]!];
  };
  const bound = (slot: Slot | undefined): Bounds["low"] => (slot === undefined ? undefined : (bind) => bind.value(slot, toBson));
  return {
    low: bound(slotOf({ gt: 0, ge: 0, between: 0, begins_with: 0 })),
    high: bound(slotOf({ lt: 0, le: 0, between: 1, begins_with: 1 })),
  };
}

/** The filter without the tests that a range of `_id` carries out. */
export function besideRange(filter: Condition, { table }: Layout): readonly Condition[] {
  const tests = conjuncts(filter);
  if (table.key.length === 1) return tests;
  const done = new Set<Condition>();
  for (const column of table.key) {
    const test = tests.find((part) => part.kind === "test" && part.op === "eq" && part.column.name === column.name);
    if (test === undefined) break;
    done.add(test);
  }
  return tests.filter((test) => !done.has(test));
}
