import type { Capabilities, Codec, KindOps } from "../../driver.js";
import { equality, ordered, presence } from "../../engines/core-filters.js";
import { plainCodec } from "../../engines/plain-codec.js";

const filters: KindOps = {
  text: [...ordered, "begins_with", "not_begins_with", "contains", "not_contains"],
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

/** Texts compare by their UTF-8 bytes, which is by code point; numbers exactly, with 38 digits. */
export const capabilities: Capabilities = Object.freeze({
  access: "partition",
  indexOrder: true,
  filters,
  guards: filters,
  versions: true,
  filterScope: "any",
  or: true,
  related: false,
  sorts: [],
  changes: {
    text: ["unset"],
    int: ["incr", "unset"],
    int64: ["incr", "unset"],
    // Reals are kept as texts (attributes.ts), so the core adds them up.
    real: ["unset"],
    decimal: ["unset"],
    bool: ["unset"],
    time: ["unset"],
    json: ["unset"],
    list: ["append", "prepend", "unset"],
    blob: ["unset"],
  },
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  byFilter: false,
  aggregates: { count: true, of: {}, by: [] },
  transactions: "batch",
  afterRefusal: "goes on",
  savepoints: false,
  // The service's limits: items of a transaction, and rows of a BatchWriteItem, so that a group of puts is one request.
  atomic: { rows: 100, within: "database" },
  group: { get: { most: 1000, outcome: "whole" }, put: { most: 25, outcome: "each" } },
  search: false,
  unique: "engine",
  sees: { get: "asked", select: "asked", index: "late" },
  paging: "position",
  ttl: true,
  limits: { tests: 400, values: 16_384, rowBytes: 400 * 1024 },
  schema: true,
  watch: "none",
} satisfies Capabilities);

export const codec: Codec = plainCodec;
