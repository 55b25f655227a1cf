// One command with many groups of values, in one exchange: gets by an array of keys, puts by an array for each column,
// large ones by COPY, all else as so many executions of the prepared statement in one transaction.

import type { GetShape, PutShape, Reply, Value, Values } from "../../driver.js";
import { isAlways, isNever } from "../../reference/condition.js";
import type { Column, Table } from "../../schema/table.js";
import type { SqlCommand } from "../../engines/sql/command.js";
import { quoteDouble as quote } from "../../engines/sql/dialect.js";
import { byGuard, type GroupGuard, groupGuard } from "../../engines/sql/group-guard.js";
import { arrayLiteral } from "./array-literal.js";
import { copyData } from "./copy.js";
import { postgresDialect, types } from "./dialect.js";
import type { Step, StepResult } from "./exchange.js";

/** What is sent for a group, and how its answers are read. */
export interface GroupExchange {
  readonly steps: readonly Step[];
  readonly read: (results: readonly StepResult[]) => readonly Reply[];
}

/**
 * Gives the exchange of a group.
 *
 * @param inside  in a transaction that goes on, and that may be rolled back
 */
export type GroupForm = (group: readonly Values[], inside: boolean) => GroupExchange;

/** Rows from which COPY is cheaper than arrays. */
const copyFrom = 400;

/** The form for many of a command, made once; undefined where it has none and its members are carried out one behind the other. */
export function groupForm(command: SqlCommand, nameOf: (text: string) => string): GroupForm | undefined {
  const { shape } = command;
  if (shape.verb === "get") return shape.table.key.length === 1 ? getByKeys(shape, nameOf) : getByPlaces(shape, nameOf);
  if (shape.verb === "put" && shape.returning === "none" && (isAlways(shape.over) || isNever(shape.over))) return putRows(shape, nameOf);
  return undefined;
}

const nothing: readonly (readonly Value[])[] = Object.freeze([]);
const missing: Reply = Object.freeze({ rows: nothing, affected: 0 });

/** A key of one column: rows are told apart by its text, which comes back as it was sent for every kind that a key may have. */
function getByKeys(shape: GetShape, nameOf: (text: string) => string): GroupForm {
  const { table, columns, key } = shape;
  const [column] = table.key;
  const slot = key[0]!;
  const place = columns.length;
  const list = [...columns, column].map(({ name }) => quote(name)).join(", ");
  const guard = groupGuard(shape, postgresDialect, ({ name }) => quote(name), 1);
  const text = `SELECT ${list} FROM ${quote(table.name)} WHERE ${quote(column.name)} = ANY($1::${types[column.kind]}[])${guard.text}`;
  const name = nameOf(text);
  return guarded(guard, (group) => ({
    step: { text, name, values: [arrayLiteral(group.map((values) => values[slot]!)), ...valuesOf(guard, group)] },
    read: ({ rows }) => {
      const found = new Map<Value, Reply>();
      for (const row of rows) found.set(row[place]!, { rows: [row], affected: 0 });
      return group.map((values) => found.get(String(values[slot])) ?? missing);
    },
  }));
}

/** A key of several columns: rows come with the place of the key that asked for them. */
function getByPlaces(shape: GetShape, nameOf: (text: string) => string): GroupForm {
  const { table, columns, key } = shape;
  const arrays = table.key.map(({ kind }, i) => `$${i + 1}::${types[kind]}[]`).join(", ");
  const names = table.key.map((_, i) => quote(`k${i}`));
  const on = table.key.map(({ name }, i) => `t.${quote(name)} = k.${names[i]!}`).join(" AND ");
  const list = [...columns.map(({ name }) => `t.${quote(name)}`), "k.place"].join(", ");
  const guard = groupGuard(shape, postgresDialect, ({ name }) => `t.${quote(name)}`, key.length);
  const text = `SELECT ${list} FROM unnest(${arrays}) WITH ORDINALITY AS k (${names.join(", ")}, place) JOIN ${quote(table.name)} AS t ON ${on}${guard.text}`;
  const name = nameOf(text);
  return guarded(guard, (group) => ({
    step: { text, name, values: [...key.map((slot) => arrayLiteral(group.map((values) => values[slot]!))), ...valuesOf(guard, group)] },
    read: ({ rows }) => {
      const replies = new Array<Reply>(group.length).fill(missing);
      for (const row of rows) replies[Number(row[columns.length]) - 1] = { rows: [row], affected: 0 };
      return replies;
    },
  }));
}

/** The guard's values, which all members have alike. */
function valuesOf({ slots }: GroupGuard, [first]: readonly Values[]): Values {
  return slots.map((slot) => first![slot]!);
}

interface PartExchange {
  readonly step: Step;
  readonly read: (result: StepResult) => readonly Reply[];
}

/** One step for each of the values that the guards of a group have. */
function guarded(guard: GroupGuard, one: (group: readonly Values[]) => PartExchange): GroupForm {
  return (group) => {
    if (guard.slots.length === 0) {
      const { step, read } = one(group);
      return { steps: [step], read: ([result]) => read(result!) };
    }
    const parts = byGuard(guard, group).map(({ members, places }) => ({ places, ...one(members) }));
    return {
      steps: parts.map(({ step }) => step),
      read: (results) => {
        const replies = new Array<Reply>(group.length).fill(missing);
        parts.forEach(({ places, read }, i) => read(results[i]!).forEach((reply, at) => (replies[places[at]!] = reply)));
        return replies;
      },
    };
  };
}

function putRows(shape: PutShape, nameOf: (text: string) => string): GroupForm {
  const { table, row, key } = shape;
  const adds = isNever(shape.over);
  const into = `INSERT INTO ${quote(table.name)} (${nameList(table.columns)})`;
  const conflict = `ON CONFLICT (${nameList(table.key)}) DO ${adds ? "NOTHING" : replaceAll(table)}`;
  // Of adds, the keys of the rows that were new are asked for.
  const returning = adds ? ` RETURNING ${nameList(table.key)}` : "";
  const arrays = table.columns.map(({ kind }, i) => `$${i + 1}::${types[kind]}[]`).join(", ");
  const text = `${into} SELECT * FROM unnest(${arrays}) ${conflict}${returning}`;
  const name = nameOf(text);
  const copied = copyTexts(table, `${into} SELECT * FROM `, ` ${conflict}${returning}`, nameOf);

  return (unordered, inside) => {
    // Rows are locked in the order of their keys, so that groups of two processes do not wait for each other.
    const order = unordered.map((_, i) => i).sort((a, b) => compareKeys(unordered[a]!, unordered[b]!, key));
    const group = order.map((i) => unordered[i]!);
    const steps =
      group.length < copyFrom
        ? [{ text, name, values: row.map((slot) => arrayLiteral(group.map((values) => values[slot]!))) }]
        : copied(copyData(group, row), inside);
    return {
      steps,
      read: (results) => {
        const { rows } = results.at(-1)!;
        if (!adds || rows.length === group.length) return unordered.map(() => done);
        return readAdded(rows, unordered, key);
      },
    };
  };
}

const done: Reply = Object.freeze({ rows: nothing, affected: 1 });

function readAdded(rows: StepResult["rows"], group: readonly Values[], key: readonly number[]): readonly Reply[] {
  const added = new Set(rows.map((row) => row.join("\0")));
  return group.map((values) => (added.has(key.map((slot) => String(values[slot])).join("\0")) ? done : missing));
}

/**
 * The rows go into a table of the connection's own, then from there into the table: COPY itself knows no conflicts.
 * The staging table has its columns' types in its name, since it outlives a change of the table.
 */
function copyTexts(
  table: Table,
  insert: string,
  conflict: string,
  nameOf: (text: string) => string,
): (data: readonly Buffer[], inside: boolean) => readonly Step[] {
  const columns = table.columns.map(({ name, kind }) => `${quote(name)} ${types[kind]}`).join(", ");
  const staging = quote(nameOf(columns));
  const named = (text: string): Step => ({ text, name: nameOf(text), values: [] });
  const create = named(`CREATE TEMP TABLE IF NOT EXISTS ${staging} (${columns}) ON COMMIT DELETE ROWS`);
  const copy = named(`COPY ${staging} FROM STDIN`);
  const move = named(`${insert}${staging}${conflict}`);
  // A transaction that goes on may have rows there of a group before, or be rolled back and the table with it.
  const empty = named(`TRUNCATE ${staging}`);
  return (data, inside) => [
    ...(inside ? [{ ...create, name: undefined }, empty] : [{ ...create, once: true }]),
    { ...copy, copy: data },
    move,
  ];
}

function replaceAll(table: Table): string {
  const rest = table.columns.filter((column) => !column.isKey);
  const key = quote(table.key[0].name);
  const set = rest.map(({ name }) => `${quote(name)} = excluded.${quote(name)}`).join(", ") || `${key} = excluded.${key}`;
  return `UPDATE SET ${set}`;
}

function nameList(columns: readonly Column[]): string {
  return columns.map(({ name }) => quote(name)).join(", ");
}

function compareKeys(a: Values, b: Values, key: readonly number[]): number {
  for (const slot of key) {
    const left = String(a[slot]);
    const right = String(b[slot]);
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
