// `@bk/auth/better-auth`: better-auth on any database of @bk/db.

export { bkAdapter, type BkAdapterOptions } from "./adapter.js";
export type { BetterAuthDb } from "./calls.js";
export { type BetterAuthColumn, type BetterAuthTables, tablesOf, type TablesOptions } from "./tables.js";
