// The reading calls: get, list, select, search, count and aggregate, each showing what the caller may see.

import type { Grants } from "@bk/auth/row-rules";
import { DbError } from "@bk/db";

import { badRequest, forbidden, notFound } from "../error-response.js";
import type { Fields } from "../request/fields.js";
import type { Controls, DataCall, DataLimits } from "./controls.js";
import { filterOf, type Relating } from "./filter.js";
import { groupJson, groupOptions } from "./groups.js";
import { type Include, includeOption, includesOf, rowsWith, shownRow } from "./include.js";
import { type ChangeRows, type ReplyText, ReplyRows, type RowForm } from "./reply-rows.js";
import { formOf } from "./row-forms.js";
import { keyOf, keysOf, valueIn } from "./row.js";
import { reading } from "./scope.js";
import type { CallOptions, Page, Row, ServedDb } from "./served-db.js";
import { type Caller, filterable, readable, requireSeen, type ServedTable } from "./served-table.js";

export type ReadCall = Extract<DataCall, "get" | "list" | "select" | "search" | "count" | "aggregate">;

/** One call: who asks for what. */
export interface Asked {
  readonly table: ServedTable;
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly caller: Caller;
  readonly fields: Fields;
  readonly controls: Controls;
  readonly limits: DataLimits;
  /** What becomes of the rows before they are written. */
  readonly change?: ChangeRows | undefined;
}

const defaultCount = 50;

export const reads: { readonly [Call in ReadCall]: (db: ServedDb, asked: Asked) => Promise<object | ReplyText> } = {
  async get(db, asked) {
    const { table, fields, controls, limits } = asked;
    const read = readable(table, asked.caller);
    const key = ownKey(asked, read, keyOf({ table, limits }, read.some, fields));
    const includes = includesIn(asked, read);
    const own = readOptions(asked, read, controls);
    // A spread, where there is nothing to add, would take longer than what stands around it.
    const options = includes.length === 0 ? own : { ...own, ...includeOption(includes) };
    const row = await reading(db, table, asked.caller, read, includes.length > 0).get(table.name, key, options);
    const shown = row === undefined ? undefined : show(asked, read, row, includes);
    if (shown === undefined) throw noSuchRow();
    await asked.change?.([shown]);
    return shown;
  },

  async list(db, asked) {
    const { table, fields, controls, limits } = asked;
    const read = readable(table, asked.caller);
    for (const name of fields.keys())
      throw badRequest(`list takes keys in _keys; ${JSON.stringify(name.slice(0, 50))} is not a control parameter`, name);
    if (controls._keys === undefined) throw badRequest("_keys is missing; it is a JSON list of keys", "_keys");
    const keys = keysOf({ table, limits }, read.some, controls._keys).map((key) => ownKey(asked, read, key));
    const includes = includesIn(asked, read);
    const own = reading(db, table, asked.caller, read, includes.length > 0);
    const options = { ...readOptions(asked, read, controls), ...includeOption(includes) };
    const reply = new ReplyRows(limits.maxReplyBytes, rowsWith(includes), formOf(table, read.some, controls), asked.change);
    for (let at = 0; at < keys.length;) {
      const some = keys.slice(at, at + reply.atOnce(keys.length - at));
      addRows(asked, read, reply, { rows: await own.list(table.name, some, options) }, includes);
      at += some.length;
    }
    return reply.page(undefined);
  },

  async select(db, asked) {
    if (asked.controls._total === true) {
      const { _total, ...controls } = asked.controls;
      const others = Object.keys(controls).filter((name) => !["_ops", "_scan", "_consistent"].includes(name));
      if (others.length > 0) throw badRequest(`${others.join(", ")} and _total do not go together`, others[0]);
      return reads.count(db, { ...asked, controls });
    }
    const { read, filter, within } = question(asked);
    const own = within(db);
    return readPage(asked, read, (options) => own.select(asked.table.name, filter, { ...options, ...scanOption(asked) }));
  },

  async search(db, asked) {
    const { table, controls } = asked;
    const { _q: words } = controls;
    if (words === undefined) throw badRequest("_q is missing; it has the words to search for", "_q");
    const { read, filter, within } = question(asked);
    const searched = [...table.columns.values()].filter((column) => column.definition.search);
    if (searched.length === 0) throw badRequest(`${table.name} has no columns that are searched`);
    for (const column of searched) requireSeen(table, read.every, column.name, "searched");
    const own = within(db);
    const marked = controls._highlight === true ? { highlight: true } : {};
    return readPage(asked, read, (options) => own.search(table.name, words, { ...options, ...marked, filter }));
  },

  async count(db, asked) {
    const { filter, within } = question(asked);
    const { table } = asked;
    const { _consistent: consistent } = asked.controls;
    const count = await within(db).count(table.name, filter, {
      ...scanOption(asked),
      ...(consistent === undefined ? {} : { consistent }),
    });
    return { count };
  },

  async aggregate(db, asked) {
    const { table } = asked;
    const { read: rows, filter, within } = question(asked);
    const { options, ofGroups } = groupOptions(asked, rows.every);
    const calls = within(db);
    const read = (own: CallOptions): Promise<Page> => calls.aggregate(table.name, filter, { ...options, ...scanOption(asked), ...own });
    if (ofGroups === undefined) {
      const reply = new ReplyRows(asked.limits.maxReplyBytes);
      for (const row of (await read({})).rows) reply.add(groupJson(row));
      return reply.page(undefined);
    }
    const add = (reply: ReplyRows, { rows }: Page): void => rows.forEach((row) => reply.add(groupJson(row)));
    return readParts(withoutChange(asked), add, ({ count, ...own }) => read({ ...ofGroups, ...own, limit: count }));
  },
};

/** Groups are no rows. */
function withoutChange({ change: _change, ...asked }: Asked): Asked {
  return asked;
}

/** A page of rows. */
function readPage(asked: Asked, rows: Grants, read: (options: CallOptions) => Promise<Page>): Promise<ReplyText> {
  const includes = includesIn(asked, rows);
  const options = { ...pageOptions(asked, rows), ...includeOption(includes) };
  const add = (reply: ReplyRows, page: Page): void => addRows(asked, rows, reply, page, includes);
  const form = formOf(asked.table, rows.some, asked.controls);
  return readParts(asked, add, (own) => read({ ...options, ...own }), rowsWith(includes), form);
}

/**
 * A page, read in parts where its rows could be larger together than a reply may be.
 *
 * @param rowsInOne  rows that one row may hold, itself among them
 */
async function readParts(
  asked: Asked,
  add: (reply: ReplyRows, page: Page) => void,
  read: (options: CallOptions) => Promise<Page>,
  rowsInOne = 1,
  form?: RowForm,
): Promise<ReplyText> {
  const { _count = defaultCount, _start } = asked.controls;
  const reply = new ReplyRows(asked.limits.maxReplyBytes, rowsInOne, form, asked.change);
  let start = _start;
  let left: number = _count;
  do {
    const count = reply.atOnce(left);
    const page = await read({ count, ...(start === undefined ? {} : { start }) }).catch((error: unknown) => {
      throw ofToken(error, start);
    });
    add(reply, page);
    left -= count;
    start = page.next;
  } while (left > 0 && start !== undefined);
  return reply.page(start);
}

/** A token that is refused is the only thing about a call with one that concerns no column. */
export function ofToken(error: unknown, start: string | undefined): unknown {
  if (start === undefined || !(error instanceof DbError) || error.code !== "invalid" || error.column !== undefined) return error;
  return badRequest("_start is not the next_token of a page with the same table, filter and sort", "_start");
}

function addRows(asked: Asked, read: Grants, reply: ReplyRows, { rows, highlights }: Page, includes: readonly Include[]): void {
  for (const [i, row] of rows.entries()) {
    const shown = show(asked, read, row, includes);
    if (shown !== undefined) reply.add(shown, highlights?.[i]);
  }
}

export function noSuchRow(): Error {
  return notFound("there is no row with this key");
}

function includesIn({ table, tables, caller, controls: { _include }, limits }: Asked, read: Grants): readonly Include[] {
  return _include === undefined ? [] : includesOf({ tables, caller, limits }, table, read, _include);
}

export interface Question {
  /** What is read of the rows that the filter asks of. */
  readonly read: Grants;
  readonly filter: Row;
  /** The calls within what the caller reads. */
  readonly within: (db: ServedDb) => ServedDb;
}

/** The filter, and what it asks of: one that asks for rows of the caller's own alone may name all that is seen of these. */
export function question(asked: Asked): Question {
  const { table, tables, caller, fields, controls, limits } = asked;
  const { _ops: ops, _include } = controls;
  const whole = readable(table, caller);
  const isAsked = (column: string, value: unknown): boolean => {
    const field = fields.get(column);
    if (field === undefined || ![undefined, "eq"].includes(ops?.get(column))) return false;
    return "json" in field ? field.json === value : field.text === String(value);
  };
  const read = whole.askedBy(isAsked);
  const relating: Relating = { tables, caller, isUsed: false };
  const filter = filterOf(table, fields, { seen: filterable(read), ops, limits, relating });
  for (const column of whole.ofAccount)
    if (!isAsked(column, whole.fixed.get(column)) && asksColumn(valueIn(filter, column)))
      throw forbidden(`${table.name}: only rows of the caller's own may be read`, column);
  // Of a table that refers to itself the rows of others may be asked of, and included: the filter says which rows are asked for.
  const isRelated = relating.isUsed || _include !== undefined;
  const within = (db: ServedDb): ServedDb => reading(db, table, caller, isRelated ? whole : read, isRelated);
  return { read, filter, within };
}

/** Whether a filter's condition on a column is about the column: by `$ref` alone it is about another table's row. */
function asksColumn(condition: unknown): boolean {
  if (typeof condition !== "object" || condition === null) return condition !== undefined;
  return Object.keys(condition).some((name) => name !== "$ref");
}

/** A key with the caller's id where it is left out. */
function ownKey({ table }: Asked, { own }: Grants, key: Row): Row {
  if (own.size === 0) return key;
  const left = [...own].filter(([name]) => table.key.includes(name) && valueIn(key, name) === undefined);
  return left.length === 0 ? key : { ...key, ...Object.fromEntries(left) };
}

export function readOptions({ table }: Asked, read: Grants, { _select, _consistent }: Controls): CallOptions {
  const options: Record<string, unknown> = {};
  if (_consistent !== undefined) options["consistent"] = _consistent;
  if (_select !== undefined) {
    for (const name of _select) requireSeen(table, read.some, name, "read");
    // They decide what is shown of the row.
    options["select"] = read.deciding.length === 0 ? _select : [...new Set([..._select, ...read.deciding])];
  }
  return options;
}

function pageOptions(asked: Asked, read: Grants): CallOptions {
  const { table, controls } = asked;
  const { _sort, _desc } = controls;
  for (const name of _sort ?? []) requireSeen(table, read.every, name.replace(/^-/, ""), "sorted by");
  return {
    ...readOptions(asked, read, controls),
    ...(_sort === undefined ? {} : { sort: _sort }),
    ...(_desc === undefined ? {} : { desc: _desc }),
  };
}

function scanOption({ caller, controls: { _scan } }: Asked): CallOptions {
  if (_scan === undefined) return {};
  if (!caller.isAdmin) throw forbidden("_scan is for admins", "_scan");
  return { scan: _scan };
}

/** The row as the caller may see it, with what is included in it; undefined when nothing of it may be seen. */
export function show(
  { table, controls }: Pick<Asked, "table" | "controls">,
  read: Grants,
  row: Row,
  includes: readonly Include[] = [],
): Row | undefined {
  return shownRow({ table, read, select: controls._select, includes }, row);
}
