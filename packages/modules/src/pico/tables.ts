import type { ColumnDefinitions } from "@bk/db";

export const picoTables = {
  bk_pico_channel: {
    id: { primary: 1 },
    /** The account that opened it; empty: nobody. */
    account: {},
    /** SHA-256 of the pass, and of the one before: the reply with the new one may have been lost. */
    pass_hash: { secure: true },
    old_hash: { secure: true },
    counter: { type: "counter" },
    gone: { type: "ttl" },
  },
  /** Packets that were not acknowledged. */
  bk_pico_message: {
    channel: { primary: 1 },
    res: { type: "bigint", primary: 2 },
    packet: { type: "json" },
    /** It was sent to streams, and not in the reply to a request. */
    sent: { type: "bool" },
    gone: { type: "ttl" },
  },
} as const satisfies Readonly<Record<string, ColumnDefinitions>>;
