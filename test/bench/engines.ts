// A database of its own for each contestant, on the servers that the tests use too.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import pg from "pg";
import { startServices } from "../services/index.js";
import type { EngineName } from "./contestant.js";

export interface Engine {
  readonly name: EngineName;
  /** Makes an empty database; gives its URL. */
  database(contestant: string): Promise<string>;
  /** Lets the engine look at what is in a database before it is measured. */
  settle(url: string): Promise<void>;
  stop(): Promise<void>;
}

const variables: Readonly<Partial<Record<EngineName, string>>> = {
  pg: "BK_TEST_PG",
  mysql: "BK_TEST_MYSQL",
  mariadb: "BK_TEST_MARIADB",
  redis: "BK_TEST_REDIS",
  mongodb: "BK_TEST_MONGODB",
  dynamodb: "BK_TEST_DYNAMODB",
  cassandra: "BK_TEST_CASSANDRA",
  elasticsearch: "BK_TEST_ELASTICSEARCH",
};

/** Starts an engine. @throws Error when it cannot be had here */
export async function startEngine(name: EngineName): Promise<Engine> {
  if (name === "sqlite") return sqlite();
  if (name === "lmdb" || name === "level") return inFolder(name);
  const services = await startServices([name]);
  const url = services.env[variables[name]!];
  if (url === undefined) throw new Error(`${name} cannot be measured here: ${services.notRun[0]?.reason ?? "it did not start"}`);
  const stop = (): Promise<void> => services.stop();
  if (name === "pg") return postgres(url, stop);
  if (name === "redis") return redis(url, stop);
  if (name === "mysql" || name === "mariadb") return mysqlLike(name, url, stop);
  return apart(name, url, stop);
}

/** Stores in files, each in a folder of its own. */
async function inFolder(name: "lmdb" | "level"): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "bk-bench-"));
  return {
    name,
    database: async (contestant) => `${contestant.startsWith("bk") ? `${name}:` : ""}${join(folder, contestant)}`,
    settle: async () => undefined,
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Servers of this run alone, with a part for each contestant. */
function apart(name: EngineName, url: string, stop: () => Promise<void>): Engine {
  return {
    name,
    async database(contestant) {
      if (name === "dynamodb") return url.replace(/accessKeyId=\w+/, `accessKeyId=bench${contestant}`);
      if (name === "elasticsearch") return contestant.startsWith("bk") ? `${url}${url.includes("?") ? "&" : "?"}prefix=bench-bk-` : url;
      return url.replace(/^(\w+:\/\/[^/?]+)\/?[^?]*/, `$1/bench_${contestant}`);
    },
    settle: async () => undefined,
    stop,
  };
}

async function sqlite(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "bk-bench-"));
  const { default: Database } = await import("better-sqlite3");
  return {
    name: "sqlite",
    database: async (contestant) =>
      contestant.startsWith("bk") ? `sqlite:${join(folder, contestant)}.db` : join(folder, `${contestant}.db`),
    async settle(url) {
      const database = new Database(url.replace(/^sqlite:/, ""));
      database.exec("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A name that no other run takes. */
const nameOf = (contestant: string): string => `bench_${process.pid}_${contestant}`;

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function postgres(url: string, stop: () => Promise<void>): Engine {
  const made: string[] = [];
  const run = async (target: string, ...texts: string[]): Promise<void> => {
    const client = new pg.Client(target);
    await client.connect();
    for (const text of texts) await client.query(text);
    await client.end();
  };
  return {
    name: "pg",
    async database(contestant) {
      const name = nameOf(contestant);
      await run(url, `CREATE DATABASE ${name}`);
      made.push(name);
      return withDatabase(url, name);
    },
    settle: (target) => run(target, "VACUUM ANALYZE users"),
    async stop() {
      for (const name of made) await run(url, `DROP DATABASE ${name} WITH (FORCE)`);
      await stop();
    },
  };
}

function mysqlLike(name: "mysql" | "mariadb", url: string, stop: () => Promise<void>): Engine {
  const made: string[] = [];
  // The mysql2 client knows one scheme.
  const plain = url.replace(/^mariadb:/, "mysql:");
  const run = async (target: string, ...texts: string[]): Promise<void> => {
    const connection = await mysql.createConnection(target);
    for (const text of texts) await connection.query(text);
    await connection.end();
  };
  return {
    name,
    async database(contestant) {
      const database = nameOf(contestant);
      await run(plain, `CREATE DATABASE ${database}`);
      made.push(database);
      return withDatabase(contestant.startsWith("bk") ? url : plain, database);
    },
    settle: (target) => run(target.replace(/^mariadb:/, "mysql:"), "ANALYZE TABLE users"),
    async stop() {
      for (const database of made) await run(plain, `DROP DATABASE ${database}`);
      await stop();
    },
  };
}

function redis(url: string, stop: () => Promise<void>): Engine {
  return {
    name: "redis",
    database: async () => url,
    async settle() {
      // Redis keeps no statistics.
    },
    async stop() {
      const client = new Redis(url);
      for (const prefix of ["bench-raw:*", "*bench-bk:*"]) {
        const keys = await client.keys(prefix);
        for (let i = 0; i < keys.length; i += 1000) await client.unlink(keys.slice(i, i + 1000));
      }
      await client.quit();
      await stop();
    },
  };
}
