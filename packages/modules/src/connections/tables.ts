import type { ColumnDefinition, ColumnDefinitions } from "@bk/db";
import { BkError } from "@bk/core";

import type { RuledTable } from "../contract/caller-db.js";

/** Columns of an app's own for connections, by name. */
export type ConnectionColumns = Readonly<Record<string, ColumnDefinition>>;

export interface ConnectionTables {
  readonly bk_connection: ColumnDefinitions;
  readonly bk_reference: ColumnDefinitions;
  readonly bk_connection_task: ColumnDefinitions;
}

const secure: ColumnDefinition = { secure: true };
const flag: ColumnDefinition = { type: "bool", secure: true };

/**
 * The tables of connections: a row of `bk_connection` for each connection that an account has made, and a row of `bk_reference`,
 * its mirror, for the account that it leads to.
 *
 * @param more  columns of the app, in both tables
 * @throws BkError `invalid` for a column that has the name of another one, or is part of a key
 */
export function connectionTables(more: ConnectionColumns = {}): ConnectionTables {
  const shared: ColumnDefinitions = {
    id: { primary: 1, pub: true },
    type: { primary: 2, pub: true },
    peer: { primary: 3, pub: true },
    name: { pub: true },
    status: {},
    mtime: { type: "now", pub: true },
    /** The peer does not see it. */
    silent: flag,
  };
  const own: ColumnDefinitions = {
    /** The name of whoever made it, for the mirror. */
    own_name: secure,
    /** It is in the counter of whoever made it. */
    counted: flag,
    /** It is in the counter of the peer. */
    told: flag,
    /** What is being done to it, where the engine cannot do it at once: the token of a task. */
    token: secure,
    /** It is being removed. */
    ending: flag,
  };
  for (const [name, column] of Object.entries(more))
    if (Object.hasOwn(shared, name) || Object.hasOwn(own, name) || column.primary !== undefined)
      throw new BkError("invalid", `connections: columns: ${name} is a column already, or part of a key`, { detail: { field: "columns" } });
  return {
    bk_connection: { ...shared, ...own, ...more },
    bk_reference: { ...shared, ...more },
    /** What was begun on engines that do not write several rows at once, until it is done. */
    bk_connection_task: {
      shard: { type: "int", primary: 1 },
      token: { primary: 2 },
      /** Whose it is until then, in milliseconds since 1970. */
      until: { type: "bigint" },
      verb: {},
      id: {},
      type: {},
      peer: {},
      /** Counters have been changed. */
      counted: { type: "bool" },
    },
  };
}

/** References follow connections. */
export const connectionRuled: Readonly<Record<string, RuledTable>> = {
  bk_connection: { verbs: ["read", "add", "update", "del"], needs: ["id", "type", "peer"], sets: ["name"] },
  bk_reference: { verbs: ["read"], needs: ["id", "type", "peer"] },
};
