// The writing calls: add, put, update, incr and del, each guarded so that nobody changes rows of others.

import { isDeepStrictEqual } from "node:util";

import { columnsIn, type ColumnSet, type Grants, type TableAccess, type WriteVerb, type Writing } from "@bk/auth/row-rules";
import { DbError } from "@bk/db";

import { alreadyExists, forbidden, HttpError } from "../error-response.js";
import { fieldsOf, type Fields } from "../request/fields.js";
import type { Controls, DataCall } from "./controls.js";
import { filterOf } from "./filter.js";
import { type Asked, show } from "./reads.js";
import { keyIn, keyOf, operationsOf, requireTold, rowOf, valueIn, withValues } from "./row.js";
import { reading, writing } from "./scope.js";
import type { Row, ServedCalls, ServedDb, WriteResult } from "./served-db.js";
import { accessOf, columnNamed, filterable, isIn, refersTo, refuse, type ServedColumn, type ServedTable } from "./served-table.js";

export type WriteCall = Extract<DataCall, "add" | "put" | "update" | "incr" | "del">;
export const writeCalls: readonly WriteCall[] = ["add", "put", "update", "incr", "del"];

/** Runs `work` so that what it reads and writes takes effect together: in a transaction, or in the one that it is in already. */
export type Together = <T>(work: (calls: ServedCalls) => Promise<T>) => Promise<T>;

/** In a transaction of its own, as if no other ran at the same time. */
export function togetherIn(db: ServedDb): Together {
  return (work) => db.transaction(work, { isolation: "serializable" });
}

interface Write extends Asked {
  readonly access: TableAccess;
  readonly allowed: Writing;
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
  const { table, caller, controls } = asked;
  const access = accessOf(table, caller);
  const allowed = allowedTo(call, access, asked);
  const refers = controls._checkRefs === true;
  if (refers) requireReferable(asked, access, allowed);
  const within = (calls: ServedCalls): ServedCalls => writing(calls, table, caller, allowed, refers);
  const own: Write = { ...asked, access, allowed, together: (work) => together((calls) => work(within(calls))), all: db };
  const result = await writes[call](within(db), own).catch((error: unknown) => {
    // The values that columns must have are looked at before: what is left is the row of another that has the key.
    const isOthers = error instanceof DbError && error.code === "denied" && error.detail?.["by"] === "scope" && error.column === undefined;
    throw isOthers ? othersRow(own) : error;
  });
  const row = result.row === undefined || access.read === undefined ? undefined : show(asked, access.read, result.row);
  return row === undefined ? { affected: result.affected } : { affected: result.affected, row };
}

/** What the rules ask of a call: whether it makes rows, changes them, or either. */
function verbOf(call: WriteCall, { _upsert, _mustMatch }: Controls): WriteVerb {
  if (call === "update") return _upsert === true ? "put" : "update";
  if (call === "incr") return _mustMatch === true ? "update" : "put";
  return call;
}

/** @throws HttpError 403 for a table, a call or a column that is not the caller's to write */
function allowedTo(call: WriteCall, access: TableAccess, { table, caller, fields, controls }: Asked): Writing {
  const verb = verbOf(call, controls);
  const returns = controls._returning !== undefined;
  const needed = verb === "put" ? [access.add, access.update] : [access[verb]];
  const may = access.writing(verb, undefined, returns);
  if (may === undefined) throw refusedCall(call, access, table, () => refuse(caller, closedTo(table, access)));
  // What is deleted is not written.
  if (verb === "del") return may;
  const names = [...fields.keys(), ...(controls._ops?.keys() ?? [])].filter((name) => {
    columnNamed(table, name);
    return !needed.every((grants) => grants?.fixed.has(name)) && !isKeyName(table, name);
  });
  const isCovered = (columns: ColumnSet): boolean => names.every((name) => isIn(columns, table, name));
  const allowed = access.writing(verb, isCovered, returns);
  if (allowed !== undefined) return allowed;
  const column =
    names.find((name) => !needed.every((grants) => isIn(grants!.some, table, name))) ??
    names.find((name) => !isIn(may.columns, table, name))!;
  throw refusedColumn(table, column);
}

function refusedCall(call: WriteCall, access: TableAccess, table: ServedTable, otherwise: () => never): Error {
  if (call === "incr" && access.writing("update") !== undefined)
    return forbidden(`${table.name}: this account makes no rows; say _mustMatch`, "_mustMatch");
  return otherwise();
}

function closedTo({ name }: ServedTable, { add, update, del }: TableAccess): string {
  const isWritten = (add ?? update ?? del) !== undefined;
  return isWritten ? `${name} is not written in this way by this account` : `${name} is written by admins only`;
}

/** Key columns say which row it is; those for admins are named by those who may set them. */
function isKeyName({ keyNames, columns }: ServedTable, name: string): boolean {
  return keyNames.has(name) && columns.get(name)?.definition.admin !== true;
}

function refusedColumn({ name, adminSets }: ServedTable, column: string): Error {
  return forbidden(`${name}: column ${column} is ${adminSets.has(column) ? "set by admins only" : "not set by this account"}`, column);
}

/** Refuses to look for rows of which the caller must not learn whether they are there. */
function requireReferable({ table, tables, caller, fields }: Asked, { read }: TableAccess, allowed: Writing): void {
  for (const { table: to, columns } of table.references) {
    const given = columns.find((column) => fields.has(column));
    if (given === undefined) continue;
    if (!refersTo(tables.get(to)!, caller)) refuse(caller, `${to} is not open to this account, so _checkRefs cannot look there`, given);
    // What may be written of the table is less than what may be referred to.
    if (to === table.name && !isDeepStrictEqual(read?.where, allowed.where))
      throw new HttpError("unsupported", `_checkRefs: ${given} refers to ${to} itself, of which this account writes its own rows alone`, {
        field: given,
      });
  }
}

const writes: { readonly [Call in WriteCall]: (db: ServedCalls, write: Write) => Promise<WriteResult> } = {
  async add(db, { table, fields, controls, access, allowed, limits }) {
    const row = withValues(table, rowOf({ table, limits }, fields), allowed.fixed, access.fill);
    return db.add(table.name, row, returning(controls));
  },

  async put(db, { table, fields, controls, access, allowed, limits }) {
    const row = withValues(table, rowOf({ table, limits }, fields), allowed.fixed, access.fill);
    return db.put(table.name, row, returning(controls));
  },

  async update(db, asked) {
    const { table, fields, controls, allowed, limits } = asked;
    const given = rowOf({ table, limits }, fields);
    const { _ops, _upsert: upsert } = controls;
    const ops = _ops === undefined ? undefined : operationsOf(table, given, _ops, allowed.read!.every, allowed.fixed);
    const row = withValues(table, given, allowed.fixed, upsert === true ? noValues : undefined);
    const options = { ...guarded(asked), ...(ops === undefined ? {} : { ops }), ...(upsert === undefined ? {} : { upsert }) };
    return onOwnRow(asked, row, () => db.update(table.name, row, options));
  },

  async incr(db, asked) {
    const { table, fields, allowed, limits } = asked;
    const row = withValues(table, rowOf({ table, limits }, fields), allowed.fixed, noValues);
    // A sum that is refused would tell what was there before.
    for (const name of Object.keys(row))
      if (!isKeyName(table, name) && !allowed.fixed.has(name))
        requireTold(table, allowed.read!.every, name, "it is set by update as a whole");
    return onOwnRow(asked, row, () => db.incr(table.name, row, guarded(asked)));
  },

  async del(db, asked) {
    const { table, fields, access, allowed, limits, together } = asked;
    const given = keyOf({ table, limits }, access.read?.some ?? allowed.columns, fields);
    const inKey = new Map([...allowed.fixed].filter(([name]) => table.key.includes(name)));
    const key = withValues(table, given, inKey, inKey.size === 0 ? undefined : noValues);
    const options = guarded(asked);
    const kept = adminColumns(table, access);
    if (kept.length === 0) return onOwnRow(asked, key, () => db.del(table.name, key, options));
    return together((calls) =>
      onOwnRow(asked, key, async () => {
        const { affected, row } = await calls.del(table.name, key, { ...options, returning: "old" });
        if (row !== undefined) refuseForgetting(table, kept, row);
        return row === undefined || asked.controls._returning !== "old" ? { affected } : { affected, row };
      }),
    );
  },
};

/** Of rows that are made: columns get the values that they must have, and no others. */
const noValues: ReadonlyMap<string, unknown> = new Map();

function returning({ _returning, _checkRefs }: Controls): Row {
  return {
    ...(_returning === undefined ? {} : { returning: _returning }),
    ...(_checkRefs === undefined ? {} : { checkRefs: _checkRefs }),
  };
}

/** The columns that admins set and the caller does not, but for those that say which row it is and whose. */
function adminColumns(table: ServedTable, { add, update, del }: TableAccess): readonly ServedColumn[] {
  if (table.adminSets.size === 0) return [];
  const sets = (name: string): boolean => add?.some.names.has(name) === true || update?.some.names.has(name) === true;
  return [...table.columns.values()].filter(
    ({ name }) => table.adminSets.has(name) && !sets(name) && !table.keyNames.has(name) && del?.fixed.has(name) !== true,
  );
}

/** Types whose columns get values of their own. */
const selfMade: ReadonlySet<string> = new Set(["uuid", "tuuid", "now", "mtime", "random", "geohash"]);

/** Refuses to delete a row in which admins have set something: put again, it would be as if they never had. */
function refuseForgetting(table: ServedTable, columns: readonly ServedColumn[], row: Row): void {
  const set = columns.find(({ name, type, definition }) => {
    const value = row[name] ?? null;
    const initial = definition.value ?? (type === "counter" ? 0 : null);
    return value !== null && !selfMade.has(type) && definition.join === undefined && !isDeepStrictEqual(value, initial);
  });
  if (set !== undefined) throw forbidden(`${table.name}: an admin has set columns of this row; it is deleted by admins only`);
}

/** Options of calls that take a guard: the caller's own `_where`, about columns that are read of the rows. */
function guarded({ table, controls, allowed, limits }: Write): Row {
  const { _where, _mustMatch: mustMatch } = controls;
  const fields: Fields = fieldsOf(_where ?? {});
  const where = filterOf(table, fields, { seen: filterable(allowed.read!), limits });
  for (const column of allowed.read!.ofAccount)
    if (valueIn(where, column) !== undefined && where[column] !== allowed.read!.fixed.get(column))
      throw forbidden(`${table.name}: _where names another owner`, "_where");
  return {
    ...returning(controls),
    ...(Object.keys(where).length === 0 ? {} : { where }),
    ...(mustMatch === undefined ? {} : { mustMatch }),
  };
}

/** What is read of a table beyond what may be written there, so that rows that are not the caller's to write may be told of. */
function readBeyond({ read }: TableAccess, { where }: Writing): Grants | undefined {
  return isDeepStrictEqual(read?.where, where) ? undefined : read;
}

/** Runs a write of one row; where others are read, says that it is somebody else's where nothing was done for that. */
async function onOwnRow({ table, caller, access, allowed, all }: Write, row: Row, work: () => Promise<WriteResult>): Promise<WriteResult> {
  const read = readBeyond(access, allowed);
  // The key itself says whose row it is.
  if (read === undefined || columnsIn(allowed.where ?? true).every((name) => table.key.includes(name))) return work();
  const isOthers = async (): Promise<boolean> => {
    const options = { select: table.key };
    const key = keyIn(table, row);
    if ((await reading(all, table, caller, read, false).get(table.name, key, options)) === undefined) return false;
    return (await writing(all, table, caller, allowed, false).get(table.name, key, options)) === undefined;
  };
  try {
    const result = await work();
    if (result.affected > 0 || !(await isOthers())) return result;
  } catch (error) {
    // With a column it is a row that this one was to refer to.
    const isMissing = error instanceof DbError && error.code === "not-found" && error.column === undefined;
    if (!isMissing || !(await isOthers())) throw error;
  }
  throw othersRow({ table, access, allowed });
}

/**
 * The row that has the key is not the caller's to write. Where no others are read, no more is said than that the key is taken:
 * calls that make no row find none.
 */
function othersRow({ table, access, allowed }: Pick<Write, "table" | "access" | "allowed">): Error {
  if (readBeyond(access, allowed) !== undefined) return forbidden(`${table.name}: the row belongs to another account`);
  return alreadyExists(`${table.name}: the key, or a value that must be unique, is taken`);
}
