// What modules need of a database: the calls of a `Db` of @bk/db with plain types, for a module knows its tables and no others.

export type Row = Record<string, unknown>;
export type CallOptions = Readonly<Record<string, unknown>>;

export interface Page {
  readonly rows: Row[];
  readonly next?: string;
}

/** A page of rows near a place, and how far each is from it. */
export interface NearPage extends Page {
  readonly distancesKm: number[];
}

export interface WriteResult {
  readonly affected: number;
  readonly row?: Row;
}

/** The calls that are the same inside a transaction. */
export interface ModuleCalls {
  get(table: string, key: unknown, options?: CallOptions): Promise<Row | undefined>;
  list(table: string, keys: readonly unknown[], options?: CallOptions): Promise<Row[]>;
  add(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  put(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  update(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  incr(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  del(table: string, key: unknown, options?: CallOptions): Promise<WriteResult>;
}

/** The calls of a database. */
export interface ModuleDb extends ModuleCalls {
  select(table: string, filter?: Row, options?: CallOptions): Promise<Page>;
  /** @throws DbError `unsupported` where the database has no full-text search */
  search(table: string, words: string, options?: CallOptions): Promise<Page>;
  count(table: string, filter?: Row, options?: CallOptions): Promise<number>;
  near(
    table: string,
    place: { readonly latitude: number; readonly longitude: number; readonly distanceKm: number },
    options?: CallOptions,
  ): Promise<NearPage>;
  scan(table: string, filter?: Row, options?: CallOptions): AsyncIterable<Row>;
  bulk(items: readonly Row[], options?: CallOptions): Promise<readonly ({ readonly affected: number } | { readonly error: unknown })[]>;
  delAll(table: string, filter: Row, options?: CallOptions): Promise<{ readonly affected: number }>;
  scope(tables: Readonly<Record<string, object>>, options?: CallOptions): ModuleDb;
  transaction<T>(work: (tx: ModuleCalls) => Promise<T>, options?: CallOptions): Promise<T>;
  capabilities(): ModuleCapabilities;
  /** What was asked of each database. */
  metrics(): Readonly<Record<string, PoolNumbers>>;
}

export interface PoolNumbers {
  readonly calls: number;
  readonly retries: number;
  readonly errors: number;
  /** Of rows in the cache. */
  readonly cached?: { readonly hits: number; readonly misses: number };
}

/** What modules ask of an engine. */
export interface ModuleCapabilities {
  readonly transactions: "interactive" | "batch" | "none";
  /** Where the rows of a transaction must lie; absent: anywhere. */
  readonly atomic?: { readonly rows?: number; readonly within: "database" | "slot" | "partition" } | undefined;
}

/** Whether rows of any tables can be written together. */
export function writesTogether(db: Pick<ModuleDb, "capabilities">): boolean {
  const { transactions, atomic } = db.capabilities();
  return transactions !== "none" && (atomic === undefined || atomic.within === "database");
}

/**
 * A database that has the tables of a module. A `Db` has types for the names of its tables, which no interface can know: what is
 * called stands in `ModuleDb`.
 */
export interface DbLike {
  get(table: never, key: never): Promise<unknown>;
  bulk(items: never): Promise<readonly unknown[]>;
  capabilities(): { readonly transactions: "interactive" | "batch" | "none" };
  close(): Promise<void>;
}

/** The calls of a database that an app has opened. */
export function callsOf(db: DbLike): ModuleDb {
  return db as unknown as ModuleDb;
}
