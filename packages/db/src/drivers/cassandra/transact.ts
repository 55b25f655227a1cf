// A batch transaction: rows of one partition of one table, as one conditional batch.

import type { RowChange } from "../../driver.js";
import { deepEqual } from "../../schema/deep-equal.js";
import { compileGet } from "./get.js";
import { rowStatements } from "./put.js";
import type { Engine } from "./engine.js";
import { bindWrite, type BoundWrite, piece, placeOf, versionColumn, whereKey, writing } from "./statement.js";
import { newVersion } from "./versions.js";

/** False when a row is not as its change says it was, or was changed meanwhile. */
export async function commitChanges(engine: Engine, keyspace: string, changes: readonly RowChange[]): Promise<boolean> {
  if (changes.length === 0) return true;
  const statements = await Promise.all(changes.map((change) => statementFor(engine, keyspace, change)));
  if (statements.includes(undefined)) return false;
  return engine.writeAll(statements as BoundWrite[]);
}

async function statementFor(engine: Engine, keyspace: string, { table, key, before, after }: RowChange): Promise<BoundWrite | undefined> {
  const get = compileGet(
    { verb: "get", table, columns: table.columns, key: table.key.map((_column, i) => i), version: true, consistent: true },
    keyspace,
  );
  const { rows, versions } = await get.run(engine, key);
  const [found] = rows;
  if (!(found === undefined ? before === undefined : before !== undefined && deepEqual(found, before))) return undefined;
  const version = versions?.[0] ?? null;
  const keySlots = slotsFrom(1, table.key.length);
  const row = { keyspace, table, key: keySlots };
  const same = piece(`IF ${versionColumn} = ?`, ([current]) => current);
  const place = placeOf(keyspace, table);
  const fresh = newVersion(engine.clock);
  if (after !== undefined && !(before !== undefined && deepEqual(before, after))) {
    const slots = slotsFrom(1, table.columns.length);
    const write = rowStatements({ table, key: table.key.map((column) => slots[column.index]!), row: slots }, keyspace);
    return bindWrite(version === null ? write.insert : write.replaceIf(same), [version, ...after], fresh);
  }
  const where = whereKey(table, keySlots);
  const remove = writing(row, `DELETE FROM ${place}`, where, same);
  if (after === undefined && version !== null) return bindWrite(remove, [version, ...key], fresh);
  // A row that was only read is written as it is: two transactions that read it do not hinder each other.
  const set = piece(`SET ${versionColumn} = ?`, ([current]) => current);
  return bindWrite(writing(row, `UPDATE ${place}`, set, where, same), [version, ...key], fresh);
}

function slotsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
