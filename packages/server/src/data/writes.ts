// The writing calls: add, put, update, incr and del, each guarded so that nobody changes rows of others.

import { forbidden } from "../error-response.js";
import { fieldsOf, type Fields } from "../request/fields.js";
import type { Controls, DataCall } from "./controls.js";
import { filterOf } from "./filter.js";
import { type Asked, show } from "./reads.js";
import { keyOf, keyWithin, ownerIsInKey, rowOf, withOwner } from "./row.js";
import type { Row, ServedCalls, ServedDb, WriteResult } from "./served-db.js";
import { type Reach, reachOf, seenBy, type ServedTable } from "./served-table.js";

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
  async add(db, { table, caller, fields, controls, reach }) {
    const row = withOwner(table, rowOf(table, fields, reach), caller, reach, true);
    return db.add(table.name, row, returning(controls));
  },

  async put(db, { table, caller, fields, controls, reach, together }) {
    const row = withOwner(table, rowOf(table, fields, reach), caller, reach, true);
    if (reach === "all" || (ownerIsInKey(table) && !hasAdminColumns(table))) return db.put(table.name, row, returning(controls));
    const key = keyWithin(table, row);
    // A key that is made now is nobody's yet.
    if (key === undefined) return db.add(table.name, row, returning(controls));
    return together(async (calls) => {
      const before = await calls.get(table.name, key);
      if (before !== undefined && before[table.owner!] !== caller.id) throw othersRow(table);
      return calls.put(table.name, { ...row, ...adminValues(table, before) }, returning(controls));
    });
  },

  async update(db, asked) {
    const { table, caller, fields, controls, reach } = asked;
    const given = rowOf(table, fields, reach);
    const row = controls._upsert === true || ownerIsInKey(table) ? withOwner(table, given, caller, reach) : checkedOwner(asked, given);
    const { _ops: ops, _upsert: upsert } = controls;
    const options = { ...guarded(asked), ...(ops === undefined ? {} : { ops }), ...(upsert === undefined ? {} : { upsert }) };
    return refuseOthers(db, asked, row, await db.update(table.name, row, options));
  },

  async incr(db, asked) {
    const { table, caller, fields, reach } = asked;
    const row = withOwner(table, rowOf(table, fields, reach), caller, reach);
    return refuseOthers(db, asked, row, await db.incr(table.name, row, guarded(asked)));
  },

  async del(db, asked) {
    const { table, caller, fields, reach } = asked;
    const given = keyOf(table, fields);
    const key = ownerIsInKey(table) ? withOwner(table, given, caller, reach) : given;
    return refuseOthers(db, asked, key, await db.del(table.name, key, guarded(asked)));
  },
};

function returning({ _returning }: Controls): Row {
  return _returning === undefined ? {} : { returning: _returning };
}

function hasAdminColumns(table: ServedTable): boolean {
  return [...table.columns.values()].some((column) => column.definition.admin);
}

/** What admins set in a row stays when its owner replaces it. */
function adminValues(table: ServedTable, before: Row | undefined): Row {
  const kept: Row = {};
  for (const { name, definition } of table.columns.values())
    if (definition.admin && before !== undefined && before[name] !== undefined) kept[name] = before[name];
  return kept;
}

function checkedOwner({ table, caller, reach }: Write, row: Row): Row {
  return table.owner === undefined || row[table.owner] === undefined ? row : withOwner(table, row, caller, reach);
}

/** Options of calls that take a guard: the caller's own `_where`, and for all but admins that the row is theirs. */
function guarded({ table, caller, controls, reach }: Write): Row {
  const { _where, _mustMatch: mustMatch } = controls;
  const fields: Fields = fieldsOf(_where ?? {});
  const where = filterOf(table, fields, { seen: seenBy(table, reach) });
  if (reach !== "all") {
    if (Object.hasOwn(where, table.owner!) && where[table.owner!] !== caller.id) throw othersRow(table);
    where[table.owner!] = caller.id;
  }
  return {
    ...returning(controls),
    ...(Object.keys(where).length === 0 ? {} : { where }),
    ...(mustMatch === undefined ? {} : { mustMatch }),
  };
}

/** Tells why nothing was affected, where the row is somebody else's. */
async function refuseOthers(db: ServedCalls, { table, caller, reach }: Write, row: Row, result: WriteResult): Promise<WriteResult> {
  if (result.affected > 0 || reach === "all" || ownerIsInKey(table)) return result;
  const key = keyWithin(table, row);
  const found = key === undefined ? undefined : await db.get(table.name, key, { select: [table.owner!] });
  if (found !== undefined && found[table.owner!] !== caller.id) throw othersRow(table);
  return result;
}

function othersRow(table: ServedTable): Error {
  return forbidden(`${table.name}: the row belongs to another account`);
}
