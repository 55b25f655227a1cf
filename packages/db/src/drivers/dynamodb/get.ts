import type { KeysAndAttributes } from "@aws-sdk/client-dynamodb";

import type { GetShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { always, testsOf } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import type { Item } from "./attributes.js";
import { type DynamoCommand, noRows, pick } from "./command.js";
import type { Engine } from "./engine.js";
import { compileTest } from "./evaluate.js";
import { Placeholders } from "./expressions.js";
import { keyOf, keyText, type Layout, rowOf } from "./layout.js";
import { versionAttribute, versionOf } from "./versions.js";

/** Most keys of one BatchGetItem, set by the service. */
const maxBatchKeys = 100;
const maxBatchesAtOnce = 8;
const maxRounds = 10;

export function compileGet({ key, columns, table, consistent, guard = always, version }: GetShape, layout: Layout): DynamoCommand {
  const read = [...new Set([...columns, ...[...testsOf(guard)].map((test) => test.column)])];
  const holds = compileTest(read, guard);
  const fixed = {
    ...(read.length === table.columns.length ? {} : projection([...new Set([...table.key, ...read])], layout, version === true)),
    ...(consistent ? { ConsistentRead: true } : {}),
  };
  const reply = (item: Item | undefined, values: Values): Reply => {
    if (item === undefined) return noRows;
    const row = rowOf(read, item);
    if (!holds(row, values)) return noRows;
    return { rows: [row.slice(0, columns.length)], affected: 0, ...(version ? { versions: [versionOf(item)] } : {}) };
  };
  const keyIn = (values: Values): Item => keyOf(layout, pick(key, values));

  return {
    describe: () => ({ request: "GetItem", TableName: layout.tableName, Key: key.map((slot) => ({ slot })), ...fixed }),
    async run(engine, values, signal) {
      const input = { TableName: layout.tableName, Key: keyIn(values), ...fixed };
      const { Item } = await engine.request((client, options) => client.getItem(input, options), signal);
      return reply(Item, values);
    },
    async runGroup(engine, group, signal) {
      const keys = group.map(keyIn);
      const found = await batchGet(engine, layout, keys, fixed, signal);
      return keys.map((own, i) => reply(found.get(keyText(own, layout)), group[i]!));
    },
  };
}

/** The part of a request that asks for some columns only. A multi-column sort key is asked for under its own name. */
function projection(
  columns: readonly Column[],
  layout: Layout,
  withVersion: boolean,
): Pick<KeysAndAttributes, "ProjectionExpression" | "ExpressionAttributeNames"> {
  const own = new Placeholders();
  const names = new Set(columns.map((column) => column.name));
  if (layout.rangeName !== undefined) names.add(layout.rangeName);
  if (withVersion) names.add(versionAttribute);
  const text = [...names].map((name) => own.name(name)).join(", ");
  return { ProjectionExpression: text, ExpressionAttributeNames: own.names()! };
}

/** Reads rows by key, in as few requests as the service allows, and gives them by the text of their keys. */
async function batchGet(
  engine: Engine,
  layout: Layout,
  keys: readonly Item[],
  fixed: Omit<KeysAndAttributes, "Keys">,
  signal: AbortSignal | undefined,
): Promise<Map<string, Item>> {
  const distinct = [...new Map(keys.map((key) => [keyText(key, layout), key])).values()];
  const found = new Map<string, Item>();
  const chunks: Item[][] = [];
  for (let start = 0; start < distinct.length; start += maxBatchKeys) chunks.push(distinct.slice(start, start + maxBatchKeys));
  const next = async (): Promise<void> => {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift())
      await getChunk(engine, layout, chunk, fixed, found, signal);
  };
  await Promise.all(Array.from({ length: Math.min(maxBatchesAtOnce, chunks.length) }, next));
  return found;
}

async function getChunk(
  engine: Engine,
  layout: Layout,
  chunk: readonly Item[],
  fixed: Omit<KeysAndAttributes, "Keys">,
  found: Map<string, Item>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let waiting: Item[] = [...chunk];
  for (let round = 1; ; round++) {
    const input = { RequestItems: { [layout.tableName]: { ...fixed, Keys: waiting } } };
    const { Responses, UnprocessedKeys } = await engine.request((client, options) => client.batchGetItem(input, options), signal);
    for (const item of Responses?.[layout.tableName] ?? []) found.set(keyText(item, layout), item);
    waiting = UnprocessedKeys?.[layout.tableName]?.Keys ?? [];
    if (waiting.length === 0) return;
    if (round === maxRounds) throw unprocessed(layout);
    await engine.clock.sleep(engine.clock.random() * Math.min(2000, 25 * 2 ** round), signal);
  }
}

/** The service has left rows of a group undone again and again, for want of capacity. */
export function unprocessed({ table }: Layout): DbError {
  return new DbError("limited", "the service left part of a group undone for want of capacity", { table: table.name });
}
