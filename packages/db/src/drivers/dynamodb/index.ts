import { deepEqual } from "../../schema/deep-equal.js";

import type * as Client from "@aws-sdk/client-dynamodb";

import type { Driver, DriverOptions, RowChange, Shape } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import type { Table } from "../../schema/table.js";
import { capabilities, codec } from "./capabilities.js";
import type { DynamoCommand } from "./command.js";
import { compileDynamo } from "./compile.js";
import { type WriteLayouts, writeLayouts } from "./definitions.js";
import { dropTable } from "./drop.js";
import { type Engine, engineOf, type RequestOptions } from "./engine.js";
import { classifyDynamo, isLostConnection, isMissingTable } from "./errors.js";
import { servesColumn } from "./inspect.js";
import { keyOf, type Layout, layoutOf } from "./layout.js";
import { checkDynamoBag, type DynamoOptions, dynamoOptions } from "./options.js";
import { readRow } from "./read-row.js";
import type { RowWrite } from "./row-write.js";
import { canCompareColumns, writeRows } from "./transact.js";

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
  const written = writeLayouts(settings.leaseMs);
  const driver: Driver<NamedCommand> = {
    name: "dynamodb",
    endpoint: { system: "aws.dynamodb", namespace: settings.region, ...settings.server },
    capabilities,
    codec,
    compile: (shape) => compileOver(shape, layoutFor(shape.table), written),
    describe: (command) => command.describe(),
    classify: classifyDynamo,
    execute: (command, values, signal) => command.run(engine, values, signal).catch(naming([command.table])),
    async executeGroup(command, group, signal) {
      if (command.runGroup === undefined) throw new DbError("unsupported", "these calls cannot be grouped");
      return command.runGroup(engine, group, signal).catch(naming([command.table]));
    },
    commit: (changes, signal) =>
      commit(engine, (table) => written.layoutFor(engine, layoutFor(table)), changes, signal).catch(
        naming(changes.map(({ table }) => table.name)),
      ),
    checkBag: checkDynamoBag,
    serves: servesColumn,
    native: (command, signal) => runNative(client, command, signal),
    drop: (table, signal) => dropTable(engine, layoutFor(table), signal),
    close: async () => client.destroy(),
  };
  return driver;
}

async function openClient(settings: DynamoOptions): Promise<Client.DynamoDB> {
  const { endpoint, region, credentials, timeoutMs } = settings;
  const { DynamoDB } = await loadClient();
  const client = new DynamoDB({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    // The client would also repeat writes of which it is not known whether they were made; engine.ts repeats throttled requests only.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: Math.min(5000, timeoutMs),
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { timeout: idleMs },
      httpsAgent: { timeout: idleMs },
    },
  });
  // A server may end an idle connection just as it is used again. A read can be sent once more, also one that is a part of a write.
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) =>
        next(args).catch((error: unknown) => {
          if (!reads.has(commandName) || !isLostConnection(error)) throw error;
          return next(args);
        }),
    { step: "initialize", name: "bkReadAgain" },
  );
  // The service cuts the connection of a longer request while it is being sent, which tells nothing.
  client.middlewareStack.add(
    (next) => async (args) => {
      const { headers } = args.request as { headers: Readonly<Record<string, string>> };
      if (Number(headers["content-length"]) > maxRequestBytes) throw requestTooLong();
      return next(args);
    },
    { step: "finalizeRequest", name: "bkRequestSize" },
  );
  return client;
}

/** How long a connection is kept that nothing uses: shorter than servers keep theirs (DynamoDB Local 30 seconds). */
const idleMs = 15_000;

const reads: ReadonlySet<string> = new Set([
  "BatchGetItemCommand",
  "DescribeTableCommand",
  "GetItemCommand",
  "QueryCommand",
  "ScanCommand",
  "TransactGetItemsCommand",
]);

/** Most bytes of a request, set by the service. */
const maxRequestBytes = 16 * 1024 * 1024;

function requestTooLong(): DbError {
  return new DbError("too-large", "the request takes more than 16 MB; a row takes 400 KB at most", { outcome: "none" });
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

/** The service does not say which table is missing. */
function naming(tables: readonly string[]): (error: unknown) => never {
  return (error) => {
    if (!isMissingTable(error)) throw error;
    const names = [...new Set(tables)];
    throw new DbError("drift", `table ${names.join(" or ")} does not exist in the store; call sync() first`, {
      outcome: "none",
      cause: error,
      ...(names.length === 1 ? { table: names[0]! } : {}),
    });
  };
}

/** False when a row is not as its change says it was. */
async function commit(
  engine: Engine,
  layoutFor: (table: Table) => Layout | Promise<Layout>,
  changes: readonly RowChange[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const writes = await Promise.all(changes.map(async (change) => writeOf(engine, await layoutFor(change.table), change, signal)));
  if (writes.includes(undefined)) return false;
  return writes.length === 0 || writeRows(engine, writes as RowWrite[], signal);
}

/**
 * A row with more columns than one condition compares is read again for its version, and one of which another definition has
 * more columns for these; undefined when it has changed.
 */
async function writeOf(
  engine: Engine,
  layout: Layout,
  { table, key: stored, before, after }: RowChange,
  signal: AbortSignal | undefined,
): Promise<RowWrite | undefined> {
  const key = keyOf(layout, stored);
  const width = table.columns.length;
  if (before === undefined || (width === layout.table.columns.length && canCompareColumns(layout))) return { layout, key, before, after };
  const found = await readRow(engine, layout, key, signal);
  if (found === undefined || !deepEqual(found.row.slice(0, width), before)) return undefined;
  const { row, version, item } = found;
  return { layout, key, before: row, version, item, after: after && [...after, ...row.slice(width)] };
}

interface NamedCommand extends DynamoCommand {
  readonly table: string;
}

/** A command that writes as other definitions of its table want it too: compiled for each layout once. */
function compileOver(shape: Shape, base: Layout, { layoutFor }: WriteLayouts): NamedCommand {
  const compiled = new WeakMap<Layout, DynamoCommand>();
  const over = (layout: Layout): DynamoCommand => {
    let command = compiled.get(layout);
    if (command === undefined) compiled.set(layout, (command = compileDynamo(shape, layout)));
    return command;
  };
  const command = over(base);
  const named = { ...command, table: shape.table.name };
  if (shape.verb !== "put" && shape.verb !== "update" && shape.verb !== "delete") return named;
  const { runGroup } = command;
  return {
    ...named,
    run: async (engine, values, signal) => over(await layoutFor(engine, base)).run(engine, values, signal),
    ...(runGroup === undefined
      ? {}
      : { runGroup: async (engine, group, signal) => over(await layoutFor(engine, base)).runGroup!(engine, group, signal) }),
  };
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
