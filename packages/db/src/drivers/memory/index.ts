import { type Clock, parseConnectUrl, readOptions } from "@bk/core";
import { allChanges, allFilters, scalarKinds, seesAlways } from "../../engines/core-filters.js";
import type { Capabilities, Driver, DriverOptions, Reply, RowChange, Session, Values } from "../../driver.js";
import { DbError, wrongOption } from "../../errors.js";
import { bytesToHex } from "../../schema/bytes.js";
import { copyingCodec as codec } from "../../engines/copying-codec.js";
import type { Table } from "../../schema/table.js";
import { compileMemory, type MemoryCommand } from "./compile.js";
import { eventsOf } from "./feed.js";
import { draftOf, keyText, MemoryStore, setRow, type Tables } from "./store.js";
import { storedRow } from "./stored-row.js";

const capabilities: Capabilities = Object.freeze({
  access: "any",
  indexOrder: true,
  filters: allFilters,
  guards: allFilters,
  versions: false,
  filterScope: "any",
  or: true,
  related: true,
  sorts: scalarKinds,
  changes: allChanges,
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  byFilter: true,
  aggregates: { count: true, of: {}, by: [] },
  transactions: "interactive",
  afterRefusal: "goes on",
  savepoints: true,
  atomic: undefined,
  group: {},
  search: true,
  unique: "engine",
  sees: seesAlways,
  paging: "position",
  ttl: false,
  // More is matched by the core, which has its turn between pages.
  limits: { tests: 400 },
  schema: false,
  watch: "rows",
} satisfies Capabilities);

/** Settings for those who check another engine against this one. */
export interface MemoryDriverSettings {
  /** Claims that replace this driver's own, so that the core plans and refuses as it does on that engine. */
  readonly capabilities?: Partial<Capabilities>;
}

// Stores that have a name, with the number of databases that have them open.
const shared = new Map<string, { readonly store: MemoryStore; users: number }>();

/**
 * Rows in the memory of this process. `memory:` is a store of its own; `memory:name` is one store for all databases of
 * the process that name it, for as long as one of them is open.
 *
 * Every command is carried out synchronously; only writes wait while a transaction is open.
 *
 * @throws DbError `invalid` for a URL with hosts or options, and for any option
 */
export async function memoryDriver(options: DriverOptions, settings: MemoryDriverSettings = {}): Promise<Driver<MemoryCommand>> {
  const { store, release } = openStore(storeName(options));
  const engine: Engine = { store, clock: options.clock };
  const closing = new AbortController();
  return {
    name: "memory",
    capabilities: Object.freeze({ ...capabilities, ...settings.capabilities }),
    codec,
    compile: compileMemory,
    describe: ({ shape }) => ({ verb: shape.verb, table: shape.table.name }),
    classify: () => undefined,
    execute: (command, values, signal) => execute(engine, command, values, signal),
    begin: (begun) => beginSession(engine, begun.signal),
    commit: (changes, signal) => commit(engine, changes, signal),
    drop: (table, signal) => whileWriting(store, signal, () => dropRows(store, table, options.clock.now())),
    watch: ({ table }, from, signal) => {
      const feed = store.feedOf(table.name, () => bytesToHex(options.clock.randomBytes(8)));
      return eventsOf(feed, table, from, AbortSignal.any([signal, closing.signal]));
    },
    async close() {
      closing.abort();
      release();
    },
  };
}

const wrong = wrongOption("memory");

function storeName({ url, options }: DriverOptions): string | undefined {
  const { hosts, path, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 0) throw wrong("url", "the URL names a host; write memory: or memory:name");
  readOptions({ ...inUrl, ...options }, {}, wrong);
  return path;
}

function openStore(name: string | undefined): { store: MemoryStore; release: () => void } {
  if (name === undefined) return { store: new MemoryStore(), release: () => undefined };
  const entry = shared.get(name) ?? { store: new MemoryStore(), users: 0 };
  entry.users += 1;
  shared.set(name, entry);
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    entry.users -= 1;
    if (entry.users === 0) shared.delete(name);
  };
  return { store: entry.store, release };
}

interface Engine {
  readonly store: MemoryStore;
  readonly clock: Clock;
}

function execute(engine: Engine, command: MemoryCommand, values: Values, signal: AbortSignal | undefined): Reply | Promise<Reply> {
  const { store, clock } = engine;
  if (!command.writes) return command.run(store, values, clock.now());
  if (!store.writing.taken) return runWhole(store, command, values, clock.now());
  return whileWriting(store, signal, () => runWhole(store, command, values, clock.now()));
}

/** A command on many rows takes effect on all of them or on none. */
function runWhole(tables: Tables, command: MemoryCommand, values: Values, now: number): Reply {
  const { shape } = command;
  const many = (shape.verb === "update" || shape.verb === "delete") && shape.target === "filter";
  if (!many) {
    try {
      return command.run(tables, values, now);
    } finally {
      if (tables instanceof MemoryStore) tables.publish(shape.table.name);
    }
  }
  const draft = draftOf(tables);
  const reply = command.run(draft, values, now);
  draft.publish();
  return reply;
}

/** Who watches the table hears of each row. */
function dropRows(store: MemoryStore, table: Table, now: number): void {
  const draft = draftOf(store);
  const rows = draft.write(table.name);
  for (const key of rows.byKey.keys()) setRow(rows, table, key, undefined, now);
  rows.indexes.clear();
  draft.publish();
  store.remove(table.name);
}

async function whileWriting<T>(store: MemoryStore, signal: AbortSignal | undefined, action: () => T): Promise<T> {
  const endTurn = await store.writing.take(signal);
  try {
    return action();
  } finally {
    endTurn();
  }
}

async function beginSession({ store, clock }: Engine, signal: AbortSignal | undefined): Promise<Session<MemoryCommand>> {
  const endTurn = await store.writing.take(signal);
  // What was written since each mark, over what was written before it.
  const drafts = [draftOf(store)];
  let open = true;
  const check = (): void => {
    if (!open) throw new DbError("closed", "the transaction has ended", { driver: "memory" });
  };
  const end = (): void => {
    check();
    open = false;
    endTurn();
  };
  return {
    execute(command, values) {
      check();
      return runWhole(drafts.at(-1)!, command, values, clock.now());
    },
    async mark() {
      check();
      drafts.push(draftOf(drafts.at(-1)!));
      return {
        async keep() {
          check();
          drafts.pop()!.publish();
        },
        async undo() {
          check();
          drafts.pop();
        },
      };
    },
    async commit() {
      if (open) for (const draft of drafts.reverse()) draft.publish();
      end();
    },
    rollback: async () => end(),
  };
}

async function commit({ store, clock }: Engine, changes: readonly RowChange[], signal: AbortSignal | undefined): Promise<boolean> {
  return whileWriting(store, signal, () => {
    const draft = draftOf(store);
    const now = clock.now();
    if (!changes.every((change) => isAsBefore(draft, change))) return false;
    const old = changes.map(({ table, key }) => draft.read(table.name)?.byKey.get(keyText(key)));
    // All old rows go first, so that a unique value may pass from one row to another.
    for (const { table, key } of changes) setRow(draft.write(table.name), table, keyText(key), undefined, now);
    for (const [i, { table, key, after }] of changes.entries())
      if (after !== undefined) setRow(draft.write(table.name), table, keyText(key), storedRow(table, after, old[i]), now);
    draft.publish();
    return true;
  });
}

function isAsBefore(tables: Tables, { table, key, before }: RowChange): boolean {
  const row = tables.read(table.name)?.byKey.get(keyText(key));
  if (row === undefined || before === undefined) return row === undefined && before === undefined;
  return table.columns.every((column, i) => (row.get(column.name) ?? null) === (before[i] ?? null));
}
