import type { QueryCommandInput, ScanCommandInput } from "@aws-sdk/client-dynamodb";

import type { Slot, Test } from "../../reference/condition.js";
import type { AggregateShape, Reply, SelectShape, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column } from "../../schema/table.js";
import { type Item, toAttribute } from "./attributes.js";
import { type DynamoCommand, noRows } from "./command.js";
import type { Engine } from "./engine.js";
import { conditionPieces, isAlways, isNever, joinPieces, type Piece, Placeholders, renderPieces, splitLongLists } from "./expressions.js";
import { indexOf, type KeyCondition, keyCondition, placeOf } from "./key-condition.js";
import { keyOf, type Layout, rowOf, type ValueOf } from "./layout.js";
import { allOf } from "../../reference/condition.js";

interface Select {
  readonly shape: SelectShape;
  /** Rows are counted, not given. */
  readonly count: boolean;
  readonly layout: Layout;
  readonly filter: readonly Piece[] | undefined;
  /** `in` with more members than an expression takes, checked here. */
  readonly longLists: readonly Test[];
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
  const { native, long } = splitLongLists(shape.filter);
  const own = new Placeholders();
  const condition = allOf(native);
  const filter = isAlways(condition) ? undefined : joinPieces(conditionPieces(condition, own, table.key[0]));
  const columns = [...new Set([...shape.columns, ...long.map((test) => test.column)])];
  const countsNatively = count && long.length === 0;
  const projected = !countsNatively && columns.length < table.columns.length;
  const select: Select = {
    shape,
    count,
    layout,
    filter,
    longLists: long,
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
  const { shape, layout, longLists } = select;
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
  const holds = longLists.map((test) => memberTest(test, values));
  const pacer = await engine.pacerOf(layout, signal);
  const read = reader(engine, shape, pacer === undefined ? input : { ...input, ReturnConsumedCapacity: "TOTAL" }, signal);

  const rows: Value[][] = [];
  let counted = 0;
  for (let examine = firstPage(select, wanted); ; examine *= 4) {
    const page = await read(start, examine);
    const found = (page.Items ?? []).filter((item) => holds.every((test) => test(item)));
    counted += page.Items === undefined ? (page.Count ?? 0) : found.length;
    if (!select.count) for (const item of found.slice(0, wanted - rows.length)) rows.push(rowOf(shape.columns, item));
    start = page.LastEvaluatedKey;
    if (pacer !== undefined) await pacer.used(page.ConsumedCapacity?.CapacityUnits ?? 0, signal);
    if (start === undefined || rows.length >= wanted) return select.count ? { rows: [[counted]], affected: 0 } : { rows, affected: 0 };
  }
}

/** Rows to examine on the first page: as many as are wanted, and more where some will not match. */
function firstPage({ filter, longLists, count }: Select, wanted: number): number {
  if (count) return Infinity;
  return filter === undefined && longLists.length === 0 ? wanted : Math.max(50, wanted * 2);
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

/** Whether an item's column is, or is not, one of many values. */
function memberTest({ column, op, slots }: Test, values: Values): (item: Item) => boolean {
  const members = new Set(slots.map((slot) => plainText(toAttribute(column, values[slot]))));
  return (item) => {
    const attribute = Object.hasOwn(item, column.name) ? item[column.name] : undefined;
    return attribute !== undefined && members.has(plainText(attribute)) === (op === "in");
  };
}

function plainText(attribute: Item[string] | undefined): string {
  return attribute?.S ?? attribute?.N ?? String(attribute?.BOOL);
}

function describe({ shape, filter, own, fixed, layout, longLists }: Select): unknown {
  const { path } = shape;
  return {
    request: path === undefined ? "Scan" : "Query",
    ...fixed,
    ...(path === undefined ? {} : { key: describePath(layout, path) }),
    ...(filter === undefined ? {} : { FilterExpression: renderPieces(filter, undefined) }),
    ...(longLists.length === 0 ? {} : { checkedHere: longLists.map(({ column, op }) => `${column.name} ${op}`) }),
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
