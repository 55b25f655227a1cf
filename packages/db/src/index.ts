export { openDb, type Db, type DbPool } from "./open-db.js";
export type * from "./calls.js";
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
export type { ChangedRowOf, ChangesOf, KeyOf, NewRowOf, RowOf, Selected, SortOf } from "./schema/infer.js";
export type { FilterOf } from "./condition/filter-type.js";
export type * from "./driver.js";
