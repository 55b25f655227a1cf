// The database as one caller may use it: for what a module does for its caller, and not for itself.

import type { CallOptions, ModuleDb, Row } from "./database.js";
import type { Caller } from "./endpoint.js";

/** What is done with a row. */
export type RowVerb = "read" | "add" | "update" | "del";

type Calls = Pick<ModuleDb, "get" | "list" | "select" | "search" | "count" | "near" | "scan" | "add" | "put" | "update" | "incr" | "del">;

/**
 * The calls of a module that are its caller's. Where an app has given rules to a table they are within these: rows outside are not there, columns
 * that are hidden are not in the rows, writes that are not allowed are `denied`. Tables without rules are as they are.
 *
 * `{ whole: true }` among the options gives rows with all their columns, for the module to work with and not to show.
 */
export interface CallerDb extends Calls {
  /** Whether rules say which rows of a table the caller reads: then what is the same for all callers is not so for this one. */
  isRuled(table: string): boolean;
  /** Whether the caller reads rows of a table at all. Where not, reads are `denied`. */
  reads(table: string): boolean;
  /** Whether the caller may do this with a row, which is given whole. */
  fits(verb: RowVerb, table: string, row: Readonly<Row>): boolean;
  /**
   * What a row must fit that the module writes by itself for the caller, as a filter; empty where everything does.
   *
   * @param columns  what the caller changes
   * @throws BkError `denied`
   */
  guard(verb: Exclude<RowVerb, "read">, table: string, columns?: Readonly<Row>): Row;
  /** A whole row as the caller sees it; without columns where it is none of the caller's. */
  masked(table: string, row: Readonly<Row>): Row;
}

export type DbFor = (caller: Caller) => CallerDb;

/** What rules may say of a table of a module. */
export interface RuledTable {
  /** What the module does with its rows for callers. Rules that say more are refused: nobody would keep them. */
  readonly verbs: readonly RowVerb[];
  /** The columns without which the module cannot serve its rows: a rule that lets rows be read lets these be read. */
  readonly needs: readonly string[];
  /** The columns that every write for a caller sets: a rule that lets rows be made or changed lets these be set. Default none. */
  readonly writes?: readonly string[];
  /** Columns that the module sets by itself, beside `secure` ones and those of the key: rules do not say who may. */
  readonly sets?: readonly string[];
}

/** For a database whose tables have no rules. */
export function unruled(db: ModuleDb): DbFor {
  const own: CallerDb = {
    get: (table, key, options) => db.get(table, key, plain(options)),
    list: (table, keys, options) => db.list(table, keys, plain(options)),
    select: (table, filter, options) => db.select(table, filter, plain(options)),
    search: (table, words, options) => db.search(table, words, plain(options)),
    count: (table, filter, options) => db.count(table, filter, options),
    near: (table, place, options) => db.near(table, place, plain(options)),
    scan: (table, filter, options) => db.scan(table, filter, plain(options)),
    add: (table, row, options) => db.add(table, row, plain(options)),
    put: (table, row, options) => db.put(table, row, plain(options)),
    update: (table, row, options) => db.update(table, row, plain(options)),
    incr: (table, row, options) => db.incr(table, row, plain(options)),
    del: (table, key, options) => db.del(table, key, plain(options)),
    isRuled: () => false,
    reads: () => true,
    fits: () => true,
    guard: () => ({}),
    masked: (_table, row) => ({ ...row }),
  };
  return () => own;
}

/** The options that databases know. */
export function plain(options: CallOptions | undefined): CallOptions | undefined {
  if (options === undefined || !Object.hasOwn(options, "whole")) return options;
  const { whole: _whole, ...others } = options;
  return others;
}

/** A guard of the module's own, with one of rules. */
export function bothOf(own: Row, guard: Row): Row {
  return Object.keys(guard).length === 0 ? own : Object.keys(own).length === 0 ? guard : { $and: [own, guard] };
}
