// Shapes as functions on plain rows. This is the model that every other engine is checked against: all rows are
// filtered, sorted and cut, without any index, so that there is nothing to get wrong.

import {
  allOf,
  type Condition,
  isAlways as isAlwaysTrue,
  type Related,
  relatedIn,
  type Slot,
  type Test,
  testsOf,
} from "../../reference/condition.js";
import { compileMatcher } from "../../reference/matches.js";
import { slotDecoder } from "../../engines/decode-slots.js";
import { compileRowChanges, compileRowTest, logicalReader, type RowForm } from "../../engines/stored-rows.js";
import type {
  AggregateShape,
  DefineShape,
  DeleteShape,
  GetShape,
  PutShape,
  Reply,
  SelectShape,
  Shape,
  UpdateShape,
  Values,
} from "../../driver.js";
import { comparatorOf } from "../../schema/compare.js";
import type { Column, Table } from "../../schema/table.js";
import { parseSearch, searchMatcher } from "../../reference/search-query.js";
import { copyingCodec as codec } from "../../engines/copying-codec.js";
import { keyText, setRow, spaceOf, storedTable, type Tables } from "./store.js";
import { type StoredRow, storedRow } from "./stored-row.js";

export interface MemoryCommand {
  readonly shape: Shape;
  readonly writes: boolean;
  run(tables: Tables, values: Values, now: number): Reply;
}

type Run = MemoryCommand["run"];
/** A row's logical values by `column.index`. */
type LogicalRow = readonly unknown[];

export function compileMemory(shape: Shape): MemoryCommand {
  const writes = !["get", "select", "aggregate", "inspect"].includes(shape.verb);
  return { shape, writes, run: runOf(shape) };
}

function runOf(shape: Shape): Run {
  switch (shape.verb) {
    case "get":
      return runGet(shape);
    case "select":
      return runSelect(shape);
    case "aggregate":
      return runCount(shape);
    case "put":
      return runPut(shape);
    case "update":
      return runUpdate(shape);
    case "delete":
      return runDelete(shape);
    case "define":
      return runDefine(shape);
    case "inspect":
      return (tables) => ({ rows: [], affected: 0, stored: storedTable(tables.read(shape.table.name)) });
  }
}

function runGet({ table, key, columns, guard }: GetShape): Run {
  const holds = guard && compileRowTest(guard, memoryRows);
  return (tables, values) => {
    const row = tables.read(table.name)?.byKey.get(keyText(pick(key, values)));
    const isSeen = row !== undefined && holds?.(values)(row) !== false;
    return { rows: isSeen ? [valuesOf(row, columns)] : [], affected: 0 };
  };
}

function runSelect(shape: SelectShape): Run {
  const { table, columns, order, after, limit } = shape;
  const filter = withPath(shape);
  const slotColumns = new Map((after ?? []).map((slot, i) => [slot, order[i]!.column]));
  const holds = readTest(table, filter);
  const toLogical = logicalReader(
    order.map((sort) => sort.column),
    memoryRows,
  );
  const toLogicalValues = slotDecoder({ columns: slotColumns }, codec);
  const compare = rowComparator(shape);

  return (tables, values) => {
    const query = shape.match === undefined ? undefined : parseSearch(String(values[shape.match]));
    const found = [...(tables.read(table.name)?.byKey.values() ?? [])].filter(holds(tables, values));
    const matching =
      query === undefined
        ? found
        : found.filter((row) =>
            searchMatcher(
              query,
              table.search.map(({ name }) => textOf(row, name)),
            ),
          );
    let sorted = matching.map((row) => ({ row, logical: toLogical(row) })).sort((a, b) => compare(a.logical, b.logical));
    if (after !== undefined) {
      const position = atColumns(slotColumns, toLogicalValues(values));
      sorted = sorted.filter(({ logical }) => compare(logical, position) > 0);
    }
    const page = limit === undefined ? sorted : sorted.slice(0, Number(values[limit]));
    return { rows: page.map(({ row }) => valuesOf(row, columns)), affected: 0 };
  };
}

function textOf(row: StoredRow, name: string): string | null {
  const value = row.get(name) ?? null;
  return value === null ? null : String(value);
}

function runCount(shape: AggregateShape): Run {
  const { table } = shape;
  const holds = readTest(table, withPath(shape));
  return (tables, values) => {
    const found = [...(tables.read(table.name)?.byKey.values() ?? [])].filter(holds(tables, values));
    return { rows: [[found.length]], affected: 0 };
  };
}

/** What an access path demands of a row, joined with the filter. */
function withPath({ filter, path }: Pick<SelectShape, "filter" | "path">): Condition {
  if (path === undefined) return filter;
  const equal = path.equal.map((slot, i): Test => ({ kind: "test", column: path.columns[i]!, op: "same", slots: [slot] }));
  return allOf([filter, ...equal, ...(path.range === undefined ? [] : [path.range])]);
}

function runPut(shape: PutShape): Run {
  const { table } = shape;
  const isAlways = isAlwaysTrue(shape.over);
  const isOver = compileRowTest(shape.over, memoryRows);
  return (tables, values, now) => {
    const rows = tables.write(table.name);
    const key = keyText(pick(shape.key, values));
    const before = rows.byKey.get(key);
    if (before !== undefined && !isAlways && !isOver(values)(before)) return none;
    setRow(rows, table, key, storedRow(table, pick(shape.row, values)), now);
    return done(shape, before);
  };
}

function runUpdate(shape: UpdateShape): Run {
  const { table, changes, insert } = shape;
  const holds = compileRowTest(shape.guard, memoryRows);
  const change = compileRowChanges(table.columns, changes, memoryRows);
  const changed = (row: StoredRow, values: Values): StoredRow => storedRow(table, change(row, values), row);

  return (tables, values, now) => {
    const rows = tables.write(table.name);
    const test = holds(values);
    if (shape.target === "filter") {
      const matching = [...rows.byKey].filter(([, row]) => test(row));
      for (const [key, row] of matching) setRow(rows, table, key, changed(row, values), now);
      return { rows: [], affected: matching.length };
    }
    const key = keyText(pick(shape.key, values));
    const before = rows.byKey.get(key);
    if (before === undefined ? insert === undefined : !test(before)) return none;
    const after = before === undefined ? storedRow(table, pick(insert!, values)) : changed(before, values);
    setRow(rows, table, key, after, now);
    return done(shape, before, after);
  };
}

function runDelete(shape: DeleteShape): Run {
  const { table } = shape;
  const holds = compileRowTest(shape.guard, memoryRows);
  return (tables, values, now) => {
    const rows = tables.write(table.name);
    const test = holds(values);
    if (shape.target === "filter") {
      const matching = [...rows.byKey].filter(([, row]) => test(row));
      for (const [key] of matching) setRow(rows, table, key, undefined, now);
      return { rows: [], affected: matching.length };
    }
    const key = keyText(pick(shape.key, values));
    const before = rows.byKey.get(key);
    if (before === undefined || !test(before)) return none;
    setRow(rows, table, key, undefined, now);
    return done(shape, before);
  };
}

function runDefine({ table, step }: DefineShape): Run {
  return (tables) => {
    const rows = tables.write(table.name);
    if (step.kind === "index")
      rows.indexes.set(spaceOf(step.index), { columns: step.index.columns.map((column) => column.name), unique: step.index.unique });
    return none;
  };
}

const none: Reply = Object.freeze({ rows: [], affected: 0 });

function done(shape: PutShape | UpdateShape | DeleteShape, before: StoredRow | undefined, after?: StoredRow): Reply {
  const returned = shape.returning === "old" ? before : shape.returning === "new" ? after : undefined;
  return { rows: returned === undefined ? [] : [valuesOf(returned, shape.table.columns)], affected: 1 };
}

function pick(slots: readonly Slot[], values: Values): Values {
  return slots.map((slot) => values[slot] ?? null);
}

function valuesOf(row: StoredRow, columns: readonly Column[]): Values {
  return columns.map((column) => row.get(column.name) ?? null);
}

const memoryRows: RowForm<StoredRow> = { codec, read: (row, { name }) => row.get(name) ?? null };

/** Makes a condition a test of rows that are read; it may ask of rows of other tables, whose keys are found first. */
function readTest(table: Table, condition: Condition): (tables: Tables, values: Values) => (row: StoredRow) => boolean {
  const related = [...relatedIn(condition)].map((part) => ({ part, holds: readTest(part.table, part.condition) }));
  if (related.length === 0) {
    const holds = compileRowTest(condition, memoryRows);
    return (_tables, values) => holds(values);
  }
  const width = table.columns.length;
  const tests = [...testsOf(condition)];
  const place = (asked: Related): number => width + related.findIndex(({ part }) => part === asked);
  const matches = compileMatcher(condition, (column) => column.index, place);
  const toLogical = logicalReader([...new Set(tests.map(({ column }) => column))], memoryRows);
  const toLogicalValues = slotDecoder({ tests }, codec);
  return (tables, values) => {
    const logicalValues = toLogicalValues(values);
    const keys = related.map(({ part, holds }) => keysOf(tables, part.table, holds(tables, values)));
    return (row) => {
      const logical = toLogical(row);
      related.forEach(({ part }, i) => (logical[width + i] = keys[i]!.has(keyText(valuesOf(row, part.columns)))));
      return matches(logical, logicalValues);
    };
  };
}

function keysOf(tables: Tables, { name }: Table, holds: (row: StoredRow) => boolean): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const [key, row] of tables.read(name)?.byKey ?? []) if (holds(row)) keys.add(key);
  return keys;
}

function atColumns(slotColumns: ReadonlyMap<Slot, Column>, values: readonly unknown[]): LogicalRow {
  const row: unknown[] = [];
  for (const [slot, column] of slotColumns) row[column.index] = values[slot];
  return row;
}

/** The order of a select on logical rows. Absent values come first, ascending. */
function rowComparator({ order }: SelectShape): (a: LogicalRow, b: LogicalRow) => number {
  const sorts = order.map(({ column, descending }) => ({
    index: column.index,
    sign: descending ? -1 : 1,
    compare: comparatorOf(column.kind),
  }));
  return (a, b) => {
    for (const { index, sign, compare } of sorts) {
      const left = a[index] ?? null;
      const right = b[index] ?? null;
      const result = left === null || right === null ? Number(left !== null) - Number(right !== null) : compare(left, right);
      if (result !== 0) return sign * result;
    }
    return 0;
  };
}
