// Tables, indexes and the claims' table, made where they are missing. Each step may be taken by several processes at once.

import type { CreateTableCommandInput, GlobalSecondaryIndex, TableDescription } from "@aws-sdk/client-dynamodb";

import type { DefineShape, Reply } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Table } from "../../schema/table.js";
import { backfillClaims, backfillDerived } from "./backfill.js";
import { systemClock } from "@bk/core";

import { amendDefinition, type Definition, definitionOf, isSameIndex, noted, systemKey } from "./definitions.js";
import { storedTypeOf } from "../../engines/stored-columns.js";
import { type DynamoCommand, noRows } from "./command.js";
import type { Engine } from "./engine.js";
import { type IndexLayout, keyType, type Layout, ttlAttribute } from "./layout.js";

const longestPauseMs = 2000;

export function compileDefine({ step }: DefineShape, layout: Layout): DynamoCommand {
  const { table } = layout;
  const create = createInput(layout);
  const index =
    step.kind === "index" ? layout.indexes.find((one) => one.index === step.index || one.index.name === step.index.name) : undefined;
  return {
    describe: () => {
      if (step.kind === "table") return { request: "CreateTable", ...create };
      if (step.kind === "index") return { request: "UpdateTable", TableName: layout.tableName, Create: index && globalIndex(index, table) };
      return { request: step.kind === "column" && step.column === table.ttl ? "UpdateTimeToLive" : "none", TableName: layout.tableName };
    },
    run: async (engine, _values, signal): Promise<Reply> => {
      if (step.kind === "search") throw new DbError("unsupported", "DynamoDB has no full-text search", { table: table.name });
      if (step.kind === "column") {
        const { column } = step;
        if (column === table.ttl) await enableTtl(engine, layout.tableName, signal);
        await createSystemTable(engine, layout, signal);
        const ttl = column === table.ttl ? { ttl: column.name } : {};
        const columns = { [column.name]: storedTypeOf(column) };
        await amendDefinition(engine, layout, (old) => ({ ...old, ...ttl, columns: { ...old.columns, ...columns } }), signal);
      }
      if (step.kind === "index" && index !== undefined) await addIndex(engine, layout, index, signal);
      if (step.kind === "table") {
        await createTable(engine, create, signal);
        if (table.ttl !== undefined) await enableTtl(engine, layout.tableName, signal);
        await createSystemTable(engine, layout, signal);
        const whole = definitionOf(table);
        await amendDefinition(
          engine,
          layout,
          (old) => ({
            ...old,
            ...whole,
            columns: { ...old.columns, ...whole.columns },
            indexes: whole.indexes.reduce(withIndex, old.indexes),
          }),
          signal,
        );
      }
      return noRows;
    },
  };
}

function createInput(layout: Layout): CreateTableCommandInput & { TableName: string } {
  const { table, rangeName, indexes } = layout;
  const [hash] = table.key;
  const attributes = new Map<string, "S" | "N">([[hash.name, keyType(hash)]]);
  if (rangeName !== undefined) attributes.set(rangeName, table.range.length > 1 ? "S" : keyType(table.range[0]!));
  for (const index of indexes) attributes.set(index.hash.name, "S").set(index.range.name, "S");
  return {
    TableName: layout.tableName,
    KeySchema: keySchema(hash.name, rangeName),
    AttributeDefinitions: [...attributes].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    ...throughput(table),
    ...(indexes.length === 0 ? {} : { GlobalSecondaryIndexes: indexes.map((index) => globalIndex(index, table)) }),
  };
}

function keySchema(hash: string, range: string | undefined): CreateTableCommandInput["KeySchema"] {
  return [{ AttributeName: hash, KeyType: "HASH" }, ...(range === undefined ? [] : [{ AttributeName: range, KeyType: "RANGE" as const }])];
}

function globalIndex({ name, hash, range }: IndexLayout, table: Table): GlobalSecondaryIndex {
  const { ProvisionedThroughput } = throughput(table);
  return {
    IndexName: name,
    KeySchema: keySchema(hash.name, range.name),
    Projection: { ProjectionType: "ALL" },
    ...(ProvisionedThroughput === undefined ? {} : { ProvisionedThroughput }),
  };
}

/** Paid by request, unless the table's bag says `{ readCapacity, writeCapacity }`. */
function throughput({ settings }: Table): Pick<CreateTableCommandInput, "BillingMode" | "ProvisionedThroughput"> {
  const { readCapacity, writeCapacity } = (settings.drivers?.["dynamodb"] ?? {}) as { readCapacity?: number; writeCapacity?: number };
  if (readCapacity === undefined) return { BillingMode: "PAY_PER_REQUEST" };
  return { BillingMode: "PROVISIONED", ProvisionedThroughput: { ReadCapacityUnits: readCapacity, WriteCapacityUnits: writeCapacity } };
}

async function createTable(
  engine: Engine,
  input: CreateTableCommandInput & { TableName: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = engine.clock.now() + engine.options.waitMs;
  try {
    await engine.request((client, options) => client.createTable(input, options), signal);
  } catch (error) {
    // Somebody else makes it, or it is there already.
    if (!isNamed(error, "ResourceInUseException")) throw error;
  }
  await waitForTable(engine, input.TableName, (table) => table?.TableStatus === "ACTIVE", deadline, signal);
}

type NotedIndexes = ReturnType<typeof definitionOf>["indexes"];

function withIndex(all: NotedIndexes, index: NotedIndexes[number]): NotedIndexes {
  return all.some((one) => isSameIndex(one, index)) ? all : [...all, index];
}

async function createSystemTable(engine: Engine, { systemName }: Layout, signal: AbortSignal | undefined): Promise<void> {
  const input: CreateTableCommandInput & { TableName: string } = {
    TableName: systemName,
    KeySchema: keySchema(systemKey, undefined),
    AttributeDefinitions: [{ AttributeName: systemKey, AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  };
  await createTable(engine, input, signal);
  await enableTtl(engine, systemName, signal);
}

/** Rows get the index's attributes before there is the index, so that an index that is there has all rows. */
async function addIndex(engine: Engine, layout: Layout, index: IndexLayout, signal: AbortSignal | undefined): Promise<void> {
  const { table, tableName } = layout;
  const deadline = engine.clock.now() + engine.options.waitMs;
  const isReady = (found: TableDescription | undefined): boolean => statusOf(found, index.name) === "ACTIVE";
  const isIdle = (found: TableDescription | undefined): boolean =>
    found?.TableStatus === "ACTIVE" && (found.GlobalSecondaryIndexes ?? []).every((one) => one.IndexStatus === "ACTIVE");
  let found = await waitForTable(engine, tableName, (own) => isReady(own) || isIdle(own), deadline, signal);
  if (isReady(found)) return;
  await createSystemTable(engine, layout, signal);
  const own = noted(index.index);
  await amendDefinition(engine, layout, (old) => ({ ...old, indexes: withIndex(old.indexes, own) }), signal);
  // From then on every process that writes keeps the index, and the group.
  await systemClock.sleep(2 * engine.options.leaseMs, signal);
  if (index.index.unique) {
    try {
      await backfillClaims(engine, layout, index.index, signal);
    } catch (error) {
      if (!(error instanceof DbError) || error.code !== "drift") throw error;
      const without = (old: Definition): Definition => ({ ...old, indexes: old.indexes.filter((one) => !isSameIndex(one, own)) });
      await amendDefinition(engine, layout, without, signal);
      throw error;
    }
  }
  await backfillDerived(engine, layout, signal);
  while (!isReady(found)) {
    if (statusOf(found, index.name) === undefined) await requestIndex(engine, layout, index, table, signal);
    found = await waitForTable(engine, tableName, (own) => isReady(own) || isIdle(own), deadline, signal);
  }
}

async function requestIndex(
  engine: Engine,
  { tableName }: Layout,
  index: IndexLayout,
  table: Table,
  signal: AbortSignal | undefined,
): Promise<void> {
  const input = {
    TableName: tableName,
    AttributeDefinitions: [index.hash, index.range].map(({ name }) => ({ AttributeName: name, AttributeType: "S" as const })),
    GlobalSecondaryIndexUpdates: [{ Create: globalIndex(index, table) as Required<GlobalSecondaryIndex> }],
  };
  try {
    await engine.request((client, options) => client.updateTable(input, options), signal);
  } catch (error) {
    // Another process makes this index or another one; the caller waits and looks again.
    const isMade = isNamed(error, "ValidationException") && /already exists/i.test((error as Error).message);
    if (!isMade && !isNamed(error, "ResourceInUseException") && !isNamed(error, "LimitExceededException")) throw error;
  }
}

function statusOf(table: TableDescription | undefined, index: string): string | undefined {
  return table?.GlobalSecondaryIndexes?.find((one) => one.IndexName === index)?.IndexStatus;
}

async function enableTtl(engine: Engine, TableName: string, signal: AbortSignal | undefined): Promise<void> {
  const { TimeToLiveDescription } = await engine.request((client, options) => client.describeTimeToLive({ TableName }, options), signal);
  if (TimeToLiveDescription?.TimeToLiveStatus === "ENABLED" || TimeToLiveDescription?.TimeToLiveStatus === "ENABLING") return;
  const input = { TableName, TimeToLiveSpecification: { Enabled: true, AttributeName: ttlAttribute } };
  try {
    await engine.request((client, options) => client.updateTimeToLive(input, options), signal);
  } catch (error) {
    // Another process was quicker: the service answers that it is enabled, or being changed.
    if (!isNamed(error, "ValidationException") || !/already enabled|being modified|multiple times/i.test((error as Error).message))
      throw error;
  }
}

/** The table as the service describes it; undefined when there is none. */
export async function describeTable(
  engine: Engine,
  TableName: string,
  signal: AbortSignal | undefined,
): Promise<TableDescription | undefined> {
  try {
    return (await engine.request((client, options) => client.describeTable({ TableName }, options), signal)).Table;
  } catch (error) {
    if (isNamed(error, "ResourceNotFoundException")) return undefined;
    throw error;
  }
}

export async function waitForTable(
  engine: Engine,
  tableName: string,
  isSo: (table: TableDescription | undefined) => boolean,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<TableDescription | undefined> {
  for (let pauseMs = 50; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    const table = await describeTable(engine, tableName, signal);
    if (isSo(table)) return table;
    if (engine.clock.now() + pauseMs > deadline) throw notInTime(tableName);
    await engine.clock.sleep(pauseMs, signal);
  }
}

function notInTime(tableName: string): DbError {
  return new DbError(
    "timeout",
    `the table ${tableName} or an index of it is not ready in time; it may become so, waitMs sets how long to wait`,
    {},
  );
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
