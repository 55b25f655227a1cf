/** A driver that the tests run on, or a browser, and what it needs. */
export interface TestDriver {
  /** As in `describe("driver: <id>")` and `--drivers=<id>`. */
  readonly id: string;
  /** Servers of test/services that it needs; none for what runs in this process. */
  readonly services: readonly string[];
  /** What an ordinary run tries it on; the reference says so. */
  readonly provenOn: string;
  /** What is known not to be shown by that. */
  readonly notProven?: string;
  /** The package whose driver it is, or `page`, for what shows pages; absent: @bk/db. */
  readonly of?: "cache" | "queue" | "page";
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
  { id: "cache-local", of: "cache", services: [], provenOn: "this process" },
  { id: "cache-shared", of: "cache", services: [], provenOn: "processes of one machine, and a cluster of Node" },
  { id: "cache-redis", of: "cache", services: ["redis"], provenOn: "Redis 7.0.15, with TLS too", notProven: "Valkey" },
  { id: "cache-redis-cluster", of: "cache", services: ["redis-cluster"], provenOn: "Redis 7.0.15, a cluster of three" },
  {
    id: "cache-redis-sentinel",
    of: "cache",
    services: ["redis-sentinel"],
    provenOn: "Redis 7.0.15, a primary and a replica behind three sentinels",
  },
  { id: "cache-tiered", of: "cache", services: ["redis"], provenOn: "Redis 7.0.15 behind" },
  { id: "cache-db", of: "cache", services: [], provenOn: "SQLite" },
  { id: "cache-db-memory", of: "cache", services: [], provenOn: "the database in memory" },
  {
    id: "cache-hazelcast",
    of: "cache",
    services: ["hazelcast"],
    provenOn: "Hazelcast 5.4.0, one member",
    notProven: "several members; TLS",
  },
  { id: "cache-memcached", of: "cache", services: ["memcached"], provenOn: "memcached 1.6.18, two servers; one with users and TLS" },
  { id: "queue-local", of: "queue", services: [], provenOn: "this process" },
  { id: "queue-shared", of: "queue", services: [], provenOn: "several processes of one machine" },
  { id: "queue-redis", of: "queue", services: ["redis"], provenOn: "Redis 7.0.15, with TLS too", notProven: "Valkey" },
  { id: "queue-redis-cluster", of: "queue", services: ["redis-cluster"], provenOn: "Redis 7.0.15, a cluster of three" },
  {
    id: "queue-redis-sentinel",
    of: "queue",
    services: ["redis-sentinel"],
    provenOn: "Redis 7.0.15, a primary and a replica behind three sentinels",
  },
  { id: "queue-db", of: "queue", services: [], provenOn: "SQLite" },
  { id: "queue-db-pg", of: "queue", services: ["pg"], provenOn: "PostgreSQL 15" },
  { id: "queue-db-mysql", of: "queue", services: ["mysql"], provenOn: "MySQL 8.0.12" },
  { id: "queue-db-mariadb", of: "queue", services: ["mariadb"], provenOn: "MariaDB 10.11" },
  {
    id: "queue-db-dynamodb",
    of: "queue",
    services: ["dynamodb"],
    provenOn: "DynamoDB Local 3.3.1",
    notProven: "Amazon's own service, whose indexes are late",
  },
  {
    id: "queue-db-mongodb",
    of: "queue",
    services: ["mongodb"],
    provenOn: "mongo-java-server 1.47.0",
    notProven: "MongoDB itself",
  },
  { id: "queue-db-redis", of: "queue", services: ["redis"], provenOn: "Redis 7.0.15" },
  { id: "queue-db-redis-cluster", of: "queue", services: ["redis-cluster"], provenOn: "Redis 7.0.15, a cluster of three" },
  { id: "queue-nats", of: "queue", services: ["nats"], provenOn: "NATS 2.9.10 with JetStream", notProven: "a cluster of servers; TLS" },
  {
    id: "queue-sqs",
    of: "queue",
    services: ["sqs"],
    provenOn: "ElasticMQ 1.7.1, standard and FIFO queues",
    notProven: "Amazon's own service: throttling, encryption, its counts that lag",
  },
  {
    id: "queue-hazelcast",
    of: "queue",
    services: ["hazelcast"],
    provenOn: "Hazelcast 5.4.0, one member; two, of which one is killed",
    notProven: "TLS; a cluster that was split",
  },
  { id: "queue-amqp", of: "queue", services: ["rabbitmq"], provenOn: "RabbitMQ 3.10", notProven: "RabbitMQ 4; a cluster of servers; TLS" },
  { id: "chromium", of: "page", services: ["chromium"], provenOn: "Chromium of Debian 12, without a window" },
];
