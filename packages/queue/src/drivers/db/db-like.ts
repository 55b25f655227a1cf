// What is used of a database: any `Db` of @bk/db that has the table is one.

type Row = Readonly<Record<string, unknown>>;

export interface DbCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly pool?: string | undefined;
}

/** One write of `bulk`. */
export type DbWrite =
  | { readonly op: "add" | "put"; readonly table: "bk_queue"; readonly row: Row }
  | { readonly op: "update"; readonly table: "bk_queue"; readonly row: Row; readonly options: { readonly where: Row } }
  | { readonly op: "del"; readonly table: "bk_queue"; readonly key: Row; readonly options: { readonly where: Row } };

/**
 * A database that has the table of `queueTables`. A `Db` has types for the names of its tables and pools, which no interface can know: what it takes
 * is stated where it is called (`QueueDb`).
 */
export interface DbLike {
  get(table: "bk_queue", key: never): Promise<unknown>;
  add(table: "bk_queue", row: never): Promise<unknown>;
  bulk(items: never): Promise<readonly unknown[]>;
  sync(): Promise<unknown>;
  close(): Promise<void>;
}

/** What the driver calls. */
export interface QueueDb {
  get(table: "bk_queue", key: Row, options?: DbCallOptions & { readonly consistent?: boolean }): Promise<unknown>;
  select(
    table: "bk_queue",
    filter: Row,
    options?: DbCallOptions & {
      readonly sort?: "due" | "dead" | readonly ("dead" | "id")[];
      readonly count?: number;
      readonly start?: string;
      readonly scan?: boolean;
      readonly consistent?: boolean;
    },
  ): Promise<{ readonly rows: readonly unknown[]; readonly next?: string }>;
  count(
    table: "bk_queue",
    filter: Row,
    options?: DbCallOptions & { readonly scan?: boolean; readonly consistent?: boolean },
  ): Promise<number>;
  add(table: "bk_queue", row: Row, options?: DbCallOptions): Promise<unknown>;
  delAll(table: "bk_queue", filter: Row, options?: DbCallOptions & { readonly scan?: boolean }): Promise<{ readonly affected: number }>;
  bulk(
    items: readonly DbWrite[],
    options?: DbCallOptions,
  ): Promise<readonly ({ readonly affected: number } | { readonly error: unknown })[]>;
  capabilities(pool?: string): { readonly sees: { readonly index: string } };
  sync(options?: DbCallOptions): Promise<unknown>;
  native(pool: string, command: unknown, options?: { readonly signal?: AbortSignal | undefined }): Promise<unknown>;
  close(): Promise<void>;
}
