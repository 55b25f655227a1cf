import type { PutShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { isAlways, isNever } from "../../reference/condition.js";
import { type CassandraCommand, nothingDone, oneDone, untilDecided } from "./command.js";
import type { Engine } from "./engine.js";
import { versionIs } from "./guard.js";
import { rowReader, rowTest } from "./rows.js";
import {
  type Bind,
  bindWrite,
  joined,
  piece,
  type Piece,
  placeOf,
  quoted,
  sentence,
  slotBind,
  versionBind,
  versionColumn,
  whereKey,
  type Write,
  writing,
} from "./statement.js";
import { adopt, newVersion, setVersion, tooContended, versionIn } from "./versions.js";

/** The ways to write a whole row. */
export interface RowStatements {
  /** Makes it, if there is none. */
  readonly insert: Write;
  /** Writes it, whatever is there: every version is another than the new one. */
  readonly replace: Write;
  /** Writes it over a row that has a version. */
  replaceIf(clause: Piece): Write;
}

export function rowStatements({ table, key, row }: Pick<PutShape, "table" | "key" | "row">, keyspace: string): RowStatements {
  const place = placeOf(keyspace, table);
  const names = [...table.columns.map(({ name }) => quoted(name)), versionColumn];
  const binds: Bind[] = [...table.columns.map((column, i) => absentUnset(slotBind(column, row[i]!))), versionBind];
  const marks = piece(`(${names.map(() => "?").join(", ")})`, ...binds);
  const set = table.columns.flatMap((column, i) => (column.isKey ? [] : [piece(`${quoted(column.name)} = ?`, slotBind(column, row[i]!))]));
  const changes = joined([...set, piece(`${versionColumn} = ?`, versionBind)], ", ");
  const replaceIf = (clause: Piece): Write =>
    writing({ keyspace, table, key }, `UPDATE ${place} SET`, changes, whereKey(table, key), clause);
  return {
    insert: writing({ keyspace, table, key }, `INSERT INTO ${place} (${names.join(", ")}) VALUES`, marks, "IF NOT EXISTS"),
    replace: replaceIf(piece(`IF ${versionColumn} != ?`, versionBind)),
    replaceIf,
  };
}

/** A row that is made has nothing to be deleted: what is absent is left out (the client's word for that is undefined). */
function absentUnset(bind: Bind): Bind {
  return (values, version) => bind(values, version) ?? undefined;
}

export function compilePut(shape: PutShape, keyspace: string): CassandraCommand {
  const { table, key, over, ifVersion } = shape;
  const statements = rowStatements(shape, keyspace);
  if (ifVersion !== undefined) {
    const replace = statements.replaceIf(sentence("IF", versionIs(ifVersion)));
    return {
      describe: () => [statements.insert.cql, replace.cql],
      run: (engine, values) => write(engine, (values[ifVersion] ?? null) === null ? statements.insert : replace, values),
    };
  }
  if (isAlways(over)) return lone(statements.replace);
  if (isNever(over)) return lone(statements.insert);
  const readRow = rowReader(table.columns);
  const holds = rowTest(table.columns, over);
  const own = setVersion(keyspace, table, key);
  const current: Bind = (values) => values.at(-1);
  const replace = statements.replaceIf(piece(`IF ${versionColumn} = ?`, current));
  return {
    describe: () => [statements.insert.cql, replace.cql],
    async run(engine, values) {
      const reply = await untilDecided(async () => {
        const found = await engine.write(bindWrite(statements.insert, values, newVersion(engine.clock)));
        if (found === "applied") return oneDone;
        // The server gives the whole row that was in the way.
        if (!holds(readRow(found!), values)) return nothingDone;
        const version = versionIn(found!);
        if (version === undefined) await adopt(engine, own, values);
        else if ((await engine.write(bindWrite(replace, [...values, version], newVersion(engine.clock)))) === "applied") return oneDone;
        return undefined;
      });
      if (reply === undefined) throw tooContended();
      return reply;
    },
    runGroup: () => Promise.reject(new DbError("unsupported", "such puts are carried out one by one", { outcome: "none" })),
  };
}

/** One statement; of a group in one partition all are one write. */
function lone(statement: Write): CassandraCommand {
  return {
    describe: () => [statement.cql],
    run: (engine, values) => write(engine, statement, values),
    async runGroup(engine, group) {
      const isDone = await engine.writeAll(group.map((values) => bindWrite(statement, values, newVersion(engine.clock))));
      if (isDone) return group.map(() => oneDone);
      throw new DbError("already-exists", "a row of the group exists", { outcome: "none" });
    },
  };
}

async function write(engine: Engine, statement: Write, values: Values): Promise<Reply> {
  return (await engine.write(bindWrite(statement, values, newVersion(engine.clock)))) === "applied" ? oneDone : nothingDone;
}
