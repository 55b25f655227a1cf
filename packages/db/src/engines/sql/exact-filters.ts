// What every SQL engine evaluates and changes itself, exactly as the core does; a driver adds what its engine has besides.

import { scalarKinds } from "../core-filters.js";
import type { Capabilities, ChangeOp } from "../../driver.js";

const equality = ["eq", "ne", "in", "not_in", "null", "not_null"] as const;
const ordered = [...equality, "gt", "ge", "lt", "le", "between", "not_between"] as const;
const parts = ["begins_with", "not_begins_with", "ends_with", "not_ends_with", "contains", "not_contains"] as const;
const presence = ["null", "not_null"] as const;

export const sqlFilters = {
  text: [...ordered, ...parts],
  int: ordered,
  int64: ordered,
  real: ordered,
  decimal: ordered,
  bool: ordered,
  time: ordered,
  json: presence,
  list: presence,
  blob: presence,
} as const satisfies Capabilities["filters"];

export const sqlSorts: Capabilities["sorts"] = scalarKinds;

const ofText: readonly ChangeOp[] = ["unset", "append", "prepend"];
const ofNumbers: readonly ChangeOp[] = ["unset", "incr"];
const ofOthers: readonly ChangeOp[] = ["unset"];

export const sqlChanges: Capabilities["changes"] = {
  text: ofText,
  int: ofNumbers,
  int64: ofNumbers,
  real: ofNumbers,
  decimal: ofOthers,
  bool: ofOthers,
  time: ofOthers,
  json: ofOthers,
  list: ofOthers,
  blob: ofOthers,
};
