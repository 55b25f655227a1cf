// The calls of a database that the server makes, with plain types: tables and columns are known at run time only.

export type Row = Record<string, unknown>;
export type CallOptions = Readonly<Record<string, unknown>>;

export interface Page {
  readonly rows: Row[];
  /** Of a search that asks for them, one for each row. */
  readonly highlights?: readonly Readonly<Record<string, unknown>>[];
  readonly next?: string;
}

export interface WriteResult {
  readonly affected: number;
  readonly row?: Row;
}

/** The calls on rows that are the same inside a transaction. */
export interface ServedCalls {
  /** The same calls, within. */
  scope(tables: Readonly<Record<string, object>>, options?: CallOptions): ServedCalls;
  get(table: string, key: unknown, options?: CallOptions): Promise<Row | undefined>;
  add(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  put(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  update(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  incr(table: string, row: Row, options?: CallOptions): Promise<WriteResult>;
  del(table: string, key: unknown, options?: CallOptions): Promise<WriteResult>;
}

export interface ServedDb extends ServedCalls {
  list(table: string, keys: readonly unknown[], options?: CallOptions): Promise<Row[]>;
  select(table: string, filter?: Row, options?: CallOptions): Promise<Page>;
  search(table: string, text: string, options?: CallOptions): Promise<Page>;
  count(table: string, filter?: Row, options?: CallOptions): Promise<number>;
  aggregate(table: string, filter?: Row, options?: CallOptions): Promise<Page>;
  transaction<T>(work: (tx: ServedCalls) => Promise<T>, options?: CallOptions): Promise<T>;
}
