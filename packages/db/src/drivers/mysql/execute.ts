// The execute stage: commands on one connection.

import type { Reply, SelectShape, Value, Values } from "../../driver.js";
import { isAlways } from "../../reference/condition.js";
import { DbError } from "../../errors.js";
import type { Column, Table } from "../../schema/table.js";
import { gathered } from "../../engines/sql/aggregate.js";
import { bindValues, type SqlDefine, type SqlInspect, type SqlRead, type SqlStatement, type SqlWrite } from "../../engines/sql/command.js";
import { compileDefine } from "../../engines/sql/define.js";
import type { MysqlCommand, MysqlPut } from "./compile.js";
import type { Lent } from "./connections.js";
import { sharedValues, uniqueConflict } from "../../engines/sql/unique-conflict.js";
import { indexedCharacters } from "./column-type.js";
import { createIndex, mysqlDialect, storedIndexNames } from "./dialect.js";
import { errorNumber, isFatal, isThereAlready, nulledColumn, takenIndex } from "./errors.js";
import { compileGroupGet, compileGroupPut, compileGroupSelect, type GroupGet, type GroupPut, type GroupSelect, runsOf } from "./group.js";
import type { Answer } from "./statements.js";

type Rows = readonly (readonly Value[])[];

const none: Reply = Object.freeze({ rows: [], affected: 0 });
const one: Reply = Object.freeze({ rows: [], affected: 1 });
/** Rounds of replacing and inserting a row that others delete and insert meanwhile. */
const mostRounds = 100;

/** Carries a command out. */
export async function executeOn(lent: Lent, command: MysqlCommand, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
  switch (command.kind) {
    case "read":
      return read(lent, command, values, signal);
    case "write":
      return write(lent, command, values, signal);
    case "put":
      return !isAlways(command.shape.over) ? add(lent, command, values, signal) : put(lent, command, values, signal);
    case "define":
      return define(lent, command);
    case "inspect":
      return inspect(lent, command);
  }
}

async function read(lent: Lent, command: SqlRead, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
  const { statement, choose, shape } = command;
  const chosen = choose === undefined ? statement : choose(values);
  const { rows } = await lent.run(chosen.text, bindValues(chosen, values, mysqlDialect.search), signal);
  if (shape.verb !== "aggregate") return { rows: asText(rows, shape.columns), affected: 0 };
  const columns = [
    ...shape.groupBy.map(({ column }) => column),
    ...shape.measures.map(({ op, column }) => (op === "min" || op === "max" ? column : undefined)),
  ];
  return { rows: asText(gathered(command, rows), columns), affected: 0 };
}

async function write(
  lent: Lent,
  { statement, shape, givesRows }: SqlWrite,
  values: Values,
  signal: AbortSignal | undefined,
): Promise<Reply> {
  const answer = await change(lent, shape.table, statement, values, signal);
  if (givesRows) return { rows: asText(answer.rows, shape.table.columns), affected: answer.affected };
  // A row that replaced another counts as two.
  return shape.verb === "put" ? one : { rows: [], affected: answer.affected };
}

async function add(lent: Lent, { shape, insert, replace }: MysqlPut, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
  if (await inserts(lent, shape.table, insert, values, signal)) return one;
  if (replace === undefined) return none;
  const { affected } = await change(lent, shape.table, replace, values, signal);
  // The row in the way may have been deleted meanwhile.
  return affected > 0 || (await inserts(lent, shape.table, insert, values, signal)) ? one : none;
}

async function put(lent: Lent, { shape, insert, replace }: MysqlPut, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
  for (let round = 0; round < mostRounds; round++) {
    const { affected } = await change(lent, shape.table, replace!, values, signal);
    if (affected > 0 || (await inserts(lent, shape.table, insert, values, signal))) return one;
  }
  throw new DbError("limited", "others inserted and deleted the row all the time; try again");
}

/** Whether the row was inserted; false when its key is taken. */
async function inserts(lent: Lent, table: Table, insert: SqlStatement, values: Values, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await lent.run(insert.text, bindValues(insert, values), signal);
    return true;
  } catch (error) {
    if (takenIndex(error) === "PRIMARY") return false;
    throw namingGroup(error, table);
  }
}

async function change(lent: Lent, table: Table, statement: SqlStatement, values: Values, signal: AbortSignal | undefined): Promise<Answer> {
  try {
    return await lent.run(statement.text, bindValues(statement, values), signal);
  } catch (error) {
    throw namingGroup(error, table);
  }
}

/** An error that says which unique group's value was taken; others as they are. */
function namingGroup(error: unknown, table: Table): unknown {
  // See `ownRow`: a row with another key has a value of an index that is not declared.
  if (nulledColumn(error) === table.key[0].name) return uniqueConflict(table, {}, error);
  const name = takenIndex(error);
  if (name === undefined || name === "PRIMARY") return error;
  const group = table.uniques.find((index) => storedIndexNames(table, index).includes(name));
  // An index that others have made often has the name of its first column.
  const columns = group?.columns.map((column) => column.name) ?? (table.byName.has(name) ? [name] : undefined);
  return uniqueConflict(table, { columns, name }, error);
}

/** Texts that are stored as bytes, decoded. */
function asText(rows: Rows, columns: readonly (Column | undefined)[]): Rows {
  for (let at = 0; at < columns.length; at++) {
    if (columns[at]?.kind !== "text") continue;
    for (const row of rows as Value[][]) {
      const value = row[at];
      if (value instanceof Uint8Array) row[at] = (value as Buffer).toString("utf8");
    }
  }
  return rows;
}

async function define(lent: Lent, { shape }: SqlDefine): Promise<Reply> {
  // Types depend on the server's version, which was not known when the command was compiled.
  for (const text of compileDefine(shape, lent.dialect).texts) {
    try {
      await lent.say(text);
    } catch (error) {
      if (takenIndex(error) !== undefined && shape.step.kind === "index") throw sharedValues(shape.table, shape.step.index, error);
      // MariaDB takes the type's greatest length for what has no bound, and finds it too long.
      if (shape.step.kind === "index" && [1071, 1170].includes(errorNumber(error) ?? 0))
        await indexBeginnings(lent, shape.table, shape.step.index);
      // Another process was quicker.
      else if (!isThereAlready(error)) throw error;
    }
  }
  return none;
}

/** Makes an index on a table where a column was stored without bounds before it was to be indexed. */
async function indexBeginnings(lent: Lent, table: Table, index: Table["indexes"][number]): Promise<void> {
  if (index.unique) {
    const message = `a column of the unique group ${index.name} is stored without a bounded size; change its type to one with a length`;
    throw new DbError("drift", message, { table: table.name });
  }
  const { rows } = await lent.say(
    `SELECT column_name, character_maximum_length FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '${table.name}' AND character_maximum_length IS NOT NULL`,
  );
  const stored = new Map(rows.map(([name, length]) => [String(name), Number(length)]));
  const isLong = (column: Column): boolean => (stored.get(column.name) ?? 0) > (indexedCharacters(table, column) ?? 0);
  const long = index.columns.filter(isLong).map((column) => column.name);
  try {
    await lent.say(createIndex(table, index, long));
  } catch (error) {
    if (!isThereAlready(error)) throw error;
  }
}

async function inspect(lent: Lent, { statements, read: readRows }: SqlInspect): Promise<Reply> {
  const results: Rows[] = [];
  for (const text of statements) results.push((await lent.say(text)).rows);
  return { rows: [], affected: 0, stored: readRows(results) };
}

const groupGets = new WeakMap<MysqlCommand, GroupGet>();
const groupSelects = new WeakMap<MysqlCommand, GroupSelect>();
const groupPuts = new WeakMap<MysqlCommand, GroupPut>();

/** Carries a read or put out for many groups of values; rejects when nothing was done. */
export async function executeGroupOn(
  lent: Lent,
  command: MysqlCommand,
  group: readonly Values[],
  signal: AbortSignal | undefined,
): Promise<readonly Reply[]> {
  if (command.kind === "read" && command.shape.verb === "get") return getMany(lent, command, group, signal);
  if (command.kind === "read" && command.shape.verb === "select") return selectMany(lent, command, group, signal);
  if (command.kind === "put" || (command.kind === "write" && command.shape.verb === "put")) return putMany(lent, command, group, signal);
  throw new DbError("internal", `${command.shape.verb} is not carried out in groups`);
}

async function getMany(lent: Lent, command: SqlRead, group: readonly Values[], signal: AbortSignal | undefined): Promise<Reply[]> {
  let many = groupGets.get(command);
  if (many === undefined) groupGets.set(command, (many = compileGroupGet(command.shape as never, mysqlDialect)));
  const replies = new Array<Reply>(group.length).fill(none);
  for (const { members, places } of many.parts(group)) {
    let at = 0;
    for (const run of runsOf(members, command.shape.table.key.length)) {
      const { text, size } = many.statement(run.length);
      const { rows } = await lent.run(text, many.bind(run, size), signal);
      for (const reply of many.read(asText(rows, many.columns), run)) replies[places[at++]!] = reply;
    }
  }
  return replies;
}

async function selectMany(lent: Lent, command: SqlRead, group: readonly Values[], signal: AbortSignal | undefined): Promise<Reply[]> {
  const { shape, statement, choose } = command;
  // Its text depends on the values.
  if (choose !== undefined) throw new DbError("unsupported", "this select is not carried out in groups", { outcome: "none" });
  let many = groupSelects.get(command);
  if (many === undefined) groupSelects.set(command, (many = compileGroupSelect(statement)));
  const replies: Reply[] = [];
  for (const run of runsOf(group, statement.slots.length)) {
    const { text, size } = many.statement(run.length);
    const { rows } = await lent.run(text, many.bind(run, size), signal);
    const own = many.read(rows, run);
    replies.push(...own.map((reply) => ({ ...reply, rows: asText(reply.rows, (shape as SelectShape).columns) })));
  }
  return replies;
}

async function putMany(
  lent: Lent,
  command: SqlWrite | MysqlPut,
  group: readonly Values[],
  signal: AbortSignal | undefined,
): Promise<Reply[]> {
  const shape = command.shape as MysqlPut["shape"];
  const adds = !isAlways(shape.over);
  let many = groupPuts.get(command);
  if (many === undefined) groupPuts.set(command, (many = compileGroupPut(shape, mysqlDialect)));
  const runs = runsOf(group, shape.table.columns.length);
  const width = Math.max(...runs.map((run) => run.length));
  const insert = async (run: readonly Values[]): Promise<Answer> => {
    const { text, size } = many.insert(run.length);
    try {
      return await lent.run(text, many.bindRows(run, size), signal);
    } catch (error) {
      throw namingGroup(error, shape.table);
    }
  };
  if (runs.length === 1 && (adds || many.replaces || width < 2)) {
    await insert(group);
    return group.map(() => one);
  }
  if (runs.length === 1) {
    try {
      await insert(group);
      return group.map(() => one);
    } catch (error) {
      // Rows with some of these keys are there: they make room below.
      if (takenIndex(error) !== "PRIMARY") throw error;
    }
  }
  await lent.say("START TRANSACTION");
  try {
    for (const run of runs) {
      if (!adds && !many.replaces) {
        const { text, size } = many.remove(run.length);
        await lent.run(text, many.bindKeys(run, size), signal);
      }
      await insert(run);
    }
    await lent.say("COMMIT");
  } catch (error) {
    // Without its connection the server rolls back by itself.
    if (!isFatal(error)) await lent.say("ROLLBACK");
    throw error;
  }
  return group.map(() => one);
}
