import type { GetShape, MemberReply, Reply, Values } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import { toCql } from "./column-type.js";
import { type CassandraCommand, nothingDone } from "./command.js";
import type { Engine } from "./engine.js";
import { type NativeRow, rowReader } from "./rows.js";
import { bindAll, type BoundStatement, pick, placeOf, quoted, sentence, versionColumn, whereKey } from "./statement.js";
import { adopt, setVersion, versionIn } from "./versions.js";

/** Gets of one group are as few statements as their partitions allow: one for tables with a key of one column. */
export function compileGet(shape: GetShape, keyspace: string): CassandraCommand {
  const { table, columns, key, version } = shape;
  const place = placeOf(keyspace, table);
  const names = columns.map(({ name }) => quoted(name));
  const selected = [...names, ...(version === true ? [versionColumn] : [])].join(", ") || quoted(table.key[0].name);
  const one = sentence(`SELECT ${selected} FROM ${place}`, whereKey(table, key));
  const readRow = rowReader(columns);
  const own = setVersion(keyspace, table, key);

  async function run(engine: Engine, values: Values): Promise<Reply> {
    const [row] = (await engine.read(bindAll(one, values))).rows;
    if (row === undefined) return nothingDone;
    if (version !== true) return { rows: [readRow(row)], affected: 0 };
    const found = versionIn(row);
    if (found !== undefined) return { rows: [readRow(row)], affected: 0, versions: [found] };
    await adopt(engine, own, values);
    return run(engine, values);
  }

  return {
    describe: () => [one.cql],
    run,
    async runGroup(engine, group) {
      if (version === true) return Promise.all(group.map((values) => run(engine, values)));
      const found = new Map<string, NativeRow>();
      const keys = group.map((values) => pick(key, values));
      const wanted = [...new Set([...table.key, ...columns])];
      const keyOfRow = rowReader(table.key);
      const readAll = async (statement: BoundStatement): Promise<void> => {
        for (const row of (await engine.read(statement)).rows) found.set(keyText(keyOfRow(row)), row);
      };
      await Promise.all(statementsFor(place, table.key, wanted, keys).map(readAll));
      return keys.map((one): MemberReply => {
        const row = found.get(keyText(one));
        return row === undefined ? nothingDone : { rows: [readRow(row)], affected: 0 };
      });
    },
  };
}

function keyText(key: Values): string {
  return JSON.stringify(key.map(String));
}

/** A statement for all rows that differ in the last column of the key alone. */
function statementsFor(place: string, key: readonly Column[], columns: readonly Column[], keys: readonly Values[]): BoundStatement[] {
  const selected = columns.map(({ name }) => quoted(name)).join(", ");
  const first = key.slice(0, -1);
  const conditions = [...first.map(({ name }) => `${quoted(name)} = ?`), `${quoted(key.at(-1)!.name)} IN ?`];
  const cql = `SELECT ${selected} FROM ${place} WHERE ${conditions.join(" AND ")}`;
  const encoders = key.map(toCql);
  const groups = new Map<string, unknown[][]>();
  for (const one of keys) {
    const id = keyText(one.slice(0, -1));
    const members = groups.get(id) ?? [];
    members.push(encoders.map((encode, i) => encode(one[i] ?? null)));
    groups.set(id, members);
  }
  return [...groups.values()].map((members) => ({
    cql,
    params: [...members[0]!.slice(0, -1), members.map((values) => values.at(-1))],
  }));
}
