import type { Capabilities, Codec, KindOps } from "../../driver.js";
import { equality, ordered, presence, seesAlways } from "../../engines/core-filters.js";
import { plainCodec } from "../../engines/plain-codec.js";
import type { Operator } from "../../schema/operators.js";

/** What is not between two values is an *or*. */
const compared: readonly Operator[] = ordered.filter((op) => op !== "not_between");

/** What `IF` evaluates; its conditions are joined by *and* alone. */
const guards: KindOps = {
  text: [...compared, "begins_with"],
  int: compared,
  int64: compared,
  real: compared,
  decimal: compared,
  time: compared,
  bool: equality,
  json: presence,
  list: presence,
  blob: presence,
};

/** Most bytes of values that a statement may have: commitlog_segment_size, 32 MiB by default, takes half of it as one write. */
const statementBytes = 15 * 1024 * 1024;

export const capabilities: Capabilities = Object.freeze({
  access: "partition",
  indexOrder: false,
  // WHERE takes what the key or an index finds, and would look through whole tables for the rest (ALLOW FILTERING), within the
  // server's time for one read. The core looks through pages instead, each of which ends.
  filters: {},
  guards,
  versions: true,
  filterScope: "any",
  or: false,
  related: false,
  sorts: [],
  changes: {},
  upsert: false,
  returning: { put: "none", update: [], delete: "none" },
  byFilter: false,
  aggregates: { count: false, of: {}, by: [] },
  transactions: "batch",
  afterRefusal: "goes on",
  savepoints: false,
  atomic: { within: "partition" },
  group: {
    get: { most: 100, fewest: 16, outcome: "whole" },
    put: { most: 100, bytes: 1024 * 1024, outcome: "whole", within: "partition" },
  },
  search: false,
  unique: "claims",
  sees: seesAlways,
  paging: "position",
  ttl: false,
  limits: { tests: 400, values: 32_000, statementBytes, rowBytes: statementBytes },
  schema: true,
  watch: "none",
} satisfies Capabilities);

export const codec: Codec = plainCodec;
