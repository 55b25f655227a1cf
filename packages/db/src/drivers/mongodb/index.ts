// The MongoDB driver. README.md says how values are stored.

import { oneOf, readOptions } from "@bk/core";
import type { Db } from "mongodb";

import type { Capabilities, Driver, DriverOptions } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import type { Table } from "../../schema/table.js";
import { capabilities, codec } from "./capabilities.js";
import { type Client, loadClient, makeClient, untilUnreachable } from "./client.js";
import type { MongoCommand } from "./command.js";
import { compileMongo } from "./compile.js";
import { checkTable, dropCollection } from "./definitions.js";
import type { Engine } from "./engine.js";
import { classifyMongo } from "./errors.js";
import { servesColumn } from "./inspect.js";
import { type Layout, layoutOf } from "./layout.js";
import { mongoOptions } from "./options.js";
import { beginSession, engineOf } from "./session.js";

/** How long servers may take to say goodbye. */
const patienceMs = 2_000;

/**
 * A MongoDB database: `mongodb://user:password@host:27017/database`, several hosts of a replica set or of a sharded cluster, or
 * `mongodb+srv://host/database`. Nothing is connected before the first call.
 *
 * @throws DbError `driver-missing` without `mongodb`; `invalid` for a bad URL or setting
 */
export async function mongodbDriver(options: DriverOptions): Promise<Driver> {
  const location = mongoOptions(options);
  const mongo = await loadClient();
  let client = makeClient(mongo, location);
  const database = (): Db => client.db(location.database);
  const engine = engineOf(database, mongo);
  const layouts = new WeakMap<Table, Layout>();
  const layoutFor = (table: Table): Layout => {
    let layout = layouts.get(table);
    if (layout === undefined) layouts.set(table, (layout = layoutOf(table, mongo)));
    return layout;
  };
  const tables = knownTables(engine, layoutFor);
  const [host] = location.hosts;

  const driver: Driver<MongoCommand> = {
    name: "mongodb",
    endpoint: { system: "mongodb", namespace: location.database, address: host?.host, port: host?.port },
    capabilities,
    codec,
    compile: (shape) => compileMongo(shape, layoutFor(shape.table)),
    describe: (command) => command.describe(),
    classify: classifyMongo,
    async connect(signal) {
      try {
        return await untilUnreachable(client, serverOf(engine, signal));
      } catch (error) {
        // A client that could not connect once is of no use any more.
        const failed = client;
        client = makeClient(mongo, location);
        await close(failed);
        throw error;
      }
    },
    execute: (command, values, signal) =>
      tables.isKnown(command)
        ? command.run(engine, values, signal)
        : tables.learn(command, signal).then(() => command.run(engine, values, signal)),
    async executeGroup(command, group, signal) {
      if (command.runGroup === undefined) throw new DbError("unsupported", "these calls cannot be grouped");
      if (!tables.isKnown(command)) await tables.learn(command, signal);
      return command.runGroup(engine, group, signal);
    },
    async begin(settings) {
      const session = await beginSession(client, database(), mongo, settings);
      return {
        ...session,
        async execute(command, values, signal) {
          // Outside of the transaction, which has a snapshot of rows alone.
          if (!tables.isKnown(command)) await tables.learn(command, signal);
          return session.execute(command, values, signal);
        },
        async executeGroup(command, group, signal) {
          if (!tables.isKnown(command)) await tables.learn(command, signal);
          return session.executeGroup!(command, group, signal);
        },
      };
    },
    checkBag: (bag, of, fail) => void readOptions(bag, of === "column" ? { type: oneOf(["objectId"]) } : {}, fail),
    serves: servesColumn,
    native: (command, signal) => runNative(engine, command, signal),
    async drop(table, signal) {
      await dropCollection(engine, table.name, signal);
      tables.forget(table);
    },
    close: () => close(client),
  };
  // Its commands are of the client's types, which an app without the client does not have.
  return driver as Driver;
}

/** What the server is: one that stands alone has no transactions. */
async function serverOf(
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<{ readonly capabilities: Partial<Capabilities>; readonly server: string }> {
  const hello = await engine.send({ hello: 1 }, signal);
  const { version } = await engine.send({ buildInfo: 1 }, signal);
  const isCluster = hello["setName"] !== undefined || hello["msg"] === "isdbgrid";
  return { capabilities: isCluster ? { transactions: "interactive" } : {}, server: `MongoDB ${String(version)}` };
}

/** The tables of which this process knows that the store has them. */
function knownTables(
  engine: Engine,
  layoutFor: (table: Table) => Layout,
): {
  isKnown(command: MongoCommand): boolean;
  learn(command: MongoCommand, signal: AbortSignal | undefined): Promise<void>;
  forget(table: Table): void;
} {
  const known = new WeakSet<Table>();
  return {
    isKnown: ({ table, isSchema }) => isSchema === true || known.has(table),
    async learn({ table }, signal) {
      await checkTable(engine, layoutFor(table), signal);
      known.add(table);
    },
    forget: (table) => void known.delete(table),
  };
}

/** Runs one command of the database: `{ collStats: "album" }`. */
async function runNative(engine: Engine, command: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  if (typeof command !== "object" || command === null || Array.isArray(command) || Object.keys(command).length === 0)
    throw invalid('a native command is a document, such as { collStats: "album" }');
  return engine.send(command, signal);
}

async function close(client: Client): Promise<void> {
  let impatient: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    impatient = setTimeout(resolve, patienceMs);
  });
  await Promise.race([client.close(true), patience]);
  clearTimeout(impatient);
}
