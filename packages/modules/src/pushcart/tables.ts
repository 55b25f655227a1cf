import type { ColumnDefinitions } from "@bk/db";

export const pushcartTables = {
  /** Applications, which make messages. */
  bk_push_app: {
    id: { primary: 1 },
    name: {},
    /** SHA-256 of the token. */
    token_hash: { secure: true, unique: 1 },
    ctime: { type: "now", readonly: true },
  },
  /** Clients, which read them. */
  bk_push_client: {
    id: { primary: 1 },
    type: {},
    info: { type: "json" },
    token_hash: { secure: true, unique: 1 },
    ctime: { type: "now", readonly: true },
  },
  /** Messages by their number, in parts of `partSize`. */
  bk_push_message: {
    part: { type: "bigint", primary: 1 },
    number: { type: "bigint", primary: 2 },
    app_id: {},
    app_name: {},
    data: { type: "json" },
    ctime: { type: "now", readonly: true },
    gone: { type: "ttl" },
  },
  /** One row: the first and the last part that hold messages, and whether there was ever one. */
  bk_push_state: { id: { primary: 1 }, first: { type: "bigint" }, last: { type: "bigint" }, is_used: { type: "bool" } },
} as const satisfies Readonly<Record<string, ColumnDefinitions>>;
