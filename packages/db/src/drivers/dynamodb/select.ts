import type { QueryCommandInput, ScanCommandInput } from "@aws-sdk/client-dynamodb";

import { type Condition, isAlways, isNever, type Slot, testsOf } from "../../reference/condition.js";
import type { AggregateShape, Reply, SelectShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column } from "../../schema/table.js";
import type { Item } from "./attributes.js";
import { type DynamoCommand, noRows } from "./command.js";
import type { Engine } from "./engine.js";
import { compileTest } from "./evaluate.js";
import { conditionPieces, joinPieces, type Piece, Placeholders, renderPieces, splitFilter } from "./expressions.js";
import { indexOf, type KeyCondition, keyCondition, placeOf } from "./key-condition.js";
import { keyOf, type Layout, rowOf, type ValueOf } from "./layout.js";

interface Select {
  readonly shape: SelectShape;
  /** Rows are counted, not given. */
  readonly count: boolean;
  readonly layout: Layout;
  readonly filter: readonly Piece[] | undefined;
  /** What an expression does not take, tested here on the columns that are read. */
  readonly rest: Condition;
  readonly columns: readonly Column[];
  readonly own: Placeholders;
  readonly fixed: Partial<QueryCommandInput>;
  /** Where the values of the position to go on from are. */
  readonly positions: ReadonlyMap<Column, Slot>;
}

/**
 * A select is a Query where there is a path, else a Scan; both read page after page until there are enough rows.
 *
 * @throws DbError `unsupported` for a consistent read by index, which the service has not
 */
export function compileSelect(shape: SelectShape, layout: Layout): DynamoCommand {
  return compileRead(shape, false, layout);
}

export function compileCount({ table, path, filter, consistent }: AggregateShape, layout: Layout): DynamoCommand {
  const none = { order: [], after: undefined, limit: undefined, match: undefined };
  return compileRead({ verb: "select", table, columns: [], path, filter, consistent, ...none }, true, layout);
}

function compileRead(shape: SelectShape, count: boolean, layout: Layout): DynamoCommand {
  const { table, path, order, after, consistent } = shape;
  if (shape.match !== undefined) throw new DbError("unsupported", "DynamoDB has no full-text search", { table: table.name });
  if (consistent && path?.index !== undefined) throw consistentIndex(path.index.name);
  const { native, rest } = splitFilter(shape.filter, table.key[0]);
  const own = new Placeholders();
  const filter = isAlways(native) ? undefined : joinPieces(conditionPieces(native, own, table.key[0]));
  const columns = [...new Set([...shape.columns, ...[...testsOf(rest)].map((test) => test.column)])];
  const countsNatively = count && isAlways(rest);
  const projected = !countsNatively && columns.length < table.columns.length;
  const select: Select = {
    shape,
    count,
    layout,
    filter,
    rest,
    columns,
    own,
    fixed: {
      TableName: layout.tableName,
      ...(path?.index === undefined ? {} : { IndexName: indexOf(layout, path)!.name }),
      ...(countsNatively ? { Select: "COUNT" } : {}),
      ...(projected
        ? {
            ProjectionExpression: [table.key[0], ...columns.filter((column) => column !== table.key[0])]
              .map(({ name }) => own.name(name))
              .join(", "),
          }
        : {}),
      ...(path?.descending ? { ScanIndexForward: false } : {}),
      ...(consistent ? { ConsistentRead: true } : {}),
    },
    positions: new Map<Column, Slot>([
      ...(after ?? []).map((slot, i) => [order[i]!.column, slot] as const),
      ...(path?.equal ?? []).map((slot, i) => [path!.columns[i]!, slot] as const),
    ]),
  };
  return {
    describe: () => describe(select),
    run: (engine, values, signal) => (isNever(shape.filter) ? Promise.resolve(none(select)) : run(engine, select, values, signal)),
  };
}

function consistentIndex(index: string): DbError {
  return new DbError(
    "unsupported",
    `DynamoDB has no consistent reads of an index; leave "consistent" out, or read by the table's key instead of "${index}"`,
    {},
  );
}

function none({ count }: Pick<Select, "count">): Reply {
  return count ? { rows: [[0]], affected: 0 } : noRows;
}

async function run(engine: Engine, select: Select, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
  const { shape, layout, columns } = select;
  const key = shape.path === undefined ? undefined : keyCondition(layout, shape.path, values);
  if (shape.path !== undefined && key === undefined) return none(select);
  let start = shape.after === undefined ? undefined : startKey(select, values);
  if (shape.path !== undefined && key !== undefined && start !== undefined) {
    const place = placeOf(shape, shape.path, key, start, values);
    if (place === "past") return noRows;
    // The service takes no position outside of the range that is read.
    if (place === "before") start = undefined;
  }
  const input = inputFor(select, key, values);
  const wanted = shape.limit === undefined ? Infinity : Number(values[shape.limit]);
  const holds = isAlways(select.rest) ? undefined : compileTest(columns, select.rest);
  const pacer = await engine.pacerOf(layout, signal);
  const readPage = reader(engine, shape, pacer === undefined ? input : { ...input, ReturnConsumedCapacity: "TOTAL" }, signal);

  const rows: Values[] = [];
  let counted = 0;
  for (let examine = firstPage(select, wanted); ; examine *= 4) {
    const page = await readPage(start, examine);
    const read = (page.Items ?? []).map((item) => rowOf(columns, item));
    const found = holds === undefined ? read : read.filter((row) => holds(row, values));
    counted += page.Items === undefined ? (page.Count ?? 0) : found.length;
    // Columns that are read for the test alone come after those that are asked for.
    if (!select.count) for (const row of found.slice(0, wanted - rows.length)) rows.push(row.slice(0, shape.columns.length));
    start = page.LastEvaluatedKey;
    if (pacer !== undefined) await pacer.used(page.ConsumedCapacity?.CapacityUnits ?? 0, signal);
    if (start === undefined || rows.length >= wanted) return select.count ? { rows: [[counted]], affected: 0 } : { rows, affected: 0 };
  }
}

/** Rows to examine on the first page: as many as are wanted, and more where some will not match. */
function firstPage({ filter, rest, count }: Select, wanted: number): number {
  if (count) return Infinity;
  return filter === undefined && isAlways(rest) ? wanted : Math.max(50, wanted * 2);
}

type ReadPage = (start: Item | undefined, examine: number) => Promise<Page>;
interface Page {
  readonly Items?: Item[] | undefined;
  readonly Count?: number | undefined;
  readonly LastEvaluatedKey?: Item | undefined;
  readonly ConsumedCapacity?: { readonly CapacityUnits?: number | undefined } | undefined;
}

// Past so many rows a page of the service, which ends at 1 MB anyway, is no smaller without a limit.
const largestLimit = 10_000;

function reader(
  engine: Engine,
  shape: SelectShape,
  input: QueryCommandInput | ScanCommandInput,
  signal: AbortSignal | undefined,
): ReadPage {
  return async (start, examine) => {
    const own = {
      ...input,
      ...(examine > largestLimit ? {} : { Limit: examine }),
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    };
    return engine.request(
      (client, options): Promise<Page> => (shape.path === undefined ? client.scan(own, options) : client.query(own, options)),
      signal,
    );
  };
}

function inputFor({ filter, own, fixed }: Select, key: KeyCondition | undefined, values: Values): QueryCommandInput | ScanCommandInput {
  const names = { ...own.names(), ...key?.names };
  const bound = { ...own.values(values), ...key?.values };
  return {
    ...(fixed as QueryCommandInput),
    ...(key === undefined ? {} : { KeyConditionExpression: key.KeyConditionExpression }),
    ...(filter === undefined ? {} : { FilterExpression: renderPieces(filter, values) }),
    ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
    ...(Object.keys(bound).length === 0 ? {} : { ExpressionAttributeValues: bound }),
  };
}

/** The position after which to read. It need not be that of a row that is still there. */
function startKey({ shape, layout, positions }: Select, values: Values): Item {
  const valueOf: ValueOf = (column) => {
    const slot = positions.get(column);
    if (slot === undefined) throw new DbError("internal", "a position lacks a column of the path", { column: column.name });
    return values[slot] ?? null;
  };
  const key = keyOf(layout, layout.table.key.map(valueOf));
  const index = shape.path === undefined ? undefined : indexOf(layout, shape.path);
  if (index === undefined) return key;
  return { ...key, [index.hash.name]: index.hash.compute(valueOf)!, [index.range.name]: index.range.compute(valueOf)! };
}

function describe({ shape, filter, own, fixed, layout, rest }: Select): unknown {
  const { path } = shape;
  return {
    request: path === undefined ? "Scan" : "Query",
    ...fixed,
    ...(path === undefined ? {} : { key: describePath(layout, path) }),
    ...(filter === undefined ? {} : { FilterExpression: renderPieces(filter, undefined) }),
    ...(isAlways(rest) ? {} : { testedHere: [...testsOf(rest)].map(({ column, op }) => `${column.name} ${op}`) }),
    ExpressionAttributeNames: own.names(),
    ExpressionAttributeValues: own.describe(),
    ...(shape.limit === undefined ? {} : { Limit: { slot: shape.limit } }),
    ...(shape.after === undefined ? {} : { after: shape.after.map((slot) => ({ slot })) }),
  };
}

function describePath(layout: Layout, path: NonNullable<SelectShape["path"]>): unknown {
  const index = indexOf(layout, path);
  return {
    attributes: [index?.hash.name ?? layout.table.key[0].name, index?.range.name ?? layout.rangeName].filter((name) => name !== undefined),
    equal: Object.fromEntries(path.equal.map((slot, i) => [path.columns[i]!.name, { slot }])),
    ...(path.range === undefined ? {} : { range: { column: path.range.column.name, op: path.range.op, slots: path.range.slots } }),
  };
}
