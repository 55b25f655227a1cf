// Makes a database driver of an ordered key-value store: rows are read by key or by a range of keys or index entries,
// filtered here, and written with expectations.

import type { Clock } from "@bk/core";
import { allChanges, allFilters, seesAlways } from "../core-filters.js";
import { conditionKey, conjuncts, isAlways } from "../../reference/condition.js";
import type { Capabilities, Classified, Driver, MemberReply, Reply, SelectShape, Shape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { storedTypeOf } from "../stored-columns.js";
import type { Table } from "../../schema/table.js";
import { commitChanges } from "./commit.js";
import { AfterWriteError } from "./after-write.js";
import type { Awaitable } from "./at-once.js";
import { define, drop, inspect, sweep } from "./define.js";
import { kvCodec, spaceOf } from "./rows.js";
import { compileCount, compileGet, compileSelect } from "./select.js";
import type { KvStore } from "./store.js";
import { kvTable, type KvTable } from "./table.js";
import { compileDelete, compilePut, compilePutGroup, compileUpdate, type Writer } from "./write.js";

export interface KvCommand {
  readonly shape: Shape;
  run(values: Values, signal?: AbortSignal): Awaitable<Reply>;
  /** The same for several groups of values, where one call of the store serves them. */
  runGroup?(group: readonly Values[], signal?: AbortSignal): Awaitable<readonly MemberReply[]>;
}

export interface KvDriverOptions {
  readonly clock: Clock;
  /** Says what an error of the store means. */
  readonly classify: (error: unknown) => Classified | undefined;
  /** Name of a table in the store, `group/name` for tables of one group; default its own name. Throws `invalid` when the table's settings for this store are wrong. */
  readonly placeOf?: (table: Table) => string;
  /** What this store can do beside, or less than, what the engine claims. */
  readonly capabilities?: Partial<Capabilities>;
}

const capabilities: Capabilities = {
  access: "ordered",
  indexOrder: true,
  filters: allFilters,
  guards: allFilters,
  versions: true,
  filterScope: "any",
  or: true,
  related: false,
  // Order comes from the path; all else is sorted by the core.
  sorts: [],
  changes: allChanges,
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  byFilter: false,
  aggregates: { count: true, of: {}, by: [] },
  transactions: "batch",
  afterRefusal: "goes on",
  savepoints: false,
  atomic: undefined,
  group: {},
  search: false,
  unique: "engine",
  sees: seesAlways,
  paging: "position",
  ttl: false,
  limits: { tests: 400 },
  schema: true,
  watch: "none",
};

/** Where nothing larger than a row is atomic. */
const byRowCapabilities = { transactions: "none", unique: "claims" } satisfies Partial<Capabilities>;

/** A driver of its name over a store. Spread it and replace a member where the database deserves better. */
export function kvDriver(name: string, store: KvStore, options: KvDriverOptions): Driver<KvCommand> {
  const writer: Writer = { store, clock: options.clock };
  const known = new WeakMap<Table, KvTable>();
  const tableOf = (table: Table): KvTable => {
    let own = known.get(table);
    if (own === undefined) known.set(table, (own = kvTable(store, table, options.placeOf?.(table) ?? table.name)));
    return own;
  };
  const claimed = Object.freeze({ ...capabilities, ...(store.byRow === undefined ? {} : byRowCapabilities), ...options.capabilities });
  return {
    name,
    capabilities: claimed,
    codec: kvCodec,
    compile: (shape) => compile(writer, tableOf(shape.table), shape, !claimed.ttl),
    describe: ({ shape }) => describe(shape),
    classify: (error) => classifyWith(options.classify, error),
    execute: (command, values, signal) => command.run(values, signal),
    executeGroup: (command, group, signal) => command.runGroup?.(group, signal) ?? Promise.reject(notAsGroup()),
    slotOf: (table) => (options.placeOf?.(table) ?? table.name).split("/", 1)[0]!,
    ...(claimed.transactions === "none" ? {} : { commit: (changes, signal) => commitChanges(writer, tableOf, changes, signal) }),
    serves: (stored, column) => stored === storedTypeOf(column),
    ...(claimed.ttl ? {} : { sweep: (table, before, signal) => sweep(writer, tableOf(table), before, signal) }),
    // A store of single rows makes indexes of its own, which would stay.
    ...(store.byRow === undefined ? { drop: (table, signal) => drop(writer, tableOf(table), signal) } : {}),
    close: async () => store.close(),
  };
}

function classifyWith(classify: KvDriverOptions["classify"], error: unknown): Classified | undefined {
  if (!(error instanceof AfterWriteError)) return classify(error);
  return { code: "internal", ...classify(error.cause), outcome: "unknown" };
}

// Rows that are read before they are written cannot be written together; told so, the core writes them one by one.
function notAsGroup(): DbError {
  return new DbError("unsupported", "this command cannot be carried out for several groups of values at once");
}

function compile(writer: Writer, own: KvTable, shape: Shape, keepsEnds: boolean): KvCommand {
  switch (shape.verb) {
    case "get":
      return { shape, ...compileGet(writer.store, own, shape) };
    case "select":
      return { shape, run: compileSelect(writer, own, shape) };
    case "aggregate":
      return { shape, run: compileCount(writer, own, shape) };
    case "put":
      return {
        shape,
        run: compilePut(writer, own, shape),
        ...(shape.returning === "none" ? { runGroup: compilePutGroup(writer, own, shape) } : {}),
      };
    case "update":
      return { shape, run: compileUpdate(writer, own, shape) };
    case "delete":
      return { shape, run: compileDelete(writer, own, shape) };
    case "define":
      return { shape, run: (_values, signal) => define(writer, own, shape, keepsEnds, signal) };
    case "inspect":
      return { shape, run: (_values, signal) => inspect(writer, own, signal) };
  }
}

/** A command in words: what is read or written of the store, and what is left to the engine. */
function describe(shape: Shape): unknown {
  const table = shape.table.name;
  switch (shape.verb) {
    case "get":
      return { get: table };
    case "select":
      return { range: table, ...describeRange(shape) };
    case "aggregate":
      return { range: table, ...describeRange(shape), count: true };
    case "put":
      return {
        write: table,
        expect: !isAlways(shape.over) ? "absent" : shape.returning === "old" ? "as read" : "anything",
        links: linksOf(shape.table),
      };
    case "update":
      return {
        read: table,
        change: shape.changes.map(({ column, op }) => `${op} ${column.name}`),
        ...describeGuard(shape),
        ...(shape.insert === undefined ? {} : { insert: true }),
        write: "if as read",
      };
    case "delete":
      return conjuncts(shape.guard).length === 0 && shape.returning === "none"
        ? { remove: table, expect: "present" }
        : { read: table, ...describeGuard(shape), remove: "if as read" };
    case "define":
      return { define: table, step: shape.step.kind, ...(shape.step.kind === "index" ? { space: spaceOf(shape.step.index) } : {}) };
    case "inspect":
      return { inspect: table };
  }
}

function describeRange({ path, filter, after, limit }: Pick<SelectShape, "path" | "filter" | "after" | "limit">): Record<string, unknown> {
  const filtered = conjuncts(filter).length > 0;
  return {
    space: path?.index === undefined ? "key" : spaceOf(path.index),
    ...(path === undefined || path.equal.length === 0 ? {} : { equal: path.columns.slice(0, path.equal.length).map(({ name }) => name) }),
    ...(path?.range === undefined ? {} : { bounds: `${path.range.column.name} ${path.range.op}` }),
    ...(path?.descending === true ? { backwards: true } : {}),
    ...(after === undefined ? {} : { after: true }),
    ...(filtered ? { filter: conditionKey(filter) } : {}),
    ...(limit === undefined ? {} : { limit: true }),
  };
}

function describeGuard({ guard }: { readonly guard: SelectShape["filter"] }): { guard?: string } {
  return conjuncts(guard).length === 0 ? {} : { guard: conditionKey(guard) };
}

function linksOf(table: Table): string[] {
  return [...table.indexes, ...table.uniques].map(spaceOf);
}
