// The version of a row: a random UUID in a column of its own, another one with every write.

import { type Clock } from "@bk/core";

import { DbError } from "../../errors.js";
import type { Slot } from "../../reference/condition.js";
import type { Values } from "../../driver.js";
import type { Table } from "../../schema/table.js";
import type { Engine } from "./engine.js";
import type { NativeRow } from "./rows.js";
import { bindWrite, piece, placeOf, versionBind, versionColumn, whereKey, type Write, writing } from "./statement.js";

export function newVersion(clock: Clock): string {
  const bytes = clock.randomBytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The version of a row that was read; undefined for one that another program has written without. */
export function versionIn(row: NativeRow): string | undefined {
  const version = row["_version"];
  return version === null || version === undefined ? undefined : String(version);
}

/** Sets a version, of a row that is there. */
export function setVersion(keyspace: string, table: Table, key: readonly Slot[]): Write {
  const set = piece(`SET ${versionColumn} = ?`, versionBind);
  return writing({ keyspace, table, key }, `UPDATE ${placeOf(keyspace, table)}`, set, whereKey(table, key), "IF EXISTS");
}

/** Gives a row a version that another program has written without one, so that writes can depend on it. */
export async function adopt(engine: Engine, statement: Write, values: Values): Promise<void> {
  await engine.write(bindWrite(statement, values, newVersion(engine.clock)));
}

export function tooContended(): DbError {
  return new DbError("limited", "others changed the row each time while this call tried to write it; try again later");
}
