// The options of calls: a misspelled or mistyped one is refused, so that nothing is done in another way than was meant.

import type { BoundTable } from "../compile/bound-table.js";
import { invalid } from "../errors.js";
import type { HookVerb } from "../calls/hooks.js";
import type { Pool } from "../execute/pool.js";

const common = ["signal", "timeoutMs", "pool", "group"];
const optionsOf: { readonly [verb in HookVerb | "scan"]: ReadonlySet<string> } = {
  get: new Set([...common, "select", "consistent"]),
  list: new Set([...common, "select", "consistent"]),
  select: new Set([...common, "select", "consistent", "ops", "sort", "desc", "count", "start", "scan", "scope"]),
  search: new Set([...common, "select", "sort", "desc", "count", "start", "filter", "ops", "scope"]),
  count: new Set([...common, "consistent", "ops", "scan", "all"]),
  scan: new Set([...common, "select", "consistent", "ops", "sort", "desc", "count", "start", "limit"]),
  add: new Set([...common, "returning", "keepNow"]),
  put: new Set([...common, "returning", "keepNow"]),
  update: new Set([...common, "returning", "keepNow", "where", "ops", "upsert", "mustMatch"]),
  incr: new Set([...common, "returning", "keepNow", "where", "ops", "mustMatch"]),
  del: new Set([...common, "returning", "where", "mustMatch"]),
  updateAll: new Set([...common, "ops", "filterOps", "all", "scan"]),
  delAll: new Set([...common, "filterOps", "all", "scan"]),
};

/** The calls that are not on one table. */
const otherOptions = {
  bulk: new Set([...common, "atomic"]),
  transaction: new Set(["pool", "isolation", "attempts", "signal"]),
  copy: new Set(["from", "to", "tables", "count", "resume", "onProgress", "signal", "timeoutMs"]),
  sync: new Set(["pool", "dryRun", "signal", "timeoutMs"]),
  native: new Set(["signal"]),
};

/** @throws DbError `invalid` for an option that a call on a table does not have, or with a wrong value */
export function checkOptions(pool: Pool, bound: BoundTable, verb: HookVerb | "scan", options: object): void {
  const problem = problemOf(verb, optionsOf[verb], options);
  if (problem !== undefined) throw pool.error(invalid(problem), { verb, table: bound.table });
}

function problemOf(verb: string, known: ReadonlySet<string>, options: object): string | undefined {
  for (const [name, value] of Object.entries(options)) {
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
  "atomic",
  "dryRun",
]);
const texts: ReadonlySet<string> = new Set(["start", "scope", "pool", "from", "to"]);

/** What the value of an option must be, where it is something else; the options that the stages check themselves are not here. */
function wantedValue(name: string, value: unknown): string | undefined {
  if (flags.has(name)) return typeof value === "boolean" ? undefined : "true or false";
  if (texts.has(name)) return typeof value === "string" ? undefined : "a text";
  if (name === "returning") return value === "new" || value === "old" ? undefined : '"new" or "old"';
  if (name === "isolation") return value === "default" || value === "serializable" ? undefined : '"default" or "serializable"';
  if (name === "attempts") return Number.isSafeInteger(value) && (value as number) > 0 ? undefined : "an integer from 1";
  if (name === "signal") return value instanceof AbortSignal ? undefined : "an AbortSignal";
  return undefined;
}

/** @throws DbError `invalid` for an option that a call on the whole database does not have, or with a wrong value */
export function checkOtherOptions(verb: keyof typeof otherOptions, options: unknown): void {
  if (typeof options !== "object" || options === null) throw invalid(`${verb}: the options must be an object`, { op: verb });
  const problem = problemOf(verb, otherOptions[verb], options);
  if (problem !== undefined) throw invalid(`${verb}: ${problem}`, { op: verb });
}
