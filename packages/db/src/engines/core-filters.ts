// What the core's own matcher and changes can do: the claims of engines that evaluate with them.

import type { Capabilities, ChangeOp } from "../driver.js";
import type { Kind } from "../schema/table.js";
import { type Operator, operators } from "../schema/operators.js";

/** The kinds whose values have an order. */
export const scalarKinds = ["text", "int", "int64", "real", "decimal", "bool", "time"] as const satisfies readonly Kind[];

/** The operators by groups, as drivers claim them. */
export const presence: readonly Operator[] = ["null", "not_null"];
export const equality: readonly Operator[] = ["eq", "ne", "in", "not_in", ...presence];
export const ordered: readonly Operator[] = [...equality, "gt", "ge", "lt", "le", "between", "not_between"];

const ofTextAlone: ReadonlySet<Operator> = new Set(operators.filter((op) => /with|contains|like|regexp/.test(op)));
const ofScalars: readonly Operator[] = operators.filter((op) => !ofTextAlone.has(op));

/** Every operator of every kind. */
export const allFilters: Capabilities["filters"] = {
  ...Object.fromEntries(scalarKinds.map((kind) => [kind, ofScalars])),
  text: operators,
  json: presence,
  list: [...presence, "contains", "not_contains"],
  blob: presence,
};

/** Reads of one store that answers from what it has written last. */
export const seesAlways: Capabilities["sees"] = { get: "always", select: "always", index: "always" };

const ofNumbers: readonly ChangeOp[] = ["incr", "unset"];

/** Every change of every kind; sums of decimals are left to the core. */
export const allChanges: Capabilities["changes"] = {
  text: ["append", "prepend", "unset"],
  int: ofNumbers,
  int64: ofNumbers,
  real: ofNumbers,
  decimal: ["unset"],
  bool: ["unset"],
  time: ["unset"],
  json: ["unset"],
  list: ["append", "prepend", "add", "del", "unset"],
  blob: ["unset"],
};
