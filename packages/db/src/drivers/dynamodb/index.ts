import { isDeepStrictEqual } from "node:util";

import type * as Client from "@aws-sdk/client-dynamodb";

import type { Driver, DriverOptions, RowChange } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import type { Table } from "../../schema/table.js";
import { capabilities, codec } from "./capabilities.js";
import type { DynamoCommand } from "./command.js";
import { compileDynamo } from "./compile.js";
import { type Engine, engineOf, type RequestOptions } from "./engine.js";
import { classifyDynamo } from "./errors.js";
import { servesColumn } from "./inspect.js";
import { keyOf, type Layout, layoutOf } from "./layout.js";
import { checkDynamoBag, type DynamoOptions, dynamoOptions } from "./options.js";
import { readRow } from "./read-row.js";
import { canCompareColumns, type RowWrite, writeRows } from "./transact.js";

/**
 * Opens Amazon DynamoDB: `dynamodb:us-east-1`, or a server of one's own, `dynamodb://127.0.0.1:8000?accessKeyId=…&secretAccessKey=…`.
 * Sends nothing before the first command.
 *
 * @throws DbError `invalid` for a wrong URL or option; `driver-missing` when the client package is not installed
 */
export async function dynamodbDriver(options: DriverOptions): Promise<Driver> {
  const settings = dynamoOptions(options);
  const client = await openClient(settings);
  const engine = engineOf(client, settings, options.clock);
  const layouts = new WeakMap<Table, Layout>();
  const layoutFor = (table: Table): Layout => {
    const layout = layouts.get(table) ?? layoutOf(table, settings.prefix);
    layouts.set(table, layout);
    return layout;
  };
  const driver: Driver<DynamoCommand> = {
    name: "dynamodb",
    capabilities,
    codec,
    compile: (shape) => compileDynamo(shape, layoutFor(shape.table)),
    describe: (command) => command.describe(),
    classify: classifyDynamo,
    execute: (command, values, signal) => command.run(engine, values, signal),
    async executeGroup(command, group, signal) {
      if (command.runGroup !== undefined) return command.runGroup(engine, group, signal);
      throw new DbError("unsupported", "these calls cannot be grouped");
    },
    commit: (changes, signal) => commit(engine, layoutFor, changes, signal),
    checkBag: checkDynamoBag,
    serves: servesColumn,
    native: (command, signal) => runNative(client, command, signal),
    close: async () => client.destroy(),
  };
  return driver;
}

async function openClient(settings: DynamoOptions): Promise<Client.DynamoDB> {
  const { endpoint, region, credentials, timeoutMs } = settings;
  const { DynamoDB } = await loadClient();
  return new DynamoDB({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    // The client would also repeat writes of which it is not known whether they were made; engine.ts repeats throttled requests only.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: Math.min(5000, timeoutMs), requestTimeout: timeoutMs, throwOnRequestTimeout: true },
  });
}

async function loadClient(): Promise<typeof Client> {
  try {
    return await import("@aws-sdk/client-dynamodb");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing || !error.message.includes("package '@aws-sdk/client-dynamodb'")) throw error;
    throw new DbError("driver-missing", "the client is not installed; run: npm install @aws-sdk/client-dynamodb", {
      driver: "dynamodb",
      cause: error,
    });
  }
}

/** False when a row is not as its change says it was. */
async function commit(
  engine: Engine,
  layoutFor: (table: Table) => Layout,
  changes: readonly RowChange[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const writes = await Promise.all(changes.map((change) => writeOf(engine, layoutFor(change.table), change, signal)));
  if (writes.includes(undefined)) return false;
  return writes.length === 0 || writeRows(engine, writes as RowWrite[], signal);
}

/** A row with more columns than one condition compares is read again for its version; undefined when it has changed. */
async function writeOf(
  engine: Engine,
  layout: Layout,
  { key: stored, before, after }: RowChange,
  signal: AbortSignal | undefined,
): Promise<RowWrite | undefined> {
  const key = keyOf(layout, stored);
  if (before === undefined || canCompareColumns(layout)) return { layout, key, before, after };
  const found = await readRow(engine, layout, key, signal);
  if (found === undefined || !isDeepStrictEqual(found.row, before)) return undefined;
  return { layout, key, before, version: found.version, item: found.item, after };
}

/**
 * Runs one request of the service's own API: `{ request: "DescribeTable", input: { TableName: "album" } }`.
 */
async function runNative(client: Client.DynamoDB, command: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  const { request, input } = (command ?? {}) as { request?: unknown; input?: unknown };
  const name = typeof request === "string" ? `${request.charAt(0).toLowerCase()}${request.slice(1)}` : "";
  const method =
    /^[a-z][A-Za-z]*$/.test(name) && name !== "send" && name !== "destroy"
      ? (client as unknown as Record<string, unknown>)[name]
      : undefined;
  if (typeof method !== "function") throw invalid('a native command is { request: "DescribeTable", input: { … } }');
  const options: RequestOptions = signal === undefined ? {} : { abortSignal: signal };
  return (method as (input: unknown, options: RequestOptions) => Promise<unknown>).call(client, input ?? {}, options);
}
