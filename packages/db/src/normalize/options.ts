// The options of calls: unknown or mistyped options are rejected rather than ignored.

import { invalid } from "../errors.js";
import { isPlainObject } from "../schema/plain-object.js";

const common = ["signal", "timeoutMs", "pool", "group"];
const optionsOf = {
  get: new Set([...common, "select", "include", "consistent", "deleted", "cached"]),
  list: new Set([...common, "select", "include", "consistent", "deleted", "cached"]),
  select: new Set([...common, "select", "include", "consistent", "ops", "sort", "desc", "count", "start", "scan", "deleted"]),
  search: new Set([...common, "select", "include", "sort", "desc", "count", "start", "filter", "ops", "highlight", "deleted"]),
  near: new Set([...common, "filter", "column", "select", "include", "consistent", "ops", "count", "start", "scan", "deleted"]),
  count: new Set([...common, "consistent", "ops", "scan", "all", "deleted"]),
  aggregate: new Set([
    ...common,
    "by",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "sort",
    "desc",
    "limit",
    "start",
    "ops",
    "scan",
    "consistent",
    "deleted",
  ]),
  scan: new Set([
    ...common,
    "select",
    "include",
    "consistent",
    "ops",
    "sort",
    "desc",
    "count",
    "start",
    "limit",
    "total",
    "onProgress",
    "deleted",
  ]),
  add: new Set([...common, "returning", "keepNow", "checkRefs", "deleted"]),
  put: new Set([...common, "returning", "keepNow", "checkRefs", "deleted"]),
  update: new Set([...common, "returning", "keepNow", "checkRefs", "where", "ops", "upsert", "mustMatch", "deleted"]),
  incr: new Set([...common, "returning", "keepNow", "checkRefs", "where", "ops", "mustMatch", "deleted"]),
  del: new Set([...common, "returning", "where", "mustMatch", "deleted"]),
  updateAll: new Set([...common, "ops", "filterOps", "all", "scan", "deleted"]),
  delAll: new Set([...common, "filterOps", "all", "scan", "deleted"]),
} as const;

/** The calls that are not on one table. */
const otherOptions = {
  bulk: new Set([...common, "atomic", "checkRefs"]),
  transaction: new Set(["pool", "isolation", "attempts", "signal", "timeoutMs"]),
  copy: new Set(["from", "to", "tables", "count", "total", "resume", "onProgress", "onRowError", "signal", "timeoutMs"]),
  sync: new Set(["pool", "dryRun", "backfill", "count", "resume", "onProgress", "signal", "timeoutMs"]),
  sweep: new Set(["pool", "tables", "signal", "timeoutMs"]),
  native: new Set(["signal", "timeoutMs"]),
  drop: new Set(["pool", "signal", "timeoutMs"]),
  forget: new Set(["pool"]),
};

/** What is wrong with an option of a call on a table; undefined when nothing is. */
export function checkOptions(verb: keyof typeof optionsOf, options: object): string | undefined {
  return problemOf(verb, optionsOf[verb], options);
}

function problemOf(verb: string, known: ReadonlySet<string>, options: object): string | undefined {
  const names = Object.keys(options);
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (!known.has(name)) return `unknown option ${JSON.stringify(name.slice(0, 50))}; ${verb} takes ${[...known].join(", ")}`;
    if (value === undefined) continue;
    const wanted = wantedValue(name, value);
    if (wanted !== undefined) return `the option ${name} must be ${wanted}`;
  }
  return undefined;
}

const flags: ReadonlySet<string> = new Set([
  "group",
  "consistent",
  "desc",
  "scan",
  "all",
  "upsert",
  "mustMatch",
  "keepNow",
  "checkRefs",
  "atomic",
  "dryRun",
  "total",
  "highlight",
  "deleted",
  "cached",
]);
const strings: ReadonlySet<string> = new Set(["start", "pool", "from", "to", "column"]);

const functions: ReadonlySet<string> = new Set(["onProgress", "onRowError"]);

function isBackfill(value: unknown): boolean {
  return typeof value === "boolean" || (Array.isArray(value) && value.every((name) => typeof name === "string"));
}

function isResumePoint(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const { table, start, done } = value;
  return typeof table === "string" && ["string", "undefined"].includes(typeof start) && ["boolean", "undefined"].includes(typeof done);
}

/** What the value of an option must be, where it is something else; the options that the stages check themselves are not here. */
function wantedValue(name: string, value: unknown): string | undefined {
  if (flags.has(name)) return typeof value === "boolean" ? undefined : "true or false";
  if (strings.has(name)) return typeof value === "string" ? undefined : "a string";
  if (name === "returning") return value === "new" || value === "old" ? undefined : '"new" or "old"';
  if (name === "isolation") return value === "default" || value === "serializable" ? undefined : '"default" or "serializable"';
  if (name === "attempts") return Number.isSafeInteger(value) && (value as number) > 0 ? undefined : "an integer from 1";
  if (name === "timeoutMs") return isTimeout(value) ? undefined : "a number of milliseconds above 0 and below 2^31";
  if (functions.has(name)) return typeof value === "function" ? undefined : "a function";
  if (name === "resume") return isResumePoint(value) ? undefined : "the resume of a progress report";
  if (name === "backfill") return isBackfill(value) ? undefined : "true, false or a list of table.column";
  if (name === "signal") return value instanceof AbortSignal ? undefined : "an AbortSignal";
  return undefined;
}

/** @throws DbError `invalid` for an option that a call on the whole database does not have, or with a wrong value */
export function checkOtherOptions(verb: keyof typeof otherOptions, options: unknown): void {
  if (typeof options !== "object" || options === null) throw invalid(`${verb}: the options must be an object`, { op: verb });
  const problem = problemOf(verb, otherOptions[verb], options);
  if (problem !== undefined) throw invalid(`${verb}: ${problem}`, { op: verb });
}

/** Whether a value is a time limit that timers can keep. */
export function isTimeout(value: unknown): boolean {
  return typeof value === "number" && value > 0 && value <= 2 ** 31 - 1;
}
