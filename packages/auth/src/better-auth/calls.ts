// What is used of a database: any open `Db` of @bk/db that has the tables of `tablesOf` is one.

/** A row, a filter or changes, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A database. A `Db` has types for the names of its tables and pools, which no interface can know: what it takes is stated by `Calls`. */
export interface BetterAuthDb {
  get(table: never, key: never): Promise<unknown>;
  select(table: never, filter?: never): Promise<unknown>;
  count(table: never, filter?: never): Promise<unknown>;
  add(table: never, row: never): Promise<unknown>;
  update(table: never, row: never): Promise<unknown>;
  incr(table: never, row: never): Promise<unknown>;
  del(table: never, key: never): Promise<unknown>;
  updateAll(table: never, filter: never, changes: never): Promise<unknown>;
  delAll(table: never, filter: never): Promise<unknown>;
  transaction(run: never, options?: never): Promise<unknown>;
  capabilities(pool?: never): { readonly transactions: string };
}

interface PoolOption {
  readonly pool?: string | undefined;
}

interface ManyOptions extends PoolOption {
  readonly scan?: boolean;
  readonly all?: boolean;
}

interface Written {
  readonly affected: number;
  readonly row?: Row;
}

/** The calls that the adapter makes, on a database or in a transaction. */
export interface Calls {
  get(table: string, key: Row, options: PoolOption & { readonly select?: readonly string[] | undefined }): Promise<Row | undefined>;
  select(
    table: string,
    filter: Row,
    options: PoolOption & {
      readonly select?: readonly string[] | undefined;
      readonly sort?: string | undefined;
      readonly count: number;
      readonly start?: string | undefined;
      readonly scan: true;
    },
  ): Promise<{ readonly rows: readonly Row[]; readonly next?: string }>;
  count(table: string, filter: Row, options: ManyOptions): Promise<number>;
  add(table: string, row: Row, options: PoolOption & { readonly returning: "new" }): Promise<Written>;
  update(
    table: string,
    row: Row,
    options: PoolOption & {
      readonly where?: Row;
      readonly ops?: Readonly<Record<string, "incr">>;
      readonly upsert?: boolean;
      readonly returning?: "new";
    },
  ): Promise<Written>;
  incr(table: string, row: Row, options: PoolOption & { readonly returning: "new" }): Promise<Written>;
  del(table: string, key: Row, options: PoolOption & { readonly where?: Row; readonly returning?: "old" }): Promise<Written>;
  updateAll(table: string, filter: Row, changes: Row, options: ManyOptions): Promise<{ readonly affected: number }>;
  delAll(table: string, filter: Row, options: ManyOptions): Promise<{ readonly affected: number }>;
  transaction<Result>(run: (tx: Calls) => Promise<Result>, options: PoolOption): Promise<Result>;
}
