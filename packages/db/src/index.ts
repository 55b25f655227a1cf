export { openDb, type Db } from "./open-db.js";
export { DbError, type DbErrorOptions } from "./errors.js";
export { defineTables, table } from "./schema/definition.js";
export type {
  ColumnDefinition,
  ColumnDefinitions,
  TableDefinition,
  TableDefinitions,
  TableSettings,
  TableWithSettings,
  TypeName,
} from "./schema/definition.js";
export type { OpenOptions, PoolDefinition } from "./db.js";
export type { Hook, HookCall, HookEvent } from "./hooks.js";
export type { CopyOptions, CopyProgress } from "./copy.js";
export type { Drift, SyncOptions, SyncResult } from "./sync.js";
export type { TransactionOptions } from "./transaction.js";
export type * from "./driver.js";
