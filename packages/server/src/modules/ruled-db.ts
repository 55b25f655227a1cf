// The database as the caller of a module may use it: each call within the scope that the rules of its table are for the account.

import {
  type AccountRules,
  columnsIn,
  type ColumnSet,
  type Grants,
  type RowRules,
  type TableAccess,
  type WriteVerb,
} from "@bk/auth/row-rules";
import type { CallerDb, CallOptions, DbFor, ModuleDb, Row, RowVerb, RuledTable, WriteResult } from "@bk/modules";
import { type RowFilter } from "@bk/db";

import { forbidden } from "../error-response.js";
import { accountOf } from "./caller.js";

/** A table of a module that has rules. */
export interface RuledModuleTable extends RuledTable {
  /** Columns of the key; what a row is found by is not what is set. */
  readonly key: ReadonlySet<string>;
  /** Columns that no caller gives or sees, and the module works with. */
  readonly internal: ReadonlySet<string>;
  /** Columns that full-text search looks into. */
  readonly searched: readonly string[];
  makeFilter(filter: Row): RowFilter;
}

/** What the tables of modules are held to. */
export interface ModuleRules {
  readonly rules: RowRules;
  /** Those that have rules. */
  readonly tables: ReadonlyMap<string, RuledModuleTable>;
}

export function ruledDbs(db: ModuleDb, { rules, tables }: ModuleRules): DbFor {
  const made = new WeakMap<AccountRules, CallerDb>();
  return (caller) => {
    const own = rules.rulesFor(accountOf(caller));
    let calls = made.get(own);
    // Accounts whose rules are the same share the calls; page tokens say by themselves which rows they are of.
    if (calls === undefined) made.set(own, (calls = new RuledDb(db, own, tables)));
    return calls;
  };
}

class RuledDb implements CallerDb {
  readonly #db: ModuleDb;
  readonly #rules: AccountRules;
  readonly #tables: ReadonlyMap<string, RuledModuleTable>;
  readonly #scopes = new Map<string, ModuleDb>();
  readonly #filters = new WeakMap<object, RowFilter>();

  constructor(db: ModuleDb, rules: AccountRules, tables: ReadonlyMap<string, RuledModuleTable>) {
    [this.#db, this.#rules, this.#tables] = [db, rules, tables];
  }

  isRuled(table: string): boolean {
    return this.#tables.has(table);
  }

  reads(table: string): boolean {
    return !this.isRuled(table) || this.#access(table).read !== undefined;
  }

  async get(table: string, key: unknown, options: CallOptions = {}): Promise<Row | undefined> {
    const { calls, own, shown } = this.#reading(table, {}, options);
    const row = await calls.get(table, key, own);
    return row === undefined ? undefined : shown(row);
  }

  async list(table: string, keys: readonly unknown[], options: CallOptions = {}): Promise<Row[]> {
    const { calls, own, shown } = this.#reading(table, {}, options);
    return (await calls.list(table, keys, own)).map(shown);
  }

  async select(table: string, filter: Row = {}, options: CallOptions = {}): ReturnType<ModuleDb["select"]> {
    const { calls, own, shown } = this.#reading(table, filter, options);
    const page = await calls.select(table, filter, own);
    return { ...page, rows: page.rows.map(shown) };
  }

  async search(table: string, words: string, options: CallOptions = {}): ReturnType<ModuleDb["search"]> {
    const searched = this.#tables.get(table)?.searched ?? [];
    const { calls, own, shown } = this.#reading(table, (options["filter"] ?? {}) as Row, options, searched);
    const page = await calls.search(table, words, own);
    return { ...page, rows: page.rows.map(shown) };
  }

  async count(table: string, filter: Row = {}, options: CallOptions = {}): Promise<number> {
    const { calls, own } = this.#reading(table, filter, options);
    return calls.count(table, filter, own);
  }

  async near(table: string, place: Parameters<ModuleDb["near"]>[1], options: CallOptions = {}): ReturnType<ModuleDb["near"]> {
    const { calls, own, shown } = this.#reading(table, (options["filter"] ?? {}) as Row, options);
    const page = await calls.near(table, place, own);
    return { ...page, rows: page.rows.map(shown) };
  }

  async *scan(table: string, filter: Row = {}, options: CallOptions = {}): AsyncGenerator<Row, void> {
    const { calls, own, shown } = this.#reading(table, filter, options);
    for await (const row of calls.scan(table, filter, own)) yield shown(row);
  }

  add = (table: string, row: Row, options: CallOptions = {}): Promise<WriteResult> => this.#write("add", "add", table, row, options);
  put = (table: string, row: Row, options: CallOptions = {}): Promise<WriteResult> => this.#write("put", "put", table, row, options);
  update = (table: string, row: Row, options: CallOptions = {}): Promise<WriteResult> =>
    this.#write("update", options["upsert"] === true ? "put" : "update", table, row, options);
  incr = (table: string, row: Row, options: CallOptions = {}): Promise<WriteResult> =>
    this.#write("incr", options["mustMatch"] === true ? "update" : "put", table, row, options);
  del = (table: string, key: unknown, options: CallOptions = {}): Promise<WriteResult> =>
    this.#write("del", "del", table, key as Row, options);

  fits(verb: RowVerb, table: string, row: Readonly<Row>): boolean {
    if (!this.isRuled(table)) return true;
    const access = this.#access(table);
    const allowed = verb === "read" ? access.read : access.writing(verb);
    return allowed !== undefined && this.#isWithin(table, allowed.where, row);
  }

  guard(verb: Exclude<RowVerb, "read">, table: string, columns: Readonly<Row> = {}): Row {
    return this.isRuled(table) ? { ...this.#allowed(verb, table, columns).where } : {};
  }

  masked(table: string, row: Readonly<Row>): Row {
    if (!this.isRuled(table)) return { ...row };
    const { read } = this.#access(table);
    return read !== undefined && this.#isWithin(table, read.where, row) ? this.#visible(table, read, row) : {};
  }

  #access(table: string): TableAccess {
    return this.#rules.table(table)!;
  }

  #isWithin(table: string, where: Row | undefined, row: Readonly<Row>): boolean {
    if (where === undefined) return true;
    let fits = this.#filters.get(where);
    if (fits === undefined) this.#filters.set(where, (fits = this.#tables.get(table)!.makeFilter(where)));
    return fits(row);
  }

  /** What of a row is the caller's, and what the module works with. */
  #visible(table: string, read: Grants, row: Readonly<Row>, select?: ReadonlySet<string>): Row {
    const { internal } = this.#tables.get(table)!;
    const seen = read.columnsIn(row);
    const isGiven = (name: string): boolean => (select?.has(name) ?? true) && (internal.has(name) || seen.names.has(name));
    return Object.fromEntries(Object.entries(row).filter(([name]) => isGiven(name)));
  }

  /** How a table is read, by what is asked of it. @throws HttpError 403 for columns that are not seen in every row */
  #reading(
    table: string,
    filter: Row,
    { whole, ...options }: CallOptions,
    searched: readonly string[] = [],
  ): { readonly calls: ModuleDb; readonly own: CallOptions; readonly shown: (row: Row) => Row } {
    const ruled = this.#tables.get(table);
    if (ruled === undefined) return { calls: this.#db, own: options, shown: (row) => row };
    const all = this.#access(table).read;
    if (all === undefined) throw forbidden(`${table} is not open to this account`);
    // Who asks for the rows of one rule alone is held to that rule.
    const read = all.askedBy((column, value) => filter[column] === value);
    const sorted = [(options["sort"] as string | readonly string[] | undefined) ?? []].flat().map((name) => name.replace(/^-/, ""));
    const isOwn = (name: string): boolean => read.ofAccount.has(name) && filter[name] === read.fixed.get(name);
    for (const name of [...columnsIn(filter).filter((each) => !isOwn(each)), ...sorted, ...searched])
      if (!ruled.internal.has(name) && !read.every.names.has(name))
        throw forbidden(`${table}: column ${name} may not be asked for by this account`, name);
    const select = options["select"] as readonly string[] | undefined;
    const own = select === undefined ? options : { ...options, select: [...new Set([...select, ...read.deciding])] };
    const wanted = select === undefined ? undefined : new Set(select);
    return {
      calls: this.#scoped(table, read.where),
      own,
      shown: whole === true ? (row) => row : (row) => this.#visible(table, read, row, wanted),
    };
  }

  #scoped(table: string, where: Row | undefined): ModuleDb {
    const key = `${table} ${where === undefined ? "" : JSON.stringify(where, (_name, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))}`;
    let calls = this.#scopes.get(key);
    if (calls === undefined) this.#scopes.set(key, (calls = this.#db.scope({ [table]: where === undefined ? {} : { where } })));
    return calls;
  }

  /** @throws HttpError 403, naming a column that no rule lets be set */
  #allowed(
    kind: WriteVerb,
    table: string,
    row: Readonly<Row>,
  ): { readonly where: Row | undefined; readonly fixed: ReadonlyMap<string, unknown> } {
    const { key, internal, sets = [] } = this.#tables.get(table)!;
    const given = kind === "del" ? [] : Object.keys(row).filter((name) => !key.has(name) && !internal.has(name) && !sets.includes(name));
    const access = this.#access(table);
    const covers = ({ names }: ColumnSet): boolean => given.every((name) => names.has(name));
    const writing = access.writing(kind, covers);
    if (writing !== undefined) return writing;
    const column = given.find((name) => access.writing(kind, ({ names }) => names.has(name)) === undefined);
    const verb = { add: "made", put: "made or replaced", update: "changed", del: "deleted" }[kind];
    if (access.writing(kind) === undefined || column === undefined) throw forbidden(`rows of ${table} are not ${verb} by this account`);
    throw forbidden(`${table}: column ${column} is not set by this account`, column);
  }

  async #write(
    call: "add" | "put" | "update" | "incr" | "del",
    kind: WriteVerb,
    table: string,
    row: Row,
    { whole, ...options }: CallOptions,
  ): Promise<WriteResult> {
    if (!this.isRuled(table)) return this.#db[call](table, row, options);
    const { where, fixed } = this.#allowed(kind, table, row);
    // What the rule says of new rows by equality need not be given.
    const written = call === "add" ? { ...Object.fromEntries(fixed), ...row } : row;
    const result = await this.#scoped(table, where)[call](table, written, options);
    if (whole === true || result.row === undefined || result.row === null) return result;
    return { ...result, row: this.masked(table, result.row) };
  }
}
