// Conditions as filters. Each operator has the meaning of reference/matches.ts: a comparison with an absent value is false, the
// negated ones too. Comparisons of MongoDB are between values of one type, so that order needs no other care.

import type { Document } from "mongodb";

import { DbError } from "../../errors.js";
import type { Column } from "../../schema/table.js";
import { type Condition, isNever, type Slot, type Test } from "../../reference/condition.js";
import type { Binder } from "./command.js";
import type { Field, Layout } from "./layout.js";
import { likePattern, pattern } from "./patterns.js";
import { elementToBson, isObjectId } from "./values.js";

/** Makes a filter of the values of a call. */
export type Build = (bind: Binder) => Document;

/** One member of a filter. */
export interface Clause {
  readonly key: string;
  readonly value: (bind: Binder) => unknown;
}

/** A filter that holds for no document. */
export const nothing: Document = Object.freeze({ _id: { $in: [] } });

export function filterOf(condition: Condition, layout: Layout): Build {
  return joined(clausesOf(condition, layout));
}

/**
 * The filter of a command that writes the row of a key, or makes it: one key, and a condition for the row that there is. From equalities of `_id`
 * and its members the server infers the id of a row that it makes, and takes each once; so the condition has them as ranges.
 */
export function upsertFilterOf(condition: Condition, layout: Layout): Build {
  return filterOf(withoutKeyEquality(condition), layout);
}

function withoutKeyEquality(condition: Condition): Condition {
  if (condition.kind === "related") return condition;
  if (condition.kind !== "test") return { ...condition, parts: condition.parts.map(withoutKeyEquality) };
  const { op, slots, column } = condition;
  if (!column.isKey || (op !== "eq" && op !== "same" && op !== "in")) return condition;
  const parts = slots.map((slot): Test => ({ kind: "test", column, op: "between", slots: [slot, slot] }));
  return parts.length === 1 ? parts[0]! : { kind: "or", parts };
}

/** All clauses together. */
export function joined(clauses: readonly Clause[]): Build {
  const isPlain = new Set(clauses.map(({ key }) => key)).size === clauses.length;
  if (!isPlain) return (bind) => ({ $and: clauses.map(({ key, value }) => ({ [key]: value(bind) })) });
  return (bind) => {
    const filter: Document = {};
    for (const { key, value } of clauses) filter[key] = value(bind);
    return filter;
  };
}

/** Two filters together. */
export function both(a: Document, b: Document): Document {
  return Object.keys(b).some((key) => Object.hasOwn(a, key)) ? { $and: [a, b] } : { ...a, ...b };
}

export function clausesOf(condition: Condition, layout: Layout): Clause[] {
  if (condition.kind === "test") return [clauseOf(condition, layout)];
  if (condition.kind === "related") throw new DbError("internal", "MongoDB was asked for rows of another table");
  if (condition.kind === "and") return condition.parts.flatMap((part) => clausesOf(part, layout));
  if (isNever(condition)) return [{ key: "_id", value: () => ({ $in: [] }) }];
  const parts = condition.parts.map((part) => filterOf(part, layout));
  return [{ key: "$or", value: (bind) => parts.map((part) => part(bind)) }];
}

function clauseOf(test: Test, layout: Layout): Clause {
  const field = layout.fieldOf(test.column);
  const key = field.path;
  if (test.op === "not_between") return outside(test, field, "$gt");
  if (test.op === "not_begins_with") return outside(test, field, "$gte");
  return { key, value: test.column.kind === "list" ? elementTest(test, field, layout) : valueTest(test, field) };
}

type Write = Clause["value"];

/** Below the first of two values, or above the second. */
function outside({ slots: [low, high] }: Test, { path, toBson }: Field, above: "$gt" | "$gte"): Clause {
  return {
    key: "$or",
    value: (bind) => [{ [path]: { $lt: bind.value(low!, toBson) } }, { [path]: { [above]: bind.value(high!, toBson) } }],
  };
}

function valueTest(test: Test, field: Field): Write {
  const { slots } = test;
  const slot = slots[0]!;
  const second = slots[1]!;
  const value = (bind: Binder, at: Slot): unknown => bind.value(at, field.toBson);
  switch (test.op) {
    case "eq":
    case "same":
      return (bind) => ({ $eq: value(bind, slot) });
    case "ne":
      return (bind) => ({ $nin: [value(bind, slot), null] });
    case "gt":
      return (bind) => ({ $gt: value(bind, slot) });
    case "ge":
      return (bind) => ({ $gte: value(bind, slot) });
    case "lt":
      return (bind) => ({ $lt: value(bind, slot) });
    case "le":
      return (bind) => ({ $lte: value(bind, slot) });
    case "between":
      return (bind) => ({ $gte: value(bind, slot), $lte: value(bind, second) });
    case "in":
      return (bind) => ({ $in: slots.map((each) => value(bind, each)) });
    case "not_in":
      return (bind) => ({ $nin: [...slots.map((each) => value(bind, each)), null] });
    case "null":
      return () => ({ $eq: null });
    case "not_null":
      return () => ({ $ne: null });
    default:
      return textTest(test, field);
  }
}

function textTest({ op, slots, column }: Test, field: Field): Write {
  const slot = slots[0]!;
  const end = slots[1]!;
  if (isObjectId(column))
    throw new DbError("unsupported", `column ${column.name} holds ids of MongoDB, of which it compares whole ones alone`, {
      column: column.name,
    });
  const matches = (write: (text: string) => string): Write => {
    const regex = (bind: Binder): unknown => bind.value(slot, (text) => write(text as string));
    return op.startsWith("not_")
      ? (bind) => ({ $not: { $regex: regex(bind), $options: "s" }, $ne: null })
      : (bind) => ({ $regex: regex(bind), $options: "s" });
  };
  switch (op) {
    case "begins_with":
      return (bind) => ({ $gte: bind.value(slot, field.toBson), $lt: bind.value(end, field.toBson) });
    case "ends_with":
    case "not_ends_with":
    case "contains":
    case "not_contains":
      return matches(pattern(op));
    case "like":
    case "not_like":
      return matches(likePattern);
    default:
      throw new DbError("internal", `MongoDB does not evaluate ${op} of a ${column.kind}`, { column: column.name });
  }
}

/** A list is matched where an element is; absent elements there are none. */
function elementTest({ op, slots, column }: Test, field: Field, { bson }: Layout): Write {
  const slot = slots[0]!;
  const toBson = elementToBson(column.element, bson);
  switch (op) {
    case "contains":
      return (bind) => ({ $eq: bind.value(slot, toBson) });
    case "not_contains":
      return (bind) => ({ $nin: [bind.value(slot, toBson), null] });
    case "same":
      return (bind) => ({ $eq: bind.value(slot, field.toBson) });
    case "null":
      return () => ({ $eq: null });
    case "not_null":
      return () => ({ $ne: null });
    default:
      throw new DbError("internal", `MongoDB does not evaluate ${op} of a list`, { column: column.name });
  }
}

/** The slot of a value that the filter demands of a column; undefined where it demands none. */
export function fixedBy(tests: readonly Condition[], column: Column): Slot | undefined {
  const test = tests.find((part) => part.kind === "test" && part.op === "eq" && part.column.name === column.name);
  return test === undefined ? undefined : (test as Test).slots[0];
}
