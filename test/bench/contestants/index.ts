// Who takes part, by engine. Each is loaded on its own, in a process of its own, so that none pays for another's code.

import type { EngineName, Entry } from "../contestant.js";

type Loaders = { readonly [name: string]: () => Promise<Entry> };

const bk = async (): Promise<Entry> => (await import("./bk.js")).entry;

const mysql: Loaders = {
  raw: async () => (await import("./raw-mysql.js")).entry,
  limit: async () => (await import("./limit-mysql.js")).entry,
  bk,
  drizzle: async () => (await import("./drizzle-mysql.js")).entry,
  kysely: async () => (await import("./kysely.js")).kysely("mysql"),
  knex: async () => (await import("./knex.js")).knex("mysql"),
};

export const contestants: Readonly<Record<EngineName, Loaders>> = {
  sqlite: {
    raw: async () => (await import("./raw-sqlite.js")).entry,
    limit: async () => (await import("./limit-sqlite.js")).entry,
    bk,
    drizzle: async () => (await import("./drizzle-sqlite.js")).entry,
    kysely: async () => (await import("./kysely.js")).kysely("sqlite"),
    knex: async () => (await import("./knex.js")).knex("sqlite"),
  },
  pg: {
    raw: async () => (await import("./raw-postgres.js")).entry,
    limit: async () => (await import("./limit-postgres.js")).entry,
    bk,
    drizzle: async () => (await import("./drizzle-postgres.js")).entry,
    kysely: async () => (await import("./kysely.js")).kysely("pg"),
    knex: async () => (await import("./knex.js")).knex("pg"),
  },
  mysql,
  mariadb: mysql,
  redis: {
    raw: async () => (await import("./raw-redis.js")).entry,
    limit: async () => (await import("./limit-redis.js")).entry,
    bk,
  },
  lmdb: { raw: async () => (await import("./raw-lmdb.js")).entry, bk },
  level: { raw: async () => (await import("./raw-level.js")).entry, bk },
  mongodb: { raw: async () => (await import("./raw-mongodb.js")).entry, bk },
  dynamodb: { raw: async () => (await import("./raw-dynamodb.js")).entry, bk },
  cassandra: { raw: async () => (await import("./raw-cassandra.js")).entry, bk },
  elasticsearch: { raw: async () => (await import("./raw-elasticsearch.js")).entry, bk },
};
