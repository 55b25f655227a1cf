/** A driver that the tests run on, and what it needs. */
export interface TestDriver {
  /** As in `describe("driver: <id>")` and `--drivers=<id>`. */
  readonly id: string;
  /** Servers of test/services that it needs; none for what runs in this process. */
  readonly services: readonly string[];
}

export const testDrivers: readonly TestDriver[] = [
  { id: "memory", services: [] },
  { id: "sqlite", services: [] },
  { id: "lmdb", services: [] },
  { id: "level", services: [] },
  { id: "pg", services: ["pg"] },
  { id: "mysql", services: ["mysql"] },
  { id: "mariadb", services: ["mariadb"] },
  { id: "dynamodb", services: ["dynamodb"] },
  { id: "cassandra", services: ["cassandra"] },
  { id: "mongodb", services: ["mongodb", "mongodb-set"] },
  { id: "elasticsearch", services: ["elasticsearch"] },
  { id: "opensearch", services: ["opensearch"] },
  { id: "redis", services: ["redis", "redis-cluster"] },
  { id: "couchdb", services: ["couchdb"] },
  // A server of our own: see test/services/riak.ts.
  { id: "riak", services: ["riak"] },
];
