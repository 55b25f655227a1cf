import { ordered, presence, scalarKinds, seesAlways } from "../../engines/core-filters.js";
import { plainCodec } from "../../engines/plain-codec.js";
import type { Capabilities, ChangeOp, Codec, KindOps } from "../../driver.js";
import type { Operator } from "../../schema/operators.js";

const parts: readonly Operator[] = ["begins_with", "not_begins_with", "ends_with", "not_ends_with", "contains", "not_contains"];

/** Texts compare by their UTF-8 bytes, which is by code point. Folding and regular expressions are JavaScript's. */
const filters: KindOps = {
  text: [...ordered, ...parts, "like", "not_like"],
  int: ordered,
  int64: ordered,
  real: ordered,
  decimal: ordered,
  bool: ordered,
  time: ordered,
  json: presence,
  list: [...presence, "contains", "not_contains"],
  blob: presence,
};

const ofNumbers: readonly ChangeOp[] = ["incr", "unset"];
const ofOthers: readonly ChangeOp[] = ["unset"];

const ends = ["min", "max"] as const;
const ofValues = ["count", ...ends] as const;
const ofIntegers = ["count", "sum", ...ends] as const;

/** Of a server that stands alone; a replica set and a sharded cluster have transactions besides. */
export const capabilities: Capabilities = Object.freeze({
  access: "any",
  indexOrder: true,
  filters,
  guards: filters,
  versions: false,
  filterScope: "any",
  or: true,
  related: false,
  sorts: scalarKinds,
  changes: {
    // What is joined with a stored text needs updates by pipelines; the core computes it.
    text: ofOthers,
    int: ofNumbers,
    int64: ofNumbers,
    real: ofNumbers,
    // A sum is rounded to 34 digits without a word; the core refuses one that has more.
    decimal: ofOthers,
    bool: ofOthers,
    time: ofOthers,
    json: ofOthers,
    list: ["append", "prepend", "unset"],
    blob: ofOthers,
  },
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  byFilter: true,
  aggregates: {
    count: true,
    // Sums of integers are added up with 34 digits. Those of decimals may have more.
    of: { text: ends, int: ofIntegers, int64: ofIntegers, real: ofValues, decimal: ofValues, bool: ends, time: ends },
    by: scalarKinds,
  },
  transactions: "none",
  afterRefusal: "ends",
  savepoints: false,
  atomic: undefined,
  // A command is a document, and takes 16 MB with its names and numbers.
  group: { get: { most: 1000, outcome: "whole" }, put: { most: 1000, bytes: 4 * 1024 * 1024, outcome: "each" } },
  search: false,
  unique: "engine",
  sees: seesAlways,
  paging: "position",
  ttl: true,
  limits: { tests: 400, rowBytes: 16 * 1024 * 1024 },
  schema: true,
  watch: "none",
} satisfies Capabilities);

export const codec: Codec = plainCodec;
