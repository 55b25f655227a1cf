// Many gets as one SELECT and many rows as one INSERT. Their texts are made for a few sizes, so that few are prepared.

import { isAlways } from "../../reference/condition.js";
import type { GetShape, PutShape, Reply, Value, Values } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import type { SqlStatement } from "../../engines/sql/command.js";
import type { SqlDialect } from "../../engines/sql/dialect.js";
import { byGuard, groupGuard } from "../../engines/sql/group-guard.js";
import { ownRow } from "./dialect.js";

/** Values that one prepared statement takes, at most. */
const maxPlaceholders = 65_535;

/** A statement for `size` members; a group that is smaller is filled up with its last member. */
export interface GroupStatement {
  readonly text: string;
  readonly size: number;
}

/** Sizes of groups: from each to the next a quarter or a third more. */
const sizes = [2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1_000];

function sizeFor(count: number): number {
  return sizes.find((size) => size >= count) ?? count;
}

/** Texts of inserts that are kept of groups which cannot be filled up, the latest ones: one of 1,000 wide rows has 100 KB. */
const keptExact = 8;

/** Keeps the statements of a command by size. */
export function groupStatements(write: (size: number) => string): (count: number) => GroupStatement {
  const made = new Map<number, GroupStatement>();
  return (count) => {
    const size = sizeFor(count);
    let statement = made.get(size);
    if (statement === undefined) made.set(size, (statement = { text: write(size), size }));
    return statement;
  };
}

/** Many gets: `read` gives the replies of the rows, in which the key stands behind the columns of the shape. */
export interface GroupGet {
  /** The members that one statement serves: those with one guard. */
  readonly parts: (group: readonly Values[]) => readonly { readonly members: readonly Values[]; readonly places: readonly number[] }[];
  readonly statement: (count: number) => GroupStatement;
  readonly bind: (group: readonly Values[], size: number) => Value[];
  readonly read: (rows: readonly (readonly Value[])[], group: readonly Values[]) => Reply[];
  readonly columns: readonly Column[];
}

export function compileGroupGet(shape: GetShape, dialect: SqlDialect): GroupGet {
  const { table, columns, key } = shape;
  const all = [...columns, ...table.key];
  const list = all.map((column) => dialect.quote(column.name)).join(", ");
  const names = table.key.map((column) => dialect.quote(column.name));
  const one = table.key.map((column) => dialect.placeholder(0, column)).join(", ");
  const single = names.length === 1;
  const guard = groupGuard(shape, dialect, (column) => dialect.quote(column.name));
  const write = (size: number): string => {
    const keys = new Array<string>(size).fill(single ? one : `(${one})`).join(", ");
    return `SELECT ${list} FROM ${dialect.quote(table.name)} WHERE ${single ? names[0]! : `(${names.join(", ")})`} IN (${keys})${guard.text}`;
  };
  const identity = (values: Values, from: readonly number[]): string =>
    single ? String(values[from[0]!]) : from.map((at) => String(values[at])).join("\u0000");
  const places = table.key.map((_, i) => columns.length + i);
  return {
    columns: all,
    parts: (group) => byGuard(guard, group),
    statement: groupStatements(write),
    bind: (group, size) => {
      const values: Value[] = [];
      for (let i = 0; i < size; i++) {
        const member = group[Math.min(i, group.length - 1)]!;
        for (const slot of key) values.push(member[slot]!);
      }
      for (const slot of guard.slots) values.push(group[0]![slot]!);
      return values;
    },
    read: (rows, group) => {
      const found = new Map<string, readonly Value[]>();
      for (const row of rows) found.set(identity(row, places), row);
      return group.map((values) => {
        const row = found.get(identity(values, key));
        return { rows: row === undefined ? [] : [row], affected: 0 };
      });
    },
  };
}

/** Many selects as one: each row stands behind the place of its member. */
export interface GroupSelect {
  readonly statement: (count: number) => GroupStatement;
  readonly bind: (group: readonly Values[], size: number) => Value[];
  readonly read: (rows: readonly (readonly Value[])[], group: readonly Values[]) => Reply[];
}

export function compileGroupSelect({ text, slots }: SqlStatement): GroupSelect {
  const list = text.slice("SELECT ".length);
  const write = (size: number): string => Array.from({ length: size }, (_, i) => `(SELECT ${i}, ${list})`).join(" UNION ALL ");
  return {
    statement: groupStatements(write),
    bind: (group, size) => {
      const values: Value[] = [];
      for (let i = 0; i < size; i++) {
        const member = group[Math.min(i, group.length - 1)]!;
        for (const slot of slots) values.push(member[slot]!);
      }
      return values;
    },
    read: (rows, group) => {
      const found = group.map((): (readonly Value[])[] => []);
      // Rows of the members that fill the group up are those of its last one again.
      for (const [place, ...row] of rows) found[Number(place)]?.push(row);
      return found.map((own) => ({ rows: own, affected: 0 }));
    },
  };
}

/** Many rows: texts of inserts, and of the delete that makes room for rows that replace others. */
export interface GroupPut {
  /** Inserts; on tables without unique groups a put replaces what has the key. */
  readonly insert: (count: number) => GroupStatement;
  readonly remove: (count: number) => GroupStatement;
  readonly bindRows: (group: readonly Values[], size: number) => Value[];
  readonly bindKeys: (group: readonly Values[], size: number) => Value[];
  /** Whether filling up with the last row is harmless. */
  readonly replaces: boolean;
}

export function compileGroupPut(shape: PutShape, dialect: SqlDialect): GroupPut {
  const { table, row, key } = shape;
  const names = table.columns.map((column) => dialect.quote(column.name));
  const one = `(${names.map(() => "?").join(", ")})`;
  const replaces = isAlways(shape.over) && table.uniques.length === 0;
  const rest = table.columns.filter((column) => !column.isKey).map((column) => dialect.quote(column.name));
  const set = [ownRow(table), ...rest.map((name) => `${name} = ${dialect.inserted(name)}`)].join(", ");
  const target = dialect.quote(table.name);
  const keyNames = table.key.map((column) => dialect.quote(column.name));
  const keyOne = table.key.map((column) => dialect.placeholder(0, column)).join(", ");
  const bind =
    (slots: readonly number[]) =>
    (group: readonly Values[], size: number): Value[] => {
      const values: Value[] = [];
      for (let i = 0; i < size; i++) {
        const member = group[Math.min(i, group.length - 1)]!;
        for (const slot of slots) values.push(member[slot]!);
      }
      return values;
    };
  const insertText = (size: number): string => {
    const text = `INSERT INTO ${target} (${names.join(", ")}) VALUES ${new Array<string>(size).fill(one).join(", ")}`;
    return replaces ? `${text} ON DUPLICATE KEY UPDATE ${set}` : text;
  };
  const single = keyNames.length === 1;
  const removeText = (size: number): string =>
    `DELETE FROM ${target} WHERE ${single ? keyNames[0]! : `(${keyNames.join(", ")})`} IN (${new Array<string>(size).fill(single ? keyOne : `(${keyOne})`).join(", ")})`;
  const exact = new Map<number, GroupStatement>();
  const exactInsert = (count: number): GroupStatement => {
    const statement = exact.get(count) ?? { text: insertText(count), size: count };
    exact.delete(count);
    exact.set(count, statement);
    if (exact.size > keptExact) exact.delete(exact.keys().next().value!);
    return statement;
  };
  return {
    replaces,
    // A row that is inserted twice would be refused.
    insert: replaces ? groupStatements(insertText) : exactInsert,
    remove: groupStatements(removeText),
    bindRows: bind(row),
    bindKeys: bind(key),
  };
}

/** Cuts a group into runs that one command takes: of rows with many columns fewer. */
export function runsOf(group: readonly Values[], width: number): (readonly Values[])[] {
  const most = Math.max(1, Math.floor(maxPlaceholders / Math.max(width, 1)));
  const runs: (readonly Values[])[] = [];
  for (let start = 0; start < group.length; start += most) runs.push(group.slice(start, start + most));
  return runs;
}
