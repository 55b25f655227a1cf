// Conditions as queries of the server, all of them filters: nothing is scored.

import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { utf8Length } from "../../schema/bytes.js";
import type { Condition, Slot, Test } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import { fieldOf, inField, needsHas } from "./document.js";

export type Query = Readonly<Record<string, unknown>>;

export const everything: Query = Object.freeze({ match_all: {} });
const nothing: Query = Object.freeze({ match_none: {} });

/** How the values of a call are put into a query. */
interface Binder {
  isNull(slot: Slot): boolean;
  /** The value of a slot as it is in the field of a column. */
  value(column: Column, slot: Slot): unknown;
  /** The same as the end of a range or a prefix. */
  bound(column: Column, slot: Slot): unknown;
}

/** The values of a call. */
export function bind(values: Values): Binder {
  return {
    isNull: (slot) => (values[slot] ?? null) === null,
    value: (column, slot) => inField(column, values[slot]!),
    bound: (column, slot) => boundOf(column, values[slot]!),
  };
}

const toSlot = (_column: Column, slot: Slot): unknown => ({ slot });

/** No values: the query in words. */
export const describing: Binder = { isNull: () => false, value: toSlot, bound: toSlot };

/** The query of a condition. */
export function queryOf(condition: Condition, binder: Binder): Query {
  if (condition.kind === "test") return testOf(condition, binder);
  if (condition.kind === "related") throw new DbError("internal", "filters by related rows are not claimed");
  const parts = condition.parts.map((part) => queryOf(part, binder));
  if (condition.kind === "and") return allOf(parts);
  return parts.length === 0 ? nothing : anyOf(parts);
}

export function allOf(parts: readonly Query[]): Query {
  if (parts.length === 0) return everything;
  return parts.length === 1 ? parts[0]! : { bool: { filter: parts } };
}

export function anyOf(parts: readonly Query[]): Query {
  return { bool: { should: parts, minimum_should_match: 1 } };
}

function testOf(test: Test, binder: Binder): Query {
  const { column, op, slots } = test;
  const field = fieldOf(column);
  const at = (i: number): unknown => binder.value(column, slots[i]!);
  const bound = (i: number): unknown => binder.bound(column, slots[i]!);
  const prefixed = (): Query => ({ range: { [field]: { gte: bound(0), lt: bound(1) } } });
  switch (op) {
    case "null":
      return absent(column);
    case "not_null":
      return presence(column);
    case "same":
      if (!binder.isNull(slots[0]!) && needsHas(column)) throw new DbError("internal", "whole values of this kind are not compared");
      return binder.isNull(slots[0]!) ? absent(column) : { term: { [field]: { value: at(0) } } };
    case "eq":
    case "contains":
      return { term: { [field]: { value: at(0) } } };
    case "ne":
    case "not_contains":
      return present(column, { term: { [field]: { value: at(0) } } });
    case "in":
      return { terms: { [field]: slots.map((_slot, i) => at(i)) } };
    case "not_in":
      return present(column, { terms: { [field]: slots.map((_slot, i) => at(i)) } });
    case "gt":
      return { range: { [field]: { gt: bound(0) } } };
    case "ge":
      return { range: { [field]: { gte: bound(0) } } };
    case "lt":
      return { range: { [field]: { lt: bound(0) } } };
    case "le":
      return { range: { [field]: { lte: bound(0) } } };
    case "between":
      return { range: { [field]: { gte: bound(0), lte: bound(1) } } };
    case "not_between":
      return anyOf([{ range: { [field]: { lt: bound(0) } } }, { range: { [field]: { gt: bound(1) } } }]);
    case "begins_with":
      return prefixed();
    case "not_begins_with":
      return present(column, prefixed());
    default:
      throw new DbError("internal", `${op} is not claimed`);
  }
}

/** That a column has no value. */
export function absent(column: Column): Query {
  return { bool: { must_not: [presence(column)] } };
}

/** That a column has a value. */
export function presence(column: Column): Query {
  const field = { exists: { field: fieldOf(column) } };
  if (!needsHas(column)) return field;
  const has = { term: { [`$has.${column.name}`]: { value: true } } };
  // Lists of other people's documents have elements alone.
  return column.kind === "list" ? anyOf([has, field]) : has;
}

function present(column: Column, not: Query): Query {
  return { bool: { filter: [presence(column)], must_not: [not] } };
}

/** Bytes of a text that a range takes as its end, set by the server. */
const mostOfBound = 999;

function boundOf(column: Column, value: Value): unknown {
  if (typeof value === "string" && value.length * 3 > mostOfBound && utf8Length(value) > mostOfBound) throw longBound(column);
  return inField(column, value);
}

function longBound({ name }: Column): DbError {
  return new DbError("too-large", `the engine compares with texts of at most ${mostOfBound} bytes, but by equality`, {
    column: name,
    outcome: "none",
  });
}
