// What an access path says of the sort key, as bounds of its attribute.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

import type { Test } from "../../reference/condition.js";
import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { encodeKey, encodeKeyPrefix, encodeKeyPresent, textAfterPrefix } from "../../schema/ordered-text.js";
import { compareText } from "../../schema/compare.js";
import type { Column } from "../../schema/table.js";
import { toAttribute } from "./attributes.js";
import { logicalOf } from "./layout.js";

export interface Bound {
  readonly value: AttributeValue;
  /** The bound itself does not belong to the range. */
  readonly isOpen: boolean;
}

export interface Bounds {
  readonly low: Bound | undefined;
  readonly high: Bound | undefined;
  /** The texts that begin with `low`. */
  readonly isPrefix?: boolean;
}

export const everything: Bounds = Object.freeze({ low: undefined, high: undefined });

/** The order of two values of a key attribute: texts by code point, numbers, which are integers. */
export function compareKeys(a: AttributeValue, b: AttributeValue): number {
  if (a.S !== undefined && b.S !== undefined) return compareText(a.S, b.S);
  const difference = BigInt(a.N!) - BigInt(b.N!);
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/**
 * Bounds in a text that encodes several columns. Texts in the store end in a character that no bound ends in, so none
 * is equal to a bound, and closed bounds do for open ones.
 */
export function textBounds(columns: readonly Column[], equal: Values, range: Test | undefined, values: Values): Bounds {
  const fixed = logicalOf(columns, equal);
  const text = (value: Value): string => encodeKey(columns, [...fixed, ...logicalOf([columns[equal.length]!], [value])]);
  if (range === undefined) {
    const prefix = encodeKey(columns, fixed);
    return between(prefix, after(prefix));
  }
  const present = encodeKeyPresent(columns, fixed);
  const [first = null, second = null] = range.slots.map((slot) => values[slot] ?? null);
  switch (range.op) {
    case "ge":
      return between(text(first), after(present));
    case "gt":
      return between(after(text(first)) ?? "", after(present));
    case "le":
      return between(present, after(text(first)));
    case "lt":
      return between(present, text(first));
    case "between":
      return between(text(first), after(text(second)));
    case "begins_with": {
      const prefix = encodeKeyPrefix(columns, fixed, first as string);
      return between(prefix, after(prefix));
    }
    default:
      throw notABound(range);
  }
}

function after(prefix: string): string | undefined {
  return prefix === "" ? undefined : textAfterPrefix(prefix);
}

function between(low: string, high: string | undefined): Bounds {
  return {
    low: low === "" ? undefined : { value: { S: low }, isOpen: false },
    high: high === undefined ? undefined : { value: { S: high }, isOpen: false },
  };
}

/** Bounds in the one range column itself; undefined when no row is within. */
export function plainBounds(column: Column, equal: Value | undefined, range: Test | undefined, values: Values): Bounds | undefined {
  if (equal !== undefined) {
    const value = toAttribute(column, equal)!;
    return value.S === "" ? undefined : { low: { value, isOpen: false }, high: { value, isOpen: false } };
  }
  if (range === undefined) return everything;
  const [first, second] = range.slots.map((slot) => toAttribute(column, values[slot]));
  if (first === undefined) throw notABound(range);
  const at = (value: AttributeValue, isOpen = false): Bound => ({ value, isOpen });
  // Every key comes after the empty text, which the service takes in no condition.
  const low = (isOpen: boolean): Bound | undefined => (first.S === "" ? undefined : at(first, isOpen));
  switch (range.op) {
    case "ge":
    case "gt":
      return { low: low(range.op === "gt"), high: undefined };
    case "le":
    case "lt":
      return first.S === "" ? undefined : { low: undefined, high: at(first, range.op === "lt") };
    case "between":
      return second === undefined || second.S === "" ? undefined : { low: low(false), high: at(second) };
    case "begins_with": {
      const upper = textAfterPrefix(first.S!);
      return first.S === ""
        ? everything
        : { low: at(first), high: upper === undefined ? undefined : at({ S: upper }, true), isPrefix: true };
    }
    default:
      throw notABound(range);
  }
}

function notABound({ op, column }: Test): DbError {
  return new DbError("internal", `${op} is no bound of a range`, { column: column.name });
}
