import type { Capabilities, Codec, KindOps } from "../../driver.js";
import { equality, ordered, presence, scalarKinds } from "../../engines/core-filters.js";

const filters: KindOps = {
  text: [...ordered, "begins_with", "not_begins_with"],
  int: ordered,
  int64: ordered,
  real: ordered,
  decimal: ordered,
  time: ordered,
  bool: equality,
  json: presence,
  list: [...presence, "contains", "not_contains"],
  blob: presence,
};

const unset = ["unset"] as const;

/** Terms compare by their UTF-8 bytes, which is by code point; numbers as doubles or integers of 64 bits. */
export const capabilities: Capabilities = Object.freeze({
  access: "any",
  indexOrder: true,
  filters,
  guards: "version",
  versions: true,
  filterScope: "any",
  or: true,
  related: false,
  sorts: scalarKinds,
  changes: {
    text: unset,
    int: unset,
    int64: unset,
    real: unset,
    decimal: unset,
    bool: unset,
    time: unset,
    json: unset,
    list: unset,
    blob: unset,
  },
  upsert: true,
  returning: { put: "none", update: [], delete: "none" },
  // Updates and deletes by query stop in the middle where a row is changed by others.
  byFilter: false,
  aggregates: { count: true, of: {}, by: [] },
  transactions: "none",
  afterRefusal: "goes on",
  savepoints: false,
  atomic: undefined,
  group: {
    get: { most: 1000, outcome: "whole" },
    put: { most: 1000, bytes: 10_000_000, outcome: "each" },
    update: { most: 1000, bytes: 10_000_000, outcome: "each" },
    delete: { most: 1000, outcome: "each" },
  },
  search: true,
  unique: "claims",
  sees: { get: "always", select: "asked", index: "asked" },
  paging: "position",
  ttl: false,
  // A query takes 1,024 clauses, of which a test may be three, and 65,536 members of a list.
  limits: { tests: 200, values: 65_536 },
  schema: true,
  watch: "none",
} satisfies Capabilities);

/** JSON is kept as text: a change of a document would merge objects. */
export const codec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "text",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "text",
  list: "value",
  blob: "base64",
});
