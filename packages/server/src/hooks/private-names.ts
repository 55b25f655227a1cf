// What hooks may not put into replies: the clean-up of columns once more, behind them.

import { authTables } from "@bk/auth";
import type { TableDefinitions } from "@bk/db";

import { type ServedTable, servedTables } from "../data/served-table.js";

export type IsPrivate = (name: string) => boolean;

/** Names of columns that nobody sees, of logins and of whatever table. */
export function secretNames(tables: TableDefinitions): ReadonlySet<string> {
  const all = [...servedTables({ ...tables, bk_auth: authTables.bk_auth }).values()].flatMap(({ columns }) => [...columns.values()]);
  return new Set(all.filter(({ definition: { secure, hidden } }) => secure === true || hidden === true).map(({ name }) => name));
}

/**
 * Whether a name may not be put into a row: secrets of any table, and for others than admins what of the row's own table is not for everybody.
 *
 * @param table  whose rows they are, where it is known
 */
export function privateNames(secrets: ReadonlySet<string>, table: ServedTable | undefined, isAdmin: boolean): IsPrivate {
  if (isAdmin || table === undefined) return (name) => secrets.has(name);
  const { columns, settings } = table;
  return (name) => {
    const column = columns.get(name);
    if (secrets.has(name)) return true;
    return column === undefined ? settings.open === true : column.definition.pub !== true;
  };
}

/**
 * Remembers what objects have, so that what is put in later is found.
 *
 * @returns  takes out what is private and was not there; gives the names
 */
export function cleaner(rows: readonly object[], isPrivate: IsPrivate): () => ReadonlySet<string> {
  const before = new Map<object, ReadonlySet<string>>();
  eachObject(rows, (object) => void before.set(object, new Set(Object.keys(object).filter(isPrivate))));
  return () => {
    const taken = new Set<string>();
    eachObject(rows, (object) => {
      for (const name of Object.keys(object)) {
        if (!isPrivate(name) || before.get(object)?.has(name) === true) continue;
        delete (object as Record<string, unknown>)[name];
        taken.add(name);
      }
    });
    return taken;
  };
}

/** Visits every object once, the outer ones first; lists are looked into. */
function eachObject(value: unknown, visit: (object: object) => void, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (!Array.isArray(value)) visit(value);
  for (const inner of Object.values(value)) eachObject(inner, visit, seen);
}
