import type { Operator } from "../../schema/operators.js";
import type { Capabilities, Codec } from "../../driver.js";

const presence: readonly Operator[] = ["null", "not_null"];
const equality: readonly Operator[] = ["eq", "ne", "in", "not_in", ...presence];
const ordered: readonly Operator[] = [...equality, "gt", "ge", "lt", "le", "between", "not_between"];

/** Texts compare by their UTF-8 bytes, which is by code point; numbers exactly, with 38 digits. */
export const capabilities: Capabilities = Object.freeze({
  access: "partition",
  filters: {
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
  },
  or: true,
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
  count: true,
  transactions: "batch",
  // The service's limits: items of a transaction, and rows of a BatchWriteItem, so that a group of puts is one request.
  batchRows: 100,
  group: { get: 1000, put: 25 },
  search: false,
  unique: true,
  consistent: true,
  ttl: true,
  maxRowBytes: 400 * 1024,
  schema: true,
} satisfies Capabilities);

export const codec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "bigint",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "text",
  list: "value",
  blob: "bytes",
});
