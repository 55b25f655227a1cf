// The writing calls: add, put, update, incr and del, each guarded so that nobody changes rows of others.

import { isDeepStrictEqual } from "node:util";

import { DbError } from "@bk/db";

import { alreadyExists, forbidden } from "../error-response.js";
import { fieldsOf, type Fields } from "../request/fields.js";
import type { Controls, DataCall } from "./controls.js";
import { filterOf } from "./filter.js";
import { type Asked, noSuchRow, show } from "./reads.js";
import { keyIn, keyOf, operationsOf, ownerIsInKey, rowOf, valueIn, withOwner } from "./row.js";
import type { Row, ServedCalls, ServedDb, WriteResult } from "./served-db.js";
import { type Reach, reachOf, seenBy, type ServedColumn, type ServedTable } from "./served-table.js";

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
  const result = await writes[call](db, { ...asked, reach, together });
  if (result.row === undefined) return { affected: result.affected };
  const row = show(asked, reach, result.row);
  return row === undefined ? { affected: result.affected } : { affected: result.affected, row };
}

const writes: { readonly [Call in WriteCall]: (db: ServedCalls, write: Write) => Promise<WriteResult> } = {
  async add(db, { table, caller, fields, controls, reach, limits }) {
    const row = withOwner(table, rowOf({ table, reach, limits }, fields), caller, reach, true);
    return db.add(table.name, row, returning(controls));
  },

  async put(db, asked) {
    const { table, caller, fields, controls, reach, limits } = asked;
    const row = withOwner(table, rowOf({ table, reach, limits }, fields), caller, reach, true);
    if (reach === "all" || (ownerIsInKey(table) && adminColumns(table).length === 0)) return db.put(table.name, row, returning(controls));
    // A key that is made now is nobody's yet; where it should be there all the same, an add leaves it alone.
    return makesKey(table, row) ? db.add(table.name, row, returning(controls)) : putOwn(asked, row);
  },

  async update(db, asked) {
    const { table, caller, fields, controls, reach, limits } = asked;
    const given = rowOf({ table, reach, limits }, fields);
    const { _ops, _upsert: upsert } = controls;
    const ops = _ops === undefined ? undefined : operationsOf(table, given, _ops, reach);
    const fillsOwner = upsert === true || ownerIsInKey(table) || valueIn(given, table.owner ?? "") !== undefined;
    const row = fillsOwner ? withOwner(table, given, caller, reach) : given;
    const options = { ...guarded(asked), ...(ops === undefined ? {} : { ops }), ...(upsert === undefined ? {} : { upsert }) };
    return onOwnRow(db, asked, row, upsert === true, () => db.update(table.name, row, options));
  },

  async incr(db, asked) {
    const { table, caller, fields, reach, controls, limits } = asked;
    const row = withOwner(table, rowOf({ table, reach, limits }, fields), caller, reach);
    // A sum that is refused would tell what was there before.
    for (const name of Object.keys(row))
      if (table.columns.get(name)?.definition.secure)
        throw forbidden(`${table.name}: column ${name} is secure; it is set by update as a whole`, name);
    return onOwnRow(db, asked, row, controls._mustMatch !== true, () => db.incr(table.name, row, guarded(asked)));
  },

  async del(db, asked) {
    const { table, caller, fields, reach, limits, together } = asked;
    const given = keyOf({ table, reach, limits }, fields);
    const key = ownerIsInKey(table) ? withOwner(table, given, caller, reach) : given;
    const options = guarded(asked);
    if (reach === "all" || adminColumns(table).length === 0) return onOwnRow(db, asked, key, false, () => db.del(table.name, key, options));
    return together((calls) =>
      onOwnRow(calls, asked, key, false, async () => {
        const { affected, row } = await calls.del(table.name, key, { ...options, returning: "old" });
        if (row !== undefined) refuseForgetting(table, row);
        return row === undefined || asked.controls._returning !== "old" ? { affected } : { affected, row };
      }),
    );
  },
};

function returning({ _returning }: Controls): Row {
  return _returning === undefined ? {} : { returning: _returning };
}

/** Whether a part of the key is left to the database, which makes another one each time. */
function makesKey(table: ServedTable, row: Row): boolean {
  return [...table.keyNames].some((name) => valueIn(row, name) === undefined && newEachTime.has(table.columns.get(name)?.type ?? ""));
}

const newEachTime: ReadonlySet<string> = new Set(["uuid", "tuuid", "now", "mtime", "random"]);

/**
 * Makes a row, or replaces it if it is the caller's. The database tells which row the put replaced: no key that is worked out
 * here could be another than the one it wrote to.
 */
function putOwn({ table, caller, controls: { _returning }, reach, together }: Write, row: Row): Promise<WriteResult> {
  const name = table.name;
  const admin = adminColumns(table);
  return together(async (calls) => {
    const { row: before } = await calls.put(name, row, { returning: "old" });
    if (before !== undefined && before[table.owner!] !== caller.id) throw othersRow(table, reach, true);
    // What admins set in a row stays when its owner replaces it; a put does not write `writeonly` columns.
    const kept = valuesOf(before, admin, (column) => !column.definition.writeonly);
    const changed = valuesOf(before, admin, (column) => column.definition.writeonly === true);
    let result: WriteResult = { affected: 1 };
    if (Object.keys(kept).length > 0 || _returning === "new") result = await calls.put(name, { ...row, ...kept }, { returning: "new" });
    if (Object.keys(changed).length > 0) result = await calls.update(name, { ...keyIn(table, before!), ...changed }, { returning: "new" });
    if (_returning === "new") return result;
    return _returning === "old" && before !== undefined ? { affected: 1, row: before } : { affected: 1 };
  });
}

/** The columns that admins alone set, but for those that say which row it is and whose. */
function adminColumns(table: ServedTable): readonly ServedColumn[] {
  if (table.adminSets.size === 0) return [];
  return [...table.columns.values()].filter(({ name }) => table.adminSets.has(name) && !table.keyNames.has(name) && name !== table.owner);
}

function valuesOf(row: Row | undefined, columns: readonly ServedColumn[], which: (column: ServedColumn) => boolean): Row {
  const present = columns.filter((column) => which(column) && row?.[column.name] !== undefined && row[column.name] !== null);
  return Object.fromEntries(present.map(({ name }) => [name, row![name]]));
}

/** Types whose columns get values of their own. */
const selfMade: ReadonlySet<string> = new Set([...newEachTime, "geohash"]);

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
    where[table.owner!] = caller.id;
  }
  return {
    ...returning(controls),
    ...(Object.keys(where).length === 0 ? {} : { where }),
    ...(mustMatch === undefined ? {} : { mustMatch }),
  };
}

/**
 * Runs a guarded write, and where nothing was done since the row is somebody else's answers so.
 *
 * @param creates  the call makes the row where it is missing
 */
async function onOwnRow(
  db: ServedCalls,
  { table, caller, reach }: Write,
  row: Row,
  creates: boolean,
  work: () => Promise<WriteResult>,
): Promise<WriteResult> {
  if (reach === "all" || ownerIsInKey(table)) return work();
  const isOthers = async (): Promise<boolean> => {
    const found = await db.get(table.name, keyIn(table, row), { select: [table.owner!] });
    return found !== undefined && found[table.owner!] !== caller.id;
  };
  try {
    const result = await work();
    if (result.affected > 0 || (reach === "own" && !creates) || !(await isOthers())) return result;
  } catch (error) {
    if (!(error instanceof DbError && error.code === "condition-failed" && (await isOthers()))) throw error;
  }
  throw othersRow(table, reach, creates);
}

/**
 * The row is somebody else's. Where rows of others are not seen, whether they exist is not told either: it is as if there
 * were none, but for calls that would make it, and cannot.
 */
function othersRow(table: ServedTable, reach: Reach, creates: boolean): Error {
  if (reach !== "own") return forbidden(`${table.name}: the row belongs to another account`);
  return creates ? alreadyExists(`${table.name}: the key, or a value that must be unique, is taken`) : noSuchRow();
}
