import type { ColumnDefinitions } from "@bk/db";

/** Events of the last minutes, for listeners whose connection broke. */
export const eventTables = {
  bk_event: {
    account: { primary: 1 },
    /** Grows with time. */
    id: { primary: 2 },
    event: { type: "json" },
    gone: { type: "ttl" },
  },
} as const satisfies Readonly<Record<string, ColumnDefinitions>>;
