// What a caller may see and do of a table's rows, as a scope of the database.

import type { Grants, Writing } from "@bk/auth/row-rules";

import type { ServedCalls } from "./served-db.js";
import type { Caller, ServedTable } from "./served-table.js";

/** Scopes by the calls that they are made of and by what is allowed within, which is kept for each account: callers come back. */
type Kept = WeakMap<ServedCalls, WeakMap<object, ServedCalls>>;
const kept: Readonly<Record<"read" | "related" | "write" | "refer", Kept>> = {
  read: new WeakMap(),
  related: new WeakMap(),
  write: new WeakMap(),
  refer: new WeakMap(),
};

function scopeOf(scopes: Kept, calls: ServedCalls, allowed: object, make: () => ServedCalls): ServedCalls {
  let own = scopes.get(calls);
  if (own === undefined) scopes.set(calls, (own = new WeakMap()));
  let scope = own.get(allowed);
  if (scope === undefined) own.set(allowed, (scope = make()));
  return scope;
}

/**
 * The calls on a table within what a caller reads; page tokens are good for that account.
 *
 * @param isRelated  rows of other tables are read along, or asked of: within what the caller reads of these
 */
export function reading<Calls extends ServedCalls>(
  calls: Calls,
  table: ServedTable,
  caller: Caller,
  read: Grants,
  isRelated: boolean,
): Calls {
  return scopeOf(isRelated ? kept.related : kept.read, calls, read, () =>
    calls.scope({ ...(isRelated ? rowsOf(caller) : {}), [table.name]: rowsIn(read) }, { tokensOf: caller.id }),
  ) as Calls;
}

/** The rows that a caller reads, by table. Which columns of them are shown is said row by row. */
function rowsOf({ rules }: Caller): Record<string, object> {
  return Object.fromEntries(
    rules.names.flatMap((name) => {
      const { read } = rules.table(name)!;
      return read === undefined ? [] : [[name, rowsIn(read)]];
    }),
  );
}

function rowsIn({ where }: Grants): object {
  return where === undefined ? {} : { where };
}

/**
 * The calls by which a caller writes.
 *
 * @param refers  rows are looked for that the written row refers to: those that the caller reads
 */
export function writing(calls: ServedCalls, table: ServedTable, caller: Caller, allowed: Writing, refers: boolean): ServedCalls {
  const { scope } = allowed;
  if (caller.isAdmin && !refers && Object.keys(scope).length === 0) return calls;
  return scopeOf(refers ? kept.refer : kept.write, calls, allowed, () =>
    calls.scope({ ...(refers ? rowsOf(caller) : {}), [table.name]: scope }),
  );
}
