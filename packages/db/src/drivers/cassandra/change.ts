// Updates and deletes of one row.

import type { DeleteShape, UpdateShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { type CassandraCommand, nothingDone, oneDone, untilDecided } from "./command.js";
import type { Engine } from "./engine.js";
import { type Guard, guardOf } from "./guard.js";
import {
  bindWrite,
  joined,
  piece,
  placeOf,
  quoted,
  slotBind,
  versionBind,
  versionColumn,
  whereKey,
  type Write,
  writing,
} from "./statement.js";
import { adopt, newVersion, setVersion, tooContended, versionIn } from "./versions.js";

export function compileUpdate(shape: UpdateShape, keyspace: string): CassandraCommand {
  const { table, key, changes, guard, ifVersion } = shape;
  const set = changes.map(({ column, op, slot }) => {
    if (op !== "set" || slot === undefined) throw new DbError("internal", `the change ${op}, which the driver does not claim`);
    return piece(`${quoted(column.name)} = ?`, slotBind(column, slot));
  });
  const all = joined([...set, piece(`${versionColumn} = ?`, versionBind)], ", ");
  const own = guardOf(table, key, guard, ifVersion);
  const statement = writing({ keyspace, table, key }, `UPDATE ${placeOf(keyspace, table)} SET`, all, whereKey(table, key), own.clause);
  return guarded(statement, own, setVersion(keyspace, table, key));
}

export function compileDelete({ table, key, guard, ifVersion }: DeleteShape, keyspace: string): CassandraCommand {
  const own = guardOf(table, key, guard, ifVersion);
  const statement = writing({ keyspace, table, key }, `DELETE FROM ${placeOf(keyspace, table)}`, whereKey(table, key), own.clause);
  return guarded(statement, own, setVersion(keyspace, table, key));
}

function guarded(statement: Write, { needsVersion, allowsKey }: Guard, own: Write): CassandraCommand {
  return {
    describe: () => [statement.cql],
    async run(engine, values) {
      if (!allowsKey(values)) return nothingDone;
      const isDone = await untilDecided(() => attempt(engine, values));
      if (isDone === undefined) throw tooContended();
      return isDone ? oneDone : nothingDone;
    },
  };

  async function attempt(engine: Engine, values: Values): Promise<boolean | undefined> {
    const found = await engine.write(bindWrite(statement, values, newVersion(engine.clock)));
    if (found === "applied") return true;
    const isForeign = needsVersion && found !== undefined && "_version" in found && versionIn(found) === undefined;
    if (!isForeign) return false;
    await adopt(engine, own, values);
    return undefined;
  }
}
