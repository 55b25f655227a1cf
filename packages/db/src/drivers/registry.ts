// The drivers by URL scheme: one line for each driver. Imports are literal so that bundlers can follow them.

import type { Driver, DriverOptions } from "../driver.js";

export type OpenDriver = (options: DriverOptions) => Promise<Driver>;

const load: Readonly<Record<string, () => Promise<OpenDriver>>> = {
  memory: async () => (await import("./memory/index.js")).memoryDriver,
  sqlite: async () => (await import("./sqlite/index.js")).sqliteDriver,
  postgres: async () => (await import("./postgres/index.js")).postgresDriver,
  mysql: async () => (await import("./mysql/index.js")).mysqlDriver,
  dynamodb: async () => (await import("./dynamodb/index.js")).dynamodbDriver,
  redis: async () => (await import("./redis/index.js")).redisDriver,
  cassandra: async () => (await import("./cassandra/index.js")).cassandraDriver,
  lmdb: async () => (await import("./lmdb/index.js")).lmdbDriver,
  level: async () => (await import("./level/index.js")).levelDriver,
  couchdb: async () => (await import("./couchdb/index.js")).couchdbDriver,
  mongodb: async () => (await import("./mongodb/index.js")).mongodbDriver,
  elasticsearch: async () => (await import("./elasticsearch/index.js")).elasticsearchDriver,
  riak: async () => (await import("./riak/index.js")).riakDriver,
};

const schemes: Readonly<Record<string, keyof typeof load>> = {
  memory: "memory",
  sqlite: "sqlite",
  postgres: "postgres",
  postgresql: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
  dynamodb: "dynamodb",
  redis: "redis",
  rediss: "redis",
  "redis-cluster": "redis",
  cassandra: "cassandra",
  level: "level",
  lmdb: "lmdb",
  couchdb: "couchdb",
  couchdbs: "couchdb",
  mongodb: "mongodb",
  "mongodb+srv": "mongodb",
  elasticsearch: "elasticsearch",
  "elasticsearch+https": "elasticsearch",
  opensearch: "elasticsearch",
  "opensearch+https": "elasticsearch",
  riak: "riak",
  riaks: "riak",
};

/** The URL schemes that have a driver. */
export const knownSchemes: readonly string[] = Object.keys(schemes);

/** Names of the drivers, for the suite and the docs. */
export const driverNames: readonly string[] = Object.keys(load);

/** The driver for a URL scheme, its code loaded now; undefined when there is none. */
export async function driverFor(scheme: string): Promise<OpenDriver | undefined> {
  return Object.hasOwn(schemes, scheme) ? load[schemes[scheme]!]!() : undefined;
}
