// Conditions as DynamoDB's expressions. Every name is a placeholder, so that reserved words do no harm.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

import { allOf, type Condition, conjuncts, type Slot, type Test } from "../../reference/condition.js";
import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column } from "../../schema/table.js";
import { toAttribute, toElement } from "./attributes.js";
import type { Item } from "./attributes.js";

/** Most operands of one IN, set by the service. */
const maxInOperands = 100;

/** Most bytes of an expression, set by the service. */
export const maxExpressionBytes = 4096;

/** What a condition costs of an expression. */
export interface Cost {
  readonly bytes: number;
  readonly operators: number;
}

/** The service takes 300 operators in an expression beside; some of either are left for what is joined to it. */
export const mostOfExpression = {
  fits: ({ bytes, operators }: Cost): boolean => bytes <= 3_600 && operators <= 250,
};

/** Text with places that depend on whether a value is absent. */
export type Piece = string | { readonly slot: Slot; readonly present: string; readonly absent: string };

interface Binding {
  readonly placeholder: string;
  readonly slot: Slot;
  readonly encode: (value: Value) => AttributeValue | undefined;
}

/** The names and values of one request's expressions, given placeholders when it is compiled. */
export class Placeholders {
  readonly #names = new Map<string, string>();
  readonly #bindings: Binding[] = [];
  readonly #constants: Item = {};
  readonly #tag: string;
  #count = 0;

  /** @param tag  keeps the placeholders of one part of a request apart from those of another */
  constructor(tag = "") {
    this.#tag = tag;
  }

  /** The placeholder of an attribute's name. */
  name(attribute: string): string {
    const known = this.#names.get(attribute);
    if (known !== undefined) return known;
    const placeholder = `#${this.#tag}${this.#names.size}`;
    this.#names.set(attribute, placeholder);
    return placeholder;
  }

  /** The placeholder of the value in a slot; a value that is null is left out of the request. */
  value(slot: Slot, encode: Binding["encode"]): string {
    const placeholder = `:${this.#tag}${this.#count++}`;
    this.#bindings.push({ placeholder, slot, encode });
    return placeholder;
  }

  /** The placeholder of a value known already. */
  constant(attribute: AttributeValue): string {
    const placeholder = `:${this.#tag}${this.#count++}`;
    this.#constants[placeholder] = attribute;
    return placeholder;
  }

  /** `ExpressionAttributeNames`; undefined when there is none, which the service wants left out. */
  names(): Record<string, string> | undefined {
    if (this.#names.size === 0) return undefined;
    return Object.fromEntries([...this.#names].map(([attribute, placeholder]) => [placeholder, attribute]));
  }

  /** `ExpressionAttributeValues` for the values of a call. */
  values(values: Values): Item {
    const item: Item = { ...this.#constants };
    for (const { placeholder, slot, encode } of this.#bindings) {
      const value = values[slot] ?? null;
      const attribute = value === null ? undefined : encode(value);
      if (attribute !== undefined) item[placeholder] = attribute;
    }
    return item;
  }

  /** For people: the constants, and the slots of the others. */
  describe(): Record<string, unknown> {
    return { ...this.#constants, ...Object.fromEntries(this.#bindings.map(({ placeholder, slot }) => [placeholder, { slot }])) };
  }
}

/** The request's part with names and values, both left out when empty. */
export function expressionInput(
  names: Record<string, string> | undefined,
  values: Item,
): { ExpressionAttributeNames?: Record<string, string>; ExpressionAttributeValues?: Item } {
  return {
    ...(names === undefined ? {} : { ExpressionAttributeNames: names }),
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  };
}

/** A condition as text. `hash` is a column that every row has. */
export function conditionPieces(condition: Condition, own: Placeholders, hash: Column): Piece[] {
  return parse(condition, own, hash).pieces;
}

/** A part of an expression; a compound one needs parentheses inside another. The service refuses needless ones. */
interface Part {
  readonly pieces: Piece[];
  readonly isCompound: boolean;
}

function atom(text: string): Part {
  return { pieces: [text], isCompound: false };
}

function compound(text: string): Part {
  return { pieces: [text], isCompound: true };
}

function parse(condition: Condition, own: Placeholders, hash: Column): Part {
  if (condition.kind === "test") return parseTest(condition, own);
  if (condition.kind === "related") throw new DbError("internal", "an expression asks of one table alone");
  const [only, ...others] = condition.parts;
  if (only === undefined) {
    const exists = `attribute_exists(${own.name(hash.name)})`;
    return condition.kind === "and" ? atom(exists) : compound(`${exists} AND NOT ${exists}`);
  }
  if (others.length === 0) return parse(only, own, hash);
  const word = condition.kind === "and" ? " AND " : " OR ";
  const pieces = condition.parts.flatMap((part, i) => [...(i === 0 ? [] : [word]), ...inParentheses(parse(part, own, hash))]);
  return { pieces, isCompound: true };
}

function inParentheses({ pieces, isCompound }: Part): Piece[] {
  return isCompound ? ["(", ...pieces, ")"] : pieces;
}

const comparisons: Readonly<Record<string, string>> = { eq: "=", gt: ">", ge: ">=", lt: "<", le: "<=" };

function parseTest(test: Test, own: Placeholders): Part {
  const { column, op, slots } = test;
  const name = own.name(column.name);
  const encode = column.kind === "list" && op !== "same" ? elementOf(column) : (value: Value) => toAttribute(column, value);
  const value = (i: number): string => own.value(slots[i]!, encode);
  const exists = `attribute_exists(${name})`;
  const comparison = comparisons[op];
  if (comparison !== undefined) return atom(`${name} ${comparison} ${value(0)}`);
  switch (op) {
    case "same":
      return {
        pieces: [{ slot: slots[0]!, present: `${name} = ${value(0)}`, absent: `attribute_not_exists(${name})` }],
        isCompound: false,
      };
    case "null":
      return atom(`attribute_not_exists(${name})`);
    case "not_null":
      return atom(exists);
    case "ne":
      return compound(`${exists} AND ${name} <> ${value(0)}`);
    // Two comparisons, since the service refuses a BETWEEN whose bounds are the wrong way round.
    case "between":
      return compound(`${name} >= ${value(0)} AND ${name} <= ${value(1)}`);
    case "not_between":
      return compound(`${name} < ${value(0)} OR ${name} > ${value(1)}`);
    case "in": {
      const lists = inLists(name, slots, value);
      return { pieces: [lists.join(" OR ")], isCompound: lists.length > 1 };
    }
    case "not_in":
      return compound([exists, ...inLists(name, slots, value).map((list) => `NOT ${list}`)].join(" AND "));
    case "begins_with":
      return atom(`begins_with(${name}, ${value(0)})`);
    case "not_begins_with":
      return compound(`${exists} AND NOT begins_with(${name}, ${value(0)})`);
    case "contains":
      return atom(`contains(${name}, ${value(0)})`);
    case "not_contains":
      return compound(`${exists} AND NOT contains(${name}, ${value(0)})`);
    default:
      throw new DbError("internal", `the operator ${op} is not claimed`, { column: column.name });
  }
}

function elementOf(column: Column): (value: Value) => AttributeValue {
  return (value) => toElement(column, value);
}

function inLists(name: string, slots: readonly Slot[], value: (i: number) => string): string[] {
  const lists: string[] = [];
  for (let start = 0; start < slots.length; start += maxInOperands) {
    const members = slots.slice(start, start + maxInOperands).map((_, i) => value(start + i));
    lists.push(`${name} IN (${members.join(", ")})`);
  }
  return lists;
}

/** Joins neighboring texts, so that a condition without places that depend on values is one text. */
export function joinPieces(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (typeof piece === "string" && typeof last === "string") joined[joined.length - 1] = last + piece;
    else joined.push(piece);
  }
  return joined;
}

export function renderPieces(pieces: readonly Piece[], values: Values | undefined): string {
  let text = "";
  for (const piece of pieces) {
    if (typeof piece === "string") text += piece;
    else text += values !== undefined && (values[piece.slot] ?? null) === null ? piece.absent : piece.present;
  }
  return text;
}

// Names of attributes and values are placeholders, so that no other word is an operator.
const operators = /\b(?:AND|OR|NOT|IN|attribute_exists|attribute_not_exists|begins_with|contains)\b|[<>=]+/g;

/** What a condition costs of an expression: its text and the operators in it, at most. */
export function costOf(condition: Condition, hash: Column): Cost {
  const own = new Placeholders("long");
  const text = conditionPieces(condition, own, hash)
    .map((piece) => (typeof piece === "string" ? piece : longer(piece.present, piece.absent)))
    .join("");
  return { bytes: text.length, operators: text.match(operators)?.length ?? 0 };
}

function longer(a: string, b: string): string {
  return a.length > b.length ? a : b;
}

/** The part of a filter that one expression can say, and the rest, which is tested on the rows that come back. */
export function splitFilter(filter: Condition, hash: Column): { readonly native: Condition; readonly rest: Condition } {
  const native: Condition[] = [];
  const rest: Condition[] = [];
  let used: Cost = { bytes: 0, operators: 0 };
  for (const part of conjuncts(filter)) {
    const own = costOf(part, hash);
    const sum = { bytes: used.bytes + own.bytes + " AND ()".length, operators: used.operators + own.operators + 1 };
    if (mostOfExpression.fits(sum)) {
      native.push(part);
      used = sum;
    } else rest.push(part);
  }
  return { native: allOf(native), rest: allOf(rest) };
}

/** A condition of a write, as a part of its request. */
export interface ConditionInput {
  ConditionExpression: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Item;
}

type WithExpressions = { readonly ExpressionAttributeNames?: Record<string, string>; readonly ExpressionAttributeValues?: Item };

/** Joins two parts of a request whose placeholders have different tags. */
export function mergeInputs<A extends WithExpressions, B extends WithExpressions>(a: A, b: B): A & B {
  const values = { ...a.ExpressionAttributeValues, ...b.ExpressionAttributeValues };
  return {
    ...a,
    ...b,
    ExpressionAttributeNames: { ...a.ExpressionAttributeNames, ...b.ExpressionAttributeNames },
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  };
}
