/** A driver that the tests run on, and what it needs. */
export interface TestDriver {
  /** As in `describe("driver: <id>")` and `--drivers=<id>`. */
  readonly id: string;
  /** Servers of test/services that it needs; none for what runs in this process. */
  readonly services: readonly string[];
  /** What an ordinary run tries it on; the reference says so. */
  readonly provenOn: string;
  /** What is known not to be shown by that. */
  readonly notProven?: string;
  /** It was never tried on the database itself, nor on another implementation of it. */
  readonly isUnproven?: boolean;
}

export const testDrivers: readonly TestDriver[] = [
  { id: "memory", services: [], provenOn: "this process" },
  {
    id: "sqlite",
    services: [],
    provenOn: "SQLite 3.53 of better-sqlite3; node:sqlite of Node 22 and 24, Bun and Deno by `npm run test:runtimes`",
  },
  { id: "lmdb", services: [], provenOn: "lmdb 3.5, in this process and in several" },
  { id: "level", services: [], provenOn: "classic-level 3.0, in this process" },
  { id: "pg", services: ["pg"], provenOn: "PostgreSQL 15", notProven: "CockroachDB and others that speak its protocol" },
  {
    id: "mysql",
    services: ["mysql"],
    provenOn: "MySQL 8.0.12",
    notProven: "MySQL 8.0.17 and later, which have an exact collation; 8.4 and 9",
  },
  { id: "mariadb", services: ["mariadb"], provenOn: "MariaDB 10.11" },
  {
    id: "dynamodb",
    services: ["dynamodb"],
    provenOn: "DynamoDB Local 3.3.1",
    notProven: "throttling, removal of expired items and indexes that take long, of Amazon's own service",
  },
  {
    id: "cassandra",
    services: ["cassandra"],
    provenOn: "Cassandra 5.0.9, one node; three nodes, of which one and two are killed",
    notProven: "several data centers",
  },
  {
    id: "mongodb",
    services: ["mongodb", "mongodb-set"],
    provenOn: "mongo-java-server 1.47.0, alone and as a replica set of one",
    notProven:
      "MongoDB itself (its README has the command for Docker), its exact comparison of decimals and its removal of expired documents",
  },
  {
    id: "elasticsearch",
    services: ["elasticsearch"],
    provenOn: "Elasticsearch 7.17.29",
    notProven: "Elasticsearch 8 with our analyzer, which was run once (its README says how); Elasticsearch 9",
  },
  { id: "opensearch", services: ["opensearch"], provenOn: "OpenSearch 2.19.1", notProven: "its security plugin" },
  {
    id: "redis",
    services: ["redis", "redis-cluster"],
    provenOn: "Redis 7.0.15, alone and as a cluster of three",
    notProven: "Sentinel; Valkey",
  },
  {
    id: "couchdb",
    services: ["couchdb"],
    provenOn: "PouchDB's server (express-pouchdb 4.2.0) with a shim",
    notProven: "CouchDB itself (its README has the command for Docker)",
  },
  // A server of our own: see test/services/riak.ts.
  {
    id: "riak",
    services: ["riak"],
    provenOn: "a server of this repository, written from the documentation of Riak's HTTP API",
    notProven: "Riak itself",
    isUnproven: true,
  },
];
