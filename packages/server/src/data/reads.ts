// The reading calls: get, list, select, search and count, each showing what the caller may see.

import { badRequest, forbidden, notFound } from "../error-response.js";
import type { Fields } from "../request/fields.js";
import type { Controls, DataCall } from "./controls.js";
import { filterOf } from "./filter.js";
import { keyOf, keysOf, ownerIsInKey, withOwner } from "./row.js";
import type { CallOptions, Row, ServedDb } from "./served-db.js";
import { type Caller, type Reach, reachOf, requireSeen, seenBy, type ServedTable, visibleRow } from "./served-table.js";
import { toJson } from "./to-json.js";

export type ReadCall = Extract<DataCall, "get" | "list" | "select" | "search" | "count">;

/** One call: who asks for what. */
export interface Asked {
  readonly table: ServedTable;
  readonly caller: Caller;
  readonly fields: Fields;
  readonly controls: Controls;
}

export const reads: { readonly [Call in ReadCall]: (db: ServedDb, asked: Asked) => Promise<unknown> } = {
  async get(db, asked) {
    const { table, caller, fields, controls } = asked;
    const reach = readable(asked);
    const row = await db.get(table.name, ownKey(table, keyOf(table, fields), caller, reach), readOptions(asked, reach, controls));
    const shown = row === undefined ? undefined : show(asked, reach, row);
    if (shown === undefined) throw notFound(`${table.name}: no such row`);
    return shown;
  },

  async list(db, asked) {
    const { table, caller, fields, controls } = asked;
    const reach = readable(asked);
    for (const name of fields.keys())
      throw badRequest(`list takes keys in _keys; ${JSON.stringify(name.slice(0, 50))} is not a control parameter`);
    if (controls._keys === undefined) throw badRequest("_keys is missing; it is a JSON list of keys");
    const keys = keysOf(table, controls._keys).map((key) => ownKey(table, key, caller, reach));
    const rows = await db.list(table.name, keys, readOptions(asked, reach, controls));
    return page(asked, reach, rows);
  },

  async select(db, asked) {
    if (asked.controls._total === true) {
      const { _total, ...controls } = asked.controls;
      const others = Object.keys(controls).filter((name) => !["_ops", "_scan", "_consistent"].includes(name));
      if (others.length > 0) throw badRequest(`${others.join(", ")} and _total do not go together`);
      return reads.count(db, { ...asked, controls });
    }
    const { reach, filter } = question(asked);
    const { rows, next } = await db.select(asked.table.name, filter, { ...pageOptions(asked, reach), ...scanOption(asked) });
    return page(asked, reach, rows, next);
  },

  async search(db, asked) {
    const { table, controls } = asked;
    if (controls._q === undefined) throw badRequest("_q is missing; it has the words to search for");
    const { reach, filter } = question(asked);
    const seen = filterable(table, reach);
    for (const column of table.columns.values()) if (column.definition.search) requireSeen(table, seen, column.name, "searched");
    const { rows, next } = await db.search(table.name, controls._q, { ...pageOptions(asked, reach), filter });
    return page(asked, reach, rows, next);
  },

  async count(db, asked) {
    const { filter } = question(asked);
    const { _consistent: consistent } = asked.controls;
    const count = await db.count(asked.table.name, filter, { ...scanOption(asked), ...(consistent === undefined ? {} : { consistent }) });
    return { count };
  },
};

function readable({ table, caller }: Asked): Reach {
  const reach = reachOf(table, caller);
  if (reach === "none") throw forbidden(`${table.name} is not open to this account`);
  return reach;
}

/** The columns that conditions and sorts may name: with rows of others among those read, only what is seen of these. */
function filterable(table: ServedTable, reach: Reach): ReadonlySet<string> {
  return reach === "mixed" ? table.allSee : seenBy(table, reach);
}

/** The filter, and how far it reaches: one that asks for the caller's own rows alone may name all that the owner sees. */
function question(asked: Asked): { reach: Reach; filter: Row } {
  const { table, caller, fields, controls } = asked;
  const whole = readable(asked);
  const { owner } = table;
  const ownField = owner === undefined ? undefined : fields.get(owner);
  const given = ownField === undefined ? undefined : "json" in ownField ? ownField.json : ownField.text;
  const asksOwn = owner !== undefined && given === caller.id && [undefined, "eq"].includes(controls._ops?.[owner]);
  const reach = whole === "mixed" && asksOwn ? "own" : whole;
  if (reach !== "own") return { reach, filter: filterOf(table, fields, { seen: filterable(table, reach), ops: controls._ops }) };
  const filter = filterOf(table, fields, { seen: new Set([...table.ownSees, owner!]), ops: controls._ops });
  if (filter[owner!] !== undefined && !asksOwn) throw forbidden(`${table.name}: only rows of the caller's own may be read`);
  return { reach, filter: { ...filter, [owner!]: caller.id } };
}

function ownKey(table: ServedTable, key: Row, caller: Caller, reach: Reach): Row {
  const { owner } = table;
  if (owner === undefined || reach === "all" || !ownerIsInKey(table) || key[owner] !== undefined) return key;
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
  const { table, caller, controls } = asked;
  const { _count, _start, _sort, _desc } = controls;
  for (const name of _sort ?? []) requireSeen(table, filterable(table, reach), name.replace(/^-/, ""), "sorted by");
  return {
    ...readOptions(asked, reach, controls),
    scope: caller.id,
    ...(_count === undefined ? {} : { count: _count }),
    ...(_start === undefined ? {} : { start: _start }),
    ...(_sort === undefined ? {} : { sort: _sort }),
    ...(_desc === undefined ? {} : { desc: _desc }),
  };
}

function scanOption({ caller, controls: { _scan } }: Asked): CallOptions {
  if (_scan === undefined) return {};
  if (!caller.isAdmin) throw forbidden("_scan is for admins");
  return { scan: _scan };
}

/** The row as the caller may see it; undefined when nothing of it may be seen. */
export function show({ table, caller, controls }: Pick<Asked, "table" | "caller" | "controls">, reach: Reach, row: Row): Row | undefined {
  const { owner } = table;
  const isOwn = owner !== undefined && row[owner] === caller.id;
  if (reach === "own" && !isOwn) return undefined;
  const seen = reach === "mixed" ? (isOwn ? table.ownSees : table.allSee) : seenBy(table, reach);
  const shown = visibleRow(table, row, seen);
  if (owner !== undefined && controls._select !== undefined && !controls._select.includes(owner)) delete shown[owner];
  return toJson(table, shown);
}

function page(asked: Asked, reach: Reach, rows: readonly Row[], next?: string): { count: number; data: Row[]; next_token?: string } {
  const data = rows.map((row) => show(asked, reach, row)).filter((row) => row !== undefined);
  return { count: data.length, data, ...(next === undefined ? {} : { next_token: next }) };
}
