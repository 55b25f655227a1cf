// What every SQL engine evaluates and changes itself, exactly as the core does; a driver adds what its engine has besides.

import { scalarKinds, seesAlways } from "../core-filters.js";
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

const ends = ["min", "max"] as const;
const ofValues = ["count", ...ends] as const;
const ofIntegers = ["count", "sum", ...ends] as const;

/** What every SQL engine computes exactly; those that sum decimals add that. */
export const sqlAggregates = {
  count: true,
  of: { text: ends, int: ofIntegers, int64: ofIntegers, real: ofValues, decimal: ofValues, bool: ends, time: ends },
  by: scalarKinds,
} as const satisfies Capabilities["aggregates"];

/** The same with sums of decimals. */
export const withDecimalSums = {
  ...sqlAggregates,
  of: { ...sqlAggregates.of, decimal: ofIntegers },
} as const satisfies Capabilities["aggregates"];

/** What every SQL engine here has in common beside. */
export const sqlCommon = {
  access: "any",
  indexOrder: true,
  versions: false,
  filterScope: "any",
  or: true,
  related: true,
  byFilter: true,
  aggregates: sqlAggregates,
  transactions: "interactive",
  afterRefusal: "goes on",
  savepoints: true,
  atomic: undefined,
  search: true,
  unique: "engine",
  sees: seesAlways,
  paging: "position",
  ttl: false,
  schema: true,
  watch: "none",
} as const satisfies Partial<Capabilities>;

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
