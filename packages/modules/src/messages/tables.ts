import { BkError } from "@bk/core";
import type { ColumnDefinition, ColumnDefinitions } from "@bk/db";

import type { RuledTable } from "../contract/caller-db.js";

/** Columns of an app's own for messages, by name. */
export type MessageColumns = Readonly<Record<string, ColumnDefinition>>;

export interface MessageTables {
  readonly bk_message: ColumnDefinitions;
  readonly bk_sent: ColumnDefinitions;
}

const secure: ColumnDefinition = { secure: true };

/**
 * The tables of messages: what accounts have received, in their inbox or archive, and what they have sent.
 *
 * @param more  columns of the app, in both tables
 * @throws BkError `invalid` for a column that has the name of another one, or is part of a key
 */
export function messageTables(more: MessageColumns = {}): MessageTables {
  const shared: ColumnDefinitions = {
    name: {},
    msg: {},
    /** 1 where there is an image. */
    icon: { type: "int", value: 0 },
    icon_type: {},
    /** The key of its bytes. */
    object: secure,
    flags: { type: "list" },
    ctime: { type: "now", readonly: true },
    /** Tells a message from all others. */
    token: secure,
  };
  const bk_message: ColumnDefinitions = {
    id: { primary: 1 },
    /** `inbox` or `archive`: in the key, so that a message moves within one table and partition. */
    box: { primary: 2 },
    mtime: { type: "bigint", primary: 3 },
    sender: { index: 1 },
    ...shared,
    read: { type: "int", value: 0, notEmpty: true },
    /** It is on its way to the archive, where the engine writes one row at a time. */
    moved: { type: "bool", secure: true },
  };
  const bk_sent: ColumnDefinitions = {
    id: { primary: 1 },
    mtime: { type: "bigint", primary: 2 },
    recipient: { primary: 3, index: 1 },
    ...shared,
    /** Until when it may still be on its way, where the engine writes one row at a time. */
    pending: { type: "bigint", secure: true },
  };
  for (const [name, column] of Object.entries(more))
    if (Object.hasOwn(bk_message, name) || Object.hasOwn(bk_sent, name) || column.primary !== undefined)
      throw new BkError("invalid", `messages: columns: ${name} is a column already, or part of a key`, { detail: { field: "columns" } });
  return { bk_message: { ...bk_message, ...more }, bk_sent: { ...bk_sent, ...more } };
}

/** Who sends makes the recipient's row; the sender's copy follows it. */
export const messageRuled: Readonly<Record<string, RuledTable>> = {
  bk_message: {
    verbs: ["read", "add", "update", "del"],
    needs: ["id", "box", "mtime", "sender", "read"],
    sets: ["sender", "name", "icon", "icon_type"],
  },
  bk_sent: { verbs: ["read", "del"], needs: ["id", "mtime", "recipient"] },
};
