// What a caller may see and do of a table's rows, as a scope of the database.

import type { Relating } from "./filter.js";
import type { ServedCalls } from "./served-db.js";
import { type Caller, type Reach, reachOf, type ServedTable } from "./served-table.js";

/** How many scopes are kept for the calls of a database; beyond, all are forgotten. */
const mostKept = 1_000;
const kept = new WeakMap<ServedCalls, Map<string, ServedCalls>>();

/** The scope that was made before for the same calls and key, or a new one: callers come back. The id, in which anything may stand, ends a key. */
function scopeOf(calls: ServedCalls, key: string, make: () => ServedCalls): ServedCalls {
  let scopes = kept.get(calls);
  if (scopes === undefined) kept.set(calls, (scopes = new Map()));
  let scope = scopes.get(key);
  if (scope === undefined) {
    if (scopes.size >= mostKept) scopes.clear();
    scopes.set(key, (scope = make()));
  }
  return scope;
}

/** The calls on a table within what a caller reaches; page tokens are good for that account. */
export function reading<Calls extends ServedCalls>(calls: Calls, table: ServedTable, caller: Caller, reach: Reach): Calls {
  return scopeOf(calls, `read ${table.name} ${reach} ${caller.id}`, () => {
    const own = reach === "own" ? { where: { [table.owner!]: caller.id } } : {};
    // What is included of other tables is bounded by the server.
    return calls.scope({ [table.name]: own, "*": {} }, { tokensOf: caller.id });
  }) as Calls;
}

/** As `reading`, where the filter asks of rows of other tables: of those where others are not seen there are the caller's own alone. */
export function readingRelated<Calls extends ServedCalls>(calls: Calls, table: ServedTable, relating: Relating, reach: Reach): Calls {
  const { caller, tables } = relating;
  return scopeOf(calls, `related ${table.name} ${reach} ${caller.id}`, () => {
    const own = reach === "own" ? { where: { [table.owner!]: caller.id } } : {};
    return calls.scope({ ...seenRows(tables, caller), [table.name]: own, "*": {} }, { tokensOf: caller.id });
  }) as Calls;
}

/** The scopes of the tables of which a caller sees their own rows alone. */
function seenRows(tables: ReadonlyMap<string, ServedTable>, caller: Caller): Record<string, object> {
  const own = [...tables.values()].filter((table) => reachOf(table, caller) === "own");
  return Object.fromEntries(own.map(({ name, owner }) => [name, { where: { [owner!]: caller.id } }]));
}

/**
 * The calls by which a caller writes: an admin every row, others their own, and of these not what admins set.
 *
 * @param referring  the tables, where rows are looked for that the written row refers to: those that the caller may see
 */
export function writing(
  calls: ServedCalls,
  table: ServedTable,
  caller: Caller,
  reach: Reach,
  referring?: ReadonlyMap<string, ServedTable>,
): ServedCalls {
  if (reach === "all") return calls;
  return scopeOf(calls, `${referring === undefined ? "write" : "refer"} ${table.name} ${caller.id}`, () => {
    const own = { [table.owner!]: caller.id };
    const update = table.adminSets.size === 0 ? {} : { update: ownSets(table) };
    const others = referring === undefined ? {} : { ...seenRows(referring, caller), "*": {} };
    return calls.scope({ ...others, [table.name]: { where: own, set: own, ...update } });
  });
}

function ownSets({ columns, adminSets, settings }: ServedTable): string[] {
  const names = [...columns.keys()].filter((name) => !adminSets.has(name));
  return settings.open === true ? [...names, "*"] : names;
}
