import type { User } from "./users.js";

/** What a library must do to take part. Synchronous libraries answer at once and are not awaited. */
export interface Contestant {
  get(id: string): unknown;
  /** The newest 20 rows of an e-mail address. */
  select?(email: string): unknown;
  /** The first 100 active rows of at least this age, by id. */
  page?(age: number): unknown;
  update?(id: string, age: number): unknown;
  incr?(id: string): unknown;
  put(user: User): unknown;
  add?(user: User): unknown;
  del(id: string): unknown;
  /** Inserts rows. */
  bulk?(users: readonly User[]): unknown;
  /** Deletes the rows whose ids begin with `x-`. */
  clear(): unknown;
  close(): unknown;
}

export interface Entry {
  /** Makes the table; absent: the raw client's. */
  create?(url: string): Promise<void>;
  /** Loads the library and connects. */
  open(url: string): Promise<Contestant>;
}

export const engineNames = [
  "sqlite",
  "pg",
  "mysql",
  "mariadb",
  "redis",
  "lmdb",
  "level",
  "mongodb",
  "dynamodb",
  "cassandra",
  "elasticsearch",
] as const;
export type EngineName = (typeof engineNames)[number];

/** The engines of which reads and writes by key are measured alone, and how many rows they are given. */
export const keyedRows: Readonly<Partial<Record<EngineName, number>>> = {
  redis: 20_000,
  lmdb: 100_000,
  level: 100_000,
  mongodb: 20_000,
  dynamodb: 5_000,
  cassandra: 20_000,
  elasticsearch: 5_000,
};
