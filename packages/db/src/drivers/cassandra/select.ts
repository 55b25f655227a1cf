// Selects: the rows of a partition in the order of their key, and those of a table or an index in the order of their
// partitions' tokens. A position is a key; it becomes a range of keys in its partition, then of tokens.

import type { Reply, SelectShape, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { allOf, isAlways, isNever, type Condition, type Slot, type Test } from "../../reference/condition.js";
import { utf8Length } from "../../schema/bytes.js";
import type { Column, Kind } from "../../schema/table.js";
import { type CassandraCommand, nothingDone } from "./command.js";
import type { Engine } from "./engine.js";
import { type NativeRow, rowReader, rowTest } from "./rows.js";
import { bindAll, equals, joined, piece, type Piece, placeOf, quoted, sentence, slotBind } from "./statement.js";

/** One statement of a select, without its limit. */
interface Step {
  readonly cql: Piece;
  /** The partition that is read, where it is one. */
  readonly hash?: Slot;
  /** What the statement leaves to be tested on its rows. */
  readonly rest: Condition;
}

/** @throws DbError `unsupported` for full-text search */
export function compileSelect(shape: SelectShape, keyspace: string): CassandraCommand {
  const { table, path, match, limit } = shape;
  if (match !== undefined) throw new DbError("unsupported", "Cassandra has no full-text search", { table: table.name });
  const steps = isNever(shape.filter)
    ? []
    : path === undefined
      ? scanSteps(shape)
      : path.index === undefined
        ? keySteps(shape)
        : indexSteps(shape);
  const ready = steps.map((step) => readyStep(shape, step, placeOf(keyspace, table)));
  return {
    describe: () => ready.map(({ statement }) => statement.cql),
    async run(engine, values) {
      const wanted = limit === undefined ? Infinity : Number(values[limit]);
      const rows: Values[] = [];
      for (const step of ready) if (rows.length < wanted) await readStep(engine, step, values, wanted, rows);
      return rows.length === 0 ? nothingDone : ({ rows, affected: 0 } satisfies Reply);
    },
  };
}

interface ReadyStep {
  readonly statement: Piece;
  readonly hash: Slot | undefined;
  readonly limited: boolean;
  readonly readRow: (row: NativeRow) => Value[];
  readonly width: number;
  readonly holds: ((row: Values, values: Values) => boolean) | undefined;
}

function readyStep({ table, columns }: SelectShape, { cql, rest, hash }: Step, place: string): ReadyStep {
  // Columns that are read for the test alone come after those that are asked for.
  const all = [...new Set([...columns, ...testsIn(rest).map(({ column }) => column)])];
  const read = all.length === 0 ? [table.key[0]] : all;
  const isWhole = isAlways(rest);
  return {
    statement: sentence(`SELECT ${read.map(({ name }) => quoted(name)).join(", ")} FROM ${place}`, cql, ...(isWhole ? ["LIMIT ?"] : [])),
    hash,
    limited: isWhole,
    readRow: rowReader(read),
    width: columns.length,
    holds: isWhole ? undefined : rowTest(read, rest),
  };
}

function testsIn(condition: Condition): Test[] {
  return condition.kind === "test" ? [condition] : condition.kind === "related" ? [] : condition.parts.flatMap(testsIn);
}

/** Most rows of a select without a limit, which the protocol takes as an integer of 32 bits. */
const unlimited = 2 ** 31 - 1;

async function readStep(engine: Engine, step: ReadyStep, values: Values, wanted: number, rows: Values[]): Promise<void> {
  const { statement, limited, hash, readRow, width, holds } = step;
  const { cql, params } = bindAll(statement, values);
  if (hash !== undefined && isNoKey(values[hash])) return;
  const left = Math.min(wanted - rows.length, unlimited);
  const native = engine.readAll({ cql, params: limited ? [...params, left] : params }, limited ? left : Math.max(left * 2, 100));
  for await (const one of native) {
    const row = readRow(one);
    if (holds !== undefined && !holds(row, values)) continue;
    rows.push(row.length > width ? row.slice(0, width) : row);
    if (rows.length >= wanted) return;
  }
}

/** No partition has such a key, and the server refuses to look for it. */
function isNoKey(value: Value | undefined): boolean {
  return value === "" || (typeof value === "string" && value.length > 65_535 / 3 && utf8Length(value) > 65_535);
}

/** Where the values of the position to go on from are, by column. */
function positionOf({ order, after }: SelectShape): ReadonlyMap<Column, Slot> | undefined {
  return after === undefined ? undefined : new Map(after.map((slot, i) => [order[i]!.column, slot]));
}

function where(...conditions: readonly Piece[]): Piece {
  return conditions.length === 0 ? piece("") : sentence("WHERE", joined(conditions, " AND "));
}

/** `("a", "b") > (?, ?)`, or without parentheses for one column. */
function compare(columns: readonly Column[], sign: string, slots: readonly Slot[]): Piece {
  const names = columns.map(({ name }) => quoted(name)).join(", ");
  const marks = columns.map(() => "?").join(", ");
  const binds = columns.map((column, i) => slotBind(column, slots[i]!));
  return columns.length === 1 ? piece(`${names} ${sign} ?`, ...binds) : piece(`(${names}) ${sign} (${marks})`, ...binds);
}

/** The whole table, in the order of tokens. */
function scanSteps(shape: SelectShape): Step[] {
  const position = positionOf(shape);
  if (position === undefined) return [{ cql: piece(""), rest: always }];
  return after(shape, position, [], []);
}

const always: Condition = allOf([]);

/**
 * What comes after a position: the rest of its partition, then the partitions with greater tokens.
 *
 * @param native  conditions that both take
 * @param ofKey   tests of key columns, which beside a range of keys the server does not take
 */
function after(
  { table }: SelectShape,
  position: ReadonlyMap<Column, Slot>,
  native: readonly Piece[],
  ofKey: readonly NativeTest[],
): Step[] {
  const [hash, ...range] = table.key;
  const slotOf = (column: Column): Slot => slotIn(position, column);
  const token = `token(${quoted(hash.name)})`;
  const later = piece(`${token} > token(?)`, slotBind(hash, slotOf(hash)));
  const steps: Step[] = [{ cql: where(...native, ...ofKey.map(({ cql }) => cql), later), rest: always }];
  if (range.length > 0) {
    const rest = compare(range, ">", range.map(slotOf));
    steps.unshift({ cql: where(equals(hash, slotOf(hash)), ...native, rest), rest: allOf(ofKey.map(({ test }) => test)) });
  }
  return steps;
}

function slotIn(slots: ReadonlyMap<Column, Slot>, column: Column): Slot {
  const slot = slots.get(column);
  if (slot === undefined) throw new DbError("internal", "a position lacks a column of the key", { column: column.name });
  return slot;
}

/** Rows of a partition, in the order of their key or backwards. */
function keySteps(shape: SelectShape): Step[] {
  const { equal, range, columns, descending } = shape.path!;
  const fixed = equal.map((slot, i) => equals(columns[i]!, slot));
  const open = columns.slice(equal.length);
  const position = positionOf(shape);
  // The key is given as a whole: there is nothing behind its row.
  if (position !== undefined && open.length === 0) return [];
  const isMulti = position !== undefined && open.length > 1;
  const bounds = range === undefined ? [] : boundsOf(range);
  const sign = descending ? "<" : ">";
  const kept = position === undefined ? bounds : bounds.filter((bound) => !bound.sign.startsWith(sign));
  // The server takes no bounds of one column beside those of several, unless they are written as such.
  const limits = kept.map((bound) => boundPiece(range!.column, bound, isMulti));
  const from =
    position === undefined
      ? []
      : [
          compare(
            open,
            sign,
            open.map((column) => slotIn(position, column)),
          ),
        ];
  const clustering = shape.table.range;
  const backwards =
    descending && clustering.length > 0 ? `ORDER BY ${clustering.map(({ name }) => `${quoted(name)} DESC`).join(", ")}` : "";
  return [{ cql: sentence(where(...fixed, ...from, ...limits), backwards), rest: always, hash: equal[0]! }];
}

interface Bound {
  readonly sign: ">" | ">=" | "<" | "<=";
  readonly slot: Slot;
}

function boundPiece(column: Column, { sign, slot }: Bound, isMulti: boolean): Piece {
  const name = quoted(column.name);
  return piece(isMulti ? `(${name}) ${sign} (?)` : `${name} ${sign} ?`, slotBind(column, slot));
}

function boundsOf({ op, slots }: Test): Bound[] {
  switch (op) {
    case "gt":
      return [{ sign: ">", slot: slots[0]! }];
    case "ge":
      return [{ sign: ">=", slot: slots[0]! }];
    case "lt":
      return [{ sign: "<", slot: slots[0]! }];
    case "le":
      return [{ sign: "<=", slot: slots[0]! }];
    case "between":
      return [
        { sign: ">=", slot: slots[0]! },
        { sign: "<=", slot: slots[1]! },
      ];
    case "begins_with":
      return [
        { sign: ">=", slot: slots[0]! },
        { sign: "<", slot: slots[1]! },
      ];
    default:
      throw new DbError("internal", `a path with the range ${op}`);
  }
}

interface NativeTest {
  readonly test: Test;
  readonly cql: Piece;
}

/** Kinds of which an index finds ranges; of the others it finds equal values alone. */
const rangeKinds: ReadonlySet<Kind> = new Set(["int", "int64", "real", "decimal", "time"]);

/** Rows that storage-attached indexes find. They come in the order of tokens, within a partition in that of the key. */
function indexSteps(shape: SelectShape): Step[] {
  const { table } = shape;
  const { equal, range, columns } = shape.path!;
  const [hash] = table.key;
  const tests = equal.map((slot, i): Test => ({ kind: "test", column: columns[i]!, op: "eq", slots: [slot] }));
  const found: NativeTest[] = tests.map((test) => ({ test, cql: equals(test.column, test.slots[0]!) }));
  const isNativeRange = range !== undefined && rangeKinds.has(range.column.kind) && range.column !== hash;
  if (isNativeRange)
    found.push({
      test: range,
      cql: joined(
        boundsOf(range).map((bound) => boundPiece(range.column, bound, false)),
        " AND ",
      ),
    });
  const rest = range !== undefined && !isNativeRange ? range : always;
  const ofHash = found.find(({ test }) => test.column === hash);
  const ofKey = found.filter(({ test }) => test.column.isKey && test.column !== hash);
  const native = found.filter(({ test }) => !test.column.isKey).map(({ cql }) => cql);
  const position = positionOf(shape);
  // What the index fixes is the same in every row: the order, and with it the position, leaves it out.
  const slots =
    position === undefined ? undefined : new Map([...position, ...tests.map(({ column, slots: [slot] }) => [column, slot!] as const)]);
  const andRest = (step: Step): Step => ({ ...step, rest: allOf([step.rest, rest]) });
  const partition = ofHash === undefined ? {} : { hash: ofHash.test.slots[0]! };
  if (slots === undefined) return [andRest({ cql: where(...found.map(({ cql }) => cql)), rest: always, ...partition })];
  if (ofHash === undefined) return after(shape, slots, native, ofKey).map(andRest);
  const clustering = table.range;
  if (clustering.length === 0) return [];
  const from = compare(
    clustering,
    ">",
    clustering.map((column) => slotIn(slots, column)),
  );
  return [andRest({ cql: where(ofHash.cql, ...native, from), rest: allOf(ofKey.map(({ test }) => test)), ...partition })];
}
