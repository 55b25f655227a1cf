// The writing calls: add, put, update, incr and del, each guarded so that nobody changes rows of others.

import { isDeepStrictEqual } from "node:util";

import { DbError } from "@bk/db";

import { alreadyExists, forbidden, HttpError } from "../error-response.js";
import { fieldsOf, type Fields } from "../request/fields.js";
import type { Controls, DataCall } from "./controls.js";
import { filterOf } from "./filter.js";
import { type Asked, show } from "./reads.js";
import { keyIn, keyOf, operationsOf, ownerIsInKey, rowOf, valueIn, withOwner } from "./row.js";
import { writing } from "./scope.js";
import type { Row, ServedCalls, ServedDb, WriteResult } from "./served-db.js";
import { type Reach, reachOf, refersTo, seenBy, type ServedColumn, type ServedTable } from "./served-table.js";

export type WriteCall = Extract<DataCall, "add" | "put" | "update" | "incr" | "del">;
export const writeCalls: readonly WriteCall[] = ["add", "put", "update", "incr", "del"];

/** Runs `work` so that what it reads and writes takes effect together: in a transaction, or in the one that it is in already. */
export type Together = <T>(work: (calls: ServedCalls) => Promise<T>) => Promise<T>;

/** In a transaction of its own, as if no other ran at the same time. */
export function togetherIn(db: ServedDb): Together {
  return (work) => db.transaction(work, { isolation: "serializable" });
}

interface Write extends Asked {
  readonly reach: Reach;
  /** The calls on every row. */
  readonly all: ServedCalls;
  readonly together: Together;
}

/**
 * Carries out one write.
 *
 * @throws HttpError 403 where the caller may not write the table, the column or the row
 */
export async function write(db: ServedCalls, call: WriteCall, asked: Asked, together: Together): Promise<WriteResult> {
  const reach = reachOf(asked.table, asked.caller);
  if (reach === "public" || reach === "none") throw forbidden(`${asked.table.name} is written by admins only`);
  const referring = asked.controls._checkRefs === true ? asked.tables : undefined;
  if (referring !== undefined) requireReferable(asked, reach);
  const within = (calls: ServedCalls): ServedCalls => writing(calls, asked.table, asked.caller, reach, referring);
  const own: Write = { ...asked, reach, together: (work) => together((calls) => work(within(calls))), all: db };
  const result = await writes[call](within(db), own).catch((error: unknown) => {
    // The owner column is looked at before: what is left is the row of another that has the key.
    const isOthers = error instanceof DbError && error.code === "denied" && error.detail?.["by"] === "scope" && error.column === undefined;
    throw isOthers ? othersRow(asked.table, reach) : error;
  });
  if (result.row === undefined) return { affected: result.affected };
  const row = show(asked, reach, result.row);
  return row === undefined ? { affected: result.affected } : { affected: result.affected, row };
}

/** Refuses to look for rows of which the caller must not learn whether they are there. */
function requireReferable({ table, tables, caller, fields }: Asked, reach: Reach): void {
  for (const { table: to, columns } of table.references) {
    const given = columns.find((column) => fields.has(column));
    if (given === undefined) continue;
    if (!refersTo(tables.get(to)!, caller)) throw forbidden(`${to} is not open to this account, so _checkRefs cannot look there`, given);
    // What may be written of the table is less than what may be referred to.
    if (to === table.name && reach === "mixed")
      throw new HttpError("unsupported", `_checkRefs: ${given} refers to ${to} itself, of which this account writes its own rows alone`, {
        field: given,
      });
  }
}

const writes: { readonly [Call in WriteCall]: (db: ServedCalls, write: Write) => Promise<WriteResult> } = {
  async add(db, { table, caller, fields, controls, reach, limits }) {
    const row = withOwner(table, rowOf({ table, reach, limits }, fields), caller, reach, true);
    return db.add(table.name, row, returning(controls));
  },

  async put(db, asked) {
    const { table, caller, fields, controls, reach, limits } = asked;
    const row = withOwner(table, rowOf({ table, reach, limits }, fields), caller, reach, true);
    return db.put(table.name, row, returning(controls));
  },

  async update(db, asked) {
    const { table, caller, fields, controls, reach, limits } = asked;
    const given = rowOf({ table, reach, limits }, fields);
    const { _ops, _upsert: upsert } = controls;
    const ops = _ops === undefined ? undefined : operationsOf(table, given, _ops, reach);
    const fillsOwner = upsert === true || ownerIsInKey(table) || valueIn(given, table.owner ?? "") !== undefined;
    const row = fillsOwner ? withOwner(table, given, caller, reach) : given;
    const options = { ...guarded(asked), ...(ops === undefined ? {} : { ops }), ...(upsert === undefined ? {} : { upsert }) };
    return onOwnRow(asked, row, () => db.update(table.name, row, options));
  },

  async incr(db, asked) {
    const { table, caller, fields, reach, limits } = asked;
    const row = withOwner(table, rowOf({ table, reach, limits }, fields), caller, reach);
    // A sum that is refused would tell what was there before.
    for (const name of Object.keys(row))
      if (table.columns.get(name)?.definition.secure)
        throw forbidden(`${table.name}: column ${name} is secure; it is set by update as a whole`, name);
    return onOwnRow(asked, row, () => db.incr(table.name, row, guarded(asked)));
  },

  async del(db, asked) {
    const { table, caller, fields, reach, limits, together } = asked;
    const given = keyOf({ table, reach, limits }, fields);
    const key = ownerIsInKey(table) ? withOwner(table, given, caller, reach) : given;
    const options = guarded(asked);
    if (reach === "all" || adminColumns(table).length === 0) return onOwnRow(asked, key, () => db.del(table.name, key, options));
    return together((calls) =>
      onOwnRow(asked, key, async () => {
        const { affected, row } = await calls.del(table.name, key, { ...options, returning: "old" });
        if (row !== undefined) refuseForgetting(table, row);
        return row === undefined || asked.controls._returning !== "old" ? { affected } : { affected, row };
      }),
    );
  },
};

function returning({ _returning, _checkRefs }: Controls): Row {
  return {
    ...(_returning === undefined ? {} : { returning: _returning }),
    ...(_checkRefs === undefined ? {} : { checkRefs: _checkRefs }),
  };
}

/** The columns that admins alone set, but for those that say which row it is and whose. */
function adminColumns(table: ServedTable): readonly ServedColumn[] {
  if (table.adminSets.size === 0) return [];
  return [...table.columns.values()].filter(({ name }) => table.adminSets.has(name) && !table.keyNames.has(name) && name !== table.owner);
}

/** Types whose columns get values of their own. */
const selfMade: ReadonlySet<string> = new Set(["uuid", "tuuid", "now", "mtime", "random", "geohash"]);

/** Refuses to delete a row in which admins have set something: put again, it would be as if they never had. */
function refuseForgetting(table: ServedTable, row: Row): void {
  const set = adminColumns(table).find(({ name, type, definition }) => {
    const value = row[name] ?? null;
    const initial = definition.value ?? (type === "counter" ? 0 : null);
    return value !== null && !selfMade.has(type) && definition.join === undefined && !isDeepStrictEqual(value, initial);
  });
  if (set !== undefined) throw forbidden(`${table.name}: an admin has set columns of this row; it is deleted by admins only`);
}

/** Options of calls that take a guard: the caller's own `_where`, and for all but admins that the row is theirs. */
function guarded({ table, caller, controls, reach, limits }: Write): Row {
  const { _where, _mustMatch: mustMatch } = controls;
  const fields: Fields = fieldsOf(_where ?? {});
  const where = filterOf(table, fields, { seen: seenBy(table, reach), limits });
  if (reach !== "all") {
    if (valueIn(where, table.owner!) !== undefined && where[table.owner!] !== caller.id)
      throw forbidden(`${table.name}: _where names another owner`, "_where");
  }
  return {
    ...returning(controls),
    ...(Object.keys(where).length === 0 ? {} : { where }),
    ...(mustMatch === undefined ? {} : { mustMatch }),
  };
}

/** Runs a write of one row; where rows of others are seen in part, says that it is somebody else's where nothing was done for that. */
async function onOwnRow({ table, caller, reach, all }: Write, row: Row, work: () => Promise<WriteResult>): Promise<WriteResult> {
  if (reach !== "mixed" || ownerIsInKey(table)) return work();
  const isOthers = async (): Promise<boolean> => {
    const found = await all.get(table.name, keyIn(table, row), { select: [table.owner!] });
    return found !== undefined && found[table.owner!] !== caller.id;
  };
  try {
    const result = await work();
    if (result.affected > 0 || !(await isOthers())) return result;
  } catch (error) {
    // With a column it is a row that this one was to refer to.
    const isMissing = error instanceof DbError && error.code === "not-found" && error.column === undefined;
    if (!isMissing || !(await isOthers())) throw error;
  }
  throw othersRow(table, reach);
}

/**
 * The row that has the key is somebody else's. Where rows of others are not seen, no more is said than that the key is taken:
 * calls that make no row find none.
 */
function othersRow(table: ServedTable, reach: Reach): Error {
  if (reach !== "own") return forbidden(`${table.name}: the row belongs to another account`);
  return alreadyExists(`${table.name}: the key, or a value that must be unique, is taken`);
}
