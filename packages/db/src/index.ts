export { openDb, type OpenOptions, type PoolDefinition, type PoolDefinitions } from "./api/open.js";
export type * from "./api/calls.js";
export { type RowFilter, rowFilters } from "./api/row-filters.js";
export type { CacheCallOptions, CacheLike, CachePutOptions, CacheSettings } from "./calls/cache-store.js";
export { DbError, type DbErrorOptions } from "./errors.js";
export { type CheckedColumns, type CheckedTables, defineTables, table } from "./schema/define-tables.js";
export { type DeclaredReference, referencesOf } from "./schema/declared-references.js";
export { operandOf, operatorOf, operators, type Operand, type Operator } from "./schema/operators.js";
export type {
  CachedSettings,
  ColumnDefinition,
  ColumnDefinitions,
  DriverBags,
  RuleRows,
  TableDefinition,
  TableDefinitions,
  TableRule,
  TableSettings,
  TableWithSettings,
  TypeName,
} from "./schema/definition.js";
export type { Hook, HookCall, HookEvent } from "./calls/hooks.js";
export type { Around, CallEvent, CommandEvent, TracedError } from "./execute/tracing.js";
export type { BackfillProgress } from "./calls/backfill.js";
export type { CopyOptions, CopyProgress } from "./calls/copy.js";
export type { Progress, ResumePoint, ScanProgress } from "./calls/progress.js";
export type { ScanPage } from "./calls/scan.js";
export type { Drift, SyncOptions, SyncResult } from "./calls/sync.js";
export type { ChangedRowOf, ChangesOf, KeyOf, NewRowOf, RowOf, Selected, SortOf } from "./schema/infer.js";
export type { AggregateRowOf, AsksAggregate, GroupName, GroupSortOf, NumberName } from "./schema/aggregate-type.js";
export type { FilterOf } from "./schema/filter-type.js";
export type { ScopeOf } from "./api/scope-types.js";
export type * from "./driver.js";
