// The reading calls: get, list, select, search, count and aggregate, each showing what the caller may see.

import { DbError } from "@bk/db";

import { badRequest, forbidden, notFound } from "../error-response.js";
import type { Fields } from "../request/fields.js";
import type { Controls, DataCall, DataLimits } from "./controls.js";
import { filterOf, type Relating } from "./filter.js";
import { groupJson, groupOptions } from "./groups.js";
import { type Include, includeOption, includesOf, rowsWith, shownRow } from "./include.js";
import { type ReplyText, ReplyRows, type RowForm } from "./reply-rows.js";
import { formOf } from "./row-forms.js";
import { keyOf, keysOf, ownerIsInKey, valueIn, withOwner } from "./row.js";
import { reading, readingRelated } from "./scope.js";
import type { CallOptions, Page, Row, ServedDb } from "./served-db.js";
import { type Caller, filterable, type Reach, reachOf, requireSeen, seenBy, type ServedTable } from "./served-table.js";

export type ReadCall = Extract<DataCall, "get" | "list" | "select" | "search" | "count" | "aggregate">;

/** One call: who asks for what. */
export interface Asked {
  readonly table: ServedTable;
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly caller: Caller;
  readonly fields: Fields;
  readonly controls: Controls;
  readonly limits: DataLimits;
}

const defaultCount = 50;

export const reads: { readonly [Call in ReadCall]: (db: ServedDb, asked: Asked) => Promise<object | ReplyText> } = {
  async get(db, asked) {
    const { table, fields, controls, limits } = asked;
    const reach = readable(asked);
    const key = ownKey(asked, reach, keyOf({ table, reach, limits }, fields));
    const includes = includesIn(asked, reach);
    const row = await reading(db, table, asked.caller, reach).get(table.name, key, {
      ...readOptions(asked, reach, controls),
      ...includeOption(includes),
    });
    const shown = row === undefined ? undefined : show(asked, reach, row, includes);
    if (shown === undefined) throw noSuchRow();
    return shown;
  },

  async list(db, asked) {
    const { table, fields, controls, limits } = asked;
    const reach = readable(asked);
    for (const name of fields.keys())
      throw badRequest(`list takes keys in _keys; ${JSON.stringify(name.slice(0, 50))} is not a control parameter`, name);
    if (controls._keys === undefined) throw badRequest("_keys is missing; it is a JSON list of keys", "_keys");
    const keys = keysOf({ table, reach, limits }, controls._keys).map((key) => ownKey(asked, reach, key));
    const includes = includesIn(asked, reach);
    const own = reading(db, table, asked.caller, reach);
    const options = { ...readOptions(asked, reach, controls), ...includeOption(includes) };
    const reply = new ReplyRows(limits.maxReplyBytes, rowsWith(includes), formOf(table, reach, controls));
    for (let at = 0; at < keys.length;) {
      const some = keys.slice(at, at + reply.atOnce(keys.length - at));
      addRows(asked, reach, reply, { rows: await own.list(table.name, some, options) }, includes);
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
    const { reach, filter, within } = question(asked);
    const own = within(db);
    return readPage(asked, reach, (options) => own.select(asked.table.name, filter, { ...options, ...scanOption(asked) }));
  },

  async search(db, asked) {
    const { table, controls } = asked;
    const { _q: words } = controls;
    if (words === undefined) throw badRequest("_q is missing; it has the words to search for", "_q");
    const { reach, filter, within } = question(asked);
    const seen = filterable(table, reach);
    const searched = [...table.columns.values()].filter((column) => column.definition.search);
    if (searched.length === 0) throw badRequest(`${table.name} has no columns that are searched`);
    for (const column of searched) requireSeen(table, seen, column.name, "searched");
    const own = within(db);
    const marked = controls._highlight === true ? { highlight: true } : {};
    return readPage(asked, reach, (options) => own.search(table.name, words, { ...options, ...marked, filter }));
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
    const { reach, filter, within } = question(asked);
    const { options, ofGroups } = groupOptions(asked, filterable(table, reach));
    const calls = within(db);
    const read = (own: CallOptions): Promise<Page> => calls.aggregate(table.name, filter, { ...options, ...scanOption(asked), ...own });
    if (ofGroups === undefined) {
      const reply = new ReplyRows(asked.limits.maxReplyBytes);
      for (const row of (await read({})).rows) reply.add(groupJson(row));
      return reply.page(undefined);
    }
    const add = (reply: ReplyRows, { rows }: Page): void => rows.forEach((row) => reply.add(groupJson(row)));
    return readParts(asked, add, ({ count, ...own }) => read({ ...ofGroups, ...own, limit: count }));
  },
};

/** A page of rows. */
function readPage(asked: Asked, reach: Reach, read: (options: CallOptions) => Promise<Page>): Promise<ReplyText> {
  const includes = includesIn(asked, reach);
  const options = { ...pageOptions(asked, reach), ...includeOption(includes) };
  const add = (reply: ReplyRows, page: Page): void => addRows(asked, reach, reply, page, includes);
  const form = formOf(asked.table, reach, asked.controls);
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
  const reply = new ReplyRows(asked.limits.maxReplyBytes, rowsInOne, form);
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
function ofToken(error: unknown, start: string | undefined): unknown {
  if (start === undefined || !(error instanceof DbError) || error.code !== "invalid" || error.column !== undefined) return error;
  return badRequest("_start is not the next_token of a page with the same table, filter and sort", "_start");
}

function addRows(asked: Asked, reach: Reach, reply: ReplyRows, { rows, highlights }: Page, includes: readonly Include[]): void {
  for (const [i, row] of rows.entries()) {
    const shown = show(asked, reach, row, includes);
    if (shown !== undefined) reply.add(shown, highlights?.[i]);
  }
}

export function noSuchRow(): Error {
  return notFound("there is no row with this key");
}

function readable({ table, caller }: Asked): Reach {
  const reach = reachOf(table, caller);
  if (reach === "none") throw forbidden(`${table.name} is not open to this account`);
  return reach;
}

function includesIn({ table, tables, caller, controls: { _include }, limits }: Asked, reach: Reach): readonly Include[] {
  return _include === undefined ? [] : includesOf({ tables, caller, limits }, table, reach, _include);
}

interface Question {
  readonly reach: Reach;
  readonly filter: Row;
  /** The calls within what the caller reaches. */
  readonly within: (db: ServedDb) => ServedDb;
}

/** The filter, and how far it reaches: one that asks for the caller's own rows alone may name all that the owner sees. */
function question(asked: Asked): Question {
  const { table, tables, caller, fields, controls, limits } = asked;
  const whole = readable(asked);
  const { owner } = table;
  const ownField = owner === undefined ? undefined : fields.get(owner);
  const given = ownField === undefined ? undefined : "json" in ownField ? ownField.json : ownField.text;
  const asksOwn = owner !== undefined && given === caller.id && [undefined, "eq"].includes(controls._ops?.get(owner));
  const reach = whole === "mixed" && asksOwn ? "own" : whole;
  const { _ops: ops } = controls;
  const relating: Relating = { tables, caller, isUsed: false };
  const seen = reach === "own" ? new Set([...table.ownSees, owner!]) : filterable(table, reach);
  const filter = filterOf(table, fields, { seen, ops, limits, relating });
  if (reach === "own" && !asksOwn && asksOwner(valueIn(filter, owner!)))
    throw forbidden(`${table.name}: only rows of the caller's own may be read`, owner);
  // Of a table that refers to itself the rows of others may be asked of: the filter has the owner.
  const within = (db: ServedDb): ServedDb =>
    relating.isUsed ? readingRelated(db, table, relating, whole) : reading(db, table, caller, reach);
  return { reach, filter, within };
}

/** Whether a filter's condition on the owner column is about the column: by `$ref` alone it is about another table's row. */
function asksOwner(condition: unknown): boolean {
  if (typeof condition !== "object" || condition === null) return condition !== undefined;
  return Object.keys(condition).some((name) => name !== "$ref");
}

function ownKey({ table, caller }: Asked, reach: Reach, key: Row): Row {
  const { owner } = table;
  if (owner === undefined || reach === "all" || !ownerIsInKey(table) || valueIn(key, owner) !== undefined) return key;
  return withOwner(table, key, caller, reach);
}

function readOptions({ table }: Asked, reach: Reach, { _select, _consistent }: Controls): CallOptions {
  const options: Record<string, unknown> = {};
  if (_consistent !== undefined) options["consistent"] = _consistent;
  if (_select !== undefined) {
    const seen = seenBy(table, reach);
    for (const name of _select) requireSeen(table, seen, name, "read");
    // Whose row it is decides what is shown of it.
    options["select"] = reach === "own" || reach === "mixed" ? [...new Set([..._select, table.owner!])] : _select;
  }
  return options;
}

function pageOptions(asked: Asked, reach: Reach): CallOptions {
  const { table, controls } = asked;
  const { _sort, _desc } = controls;
  for (const name of _sort ?? []) requireSeen(table, filterable(table, reach), name.replace(/^-/, ""), "sorted by");
  return {
    ...readOptions(asked, reach, controls),
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
  { table, caller, controls }: Pick<Asked, "table" | "caller" | "controls">,
  reach: Reach,
  row: Row,
  includes: readonly Include[] = [],
): Row | undefined {
  return shownRow({ table, reach, select: controls._select, includes }, caller, row);
}
