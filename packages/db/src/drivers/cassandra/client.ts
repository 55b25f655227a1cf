// The client, and the engine over it: opened with the first command, opened again when no host can be reached any more.

import type { Clock, Log } from "@bk/core";
import type * as Cassandra from "cassandra-driver";

import { type Turns, turns } from "../../engines/turns.js";
import { DbError } from "../../errors.js";
import type { Answer, Engine } from "./engine.js";
import { isUncertain, isUnreached } from "./errors.js";
import type { CassandraOptions } from "./options.js";
import type { NativeRow } from "./rows.js";
import type { BoundStatement, BoundWrite } from "./statement.js";
import { versionIn } from "./versions.js";

type Module = Pick<typeof Cassandra, "Client" | "policies" | "types" | "auth">;

export interface CassandraClient extends Engine {
  /** Runs a statement of the app's own. */
  native(cql: string, params: readonly unknown[]): Promise<Cassandra.types.ResultSet>;
  /** Waits for the answers to what was sent, then ends the connections. */
  close(): Promise<void>;
}

/** How long a server may take for its last answers. */
const patienceMs = 2_000;
/** Rows that are fetched at once. */
const pageRows = 1_000;

/** @throws DbError `driver-missing` when the client package is not installed */
export async function openClient(options: CassandraOptions, clock: Clock, log: Log): Promise<CassandraClient> {
  const module = await loadClient();
  const { consistencies } = module.types;
  const isLocal = options.consistency === "localQuorum";
  const levels = {
    consistency: isLocal ? consistencies.localQuorum : consistencies.quorum,
    serialConsistency: isLocal ? consistencies.localSerial : consistencies.serial,
  };
  const running = new Set<Promise<unknown>>();
  let client: Cassandra.Client | undefined;
  let opening: Promise<Cassandra.Client> | undefined;
  let isClosed = false;

  async function open(): Promise<Cassandra.Client> {
    if (isClosed) throw new DbError("closed", "used after close", { driver: "cassandra" });
    const old = client;
    client = undefined;
    // Its connections are gone; what it still waits for fails by itself.
    if (old !== undefined) void old.shutdown().catch((error: unknown) => log.debug("cassandra: shutdown failed", { error }));
    const fresh = await connected(module, options, levels);
    if (isClosed) {
      await fresh.shutdown();
      throw new DbError("closed", "closed while it connected", { driver: "cassandra" });
    }
    return (client = fresh);
  }

  function opened(): Cassandra.Client | Promise<Cassandra.Client> {
    return client ?? (opening ??= open().finally(() => (opening = undefined)));
  }

  /** Nothing was sent where no host could be reached: the client is opened anew, and the work begins again. */
  async function attempt<T>(work: (client: Cassandra.Client) => Promise<T>): Promise<T> {
    const first = await opened();
    try {
      return await work(first);
    } catch (error) {
      if (!isUnreached(error)) throw error;
      if (client === first) client = undefined;
      if (opening === undefined)
        void first.shutdown().catch((reason: unknown) => log.debug("cassandra: shutdown failed", { error: reason }));
      return work(await opened());
    }
  }

  async function track<T>(work: (client: Cassandra.Client) => Promise<T>): Promise<T> {
    const one = attempt(work);
    running.add(one);
    try {
      return await one;
    } finally {
      running.delete(one);
    }
  }

  const run = ({ cql, params }: BoundStatement, more: Cassandra.QueryOptions = {}): Promise<Cassandra.types.ResultSet> =>
    track((own) => own.execute(cql, [...params], { prepare: true, ...more }));

  const partitions = new Map<string, Turns>();
  async function inTurn<T>(partition: string, work: () => Promise<T>): Promise<T> {
    const own = partitions.get(partition) ?? turns();
    partitions.set(partition, own);
    const end = await own.take();
    try {
      return await work();
    } finally {
      end();
      if (!own.taken) partitions.delete(partition);
    }
  }

  /**
   * Where the replicas did not say in time whether they had agreed on a write, the row does, if it has the version of that write. A
   * serial read ends what is under way. Nothing is known where the row has another version: the write may have been made and overwritten.
   */
  async function orLookUp(
    write: BoundWrite,
    send: () => Promise<Cassandra.types.ResultSet>,
  ): Promise<Cassandra.types.ResultSet | "applied"> {
    try {
      return await send();
    } catch (error) {
      if (!isUncertain(error)) throw error;
      const { rows } = await run(write.lookUp, { consistency: levels.serialConsistency }).catch(() => ({ rows: [] }));
      const found = rows[0] as NativeRow | undefined;
      if (found !== undefined && versionIn(found) === write.version) return "applied";
      throw error;
    }
  }

  const rowsOf = ({ rows }: Cassandra.types.ResultSet): readonly NativeRow[] => (rows ?? []) as unknown as readonly NativeRow[];

  return {
    clock,
    keyspace: options.keyspace,
    // In pages the server would read the partitions of an IN one after the other.
    read: async (statement): Promise<Answer> => ({ rows: rowsOf(await run(statement, { fetchSize: 0 })) }),
    async *readAll(statement, pageSize = pageRows) {
      let pageState: string | undefined;
      do {
        const result = await run(statement, { fetchSize: Math.min(pageSize, pageRows), ...(pageState === undefined ? {} : { pageState }) });
        yield* rowsOf(result);
        pageState = result.pageState ?? undefined;
      } while (pageState !== undefined);
    },
    async write(statement) {
      const result = await inTurn(statement.partition, () => orLookUp(statement, () => run(statement)));
      return result === "applied" || result.wasApplied() ? "applied" : rowGiven(rowsOf(result)[0]);
    },
    async writeAll(statements) {
      const queries = statements.map(({ cql, params }) => ({ query: cql, params: [...params] }));
      const send = (): Promise<Cassandra.types.ResultSet> => track((own) => own.batch(queries, { prepare: true, logged: false }));
      // All or none of them are made: one tells of all.
      const [first] = statements as readonly [BoundWrite, ...BoundWrite[]];
      const result = await inTurn(first.partition, () => orLookUp(first, send));
      return result === "applied" || result.wasApplied();
    },
    async define(cql) {
      const result = await track((own) => own.execute(cql, [], { prepare: false, ...firstHost(own) }));
      // The client's types lack it.
      if ((result.info as { isSchemaInAgreement?: boolean }).isSchemaInAgreement === false)
        throw new DbError("unavailable", "the nodes do not agree on the schema yet; call sync() again", { outcome: "unknown" });
    },
    async isQueryable(table, column) {
      const own = await opened();
      const cql = "SELECT table_name, column_name, is_queryable FROM system_views.sai_column_indexes WHERE keyspace_name = ?";
      for (const host of own.hosts.values().filter((one) => one.isUp())) {
        const { rows } = await track((same) =>
          same.execute(cql, [options.keyspace], { prepare: true, host, consistency: consistencies.one }),
        );
        const index = rows.find((row) => row["table_name"] === table && row["column_name"] === column);
        if (index?.["is_queryable"] !== true) return false;
      }
      return true;
    },
    pause: (ms) => clock.sleep(ms),
    replication() {
      const nodes = client?.hosts.length ?? 1;
      return `{ 'class': 'NetworkTopologyStrategy', 'replication_factor': ${options.replicas ?? Math.min(3, nodes)} }`;
    },
    native: (cql, params) => run({ cql, params }, { fetchSize: 2 ** 31 - 1 }),
    async close() {
      isClosed = true;
      const own = client ?? (await opening?.catch(() => undefined));
      const patience = new Promise((resolve) => setTimeout(resolve, patienceMs).unref());
      await Promise.race([Promise.allSettled(running), patience]);
      client = undefined;
      await own?.shutdown();
    },
  };
}

/** What stands beside `[applied]`; where there is no row there is nothing else. */
function rowGiven(row: NativeRow | undefined): NativeRow | undefined {
  return row !== undefined && Object.keys(row).length > 1 ? row : undefined;
}

/** Changes of the schema go to one node, which carries them out one after the other. */
function firstHost(client: Cassandra.Client): { host?: Cassandra.Host } {
  const up = client.hosts.values().filter((host) => host.isUp());
  const [first] = up.sort((a, b) => (a.address < b.address ? -1 : 1));
  return first === undefined ? {} : { host: first };
}

async function connected(module: Module, options: CassandraOptions, levels: object): Promise<Cassandra.Client> {
  const localDataCenter = options.localDataCenter ?? (await learnDataCenter(module, options, levels));
  const client = new module.Client({ ...settingsFor(module, options, levels), localDataCenter });
  return connect(client);
}

async function connect(client: Cassandra.Client): Promise<Cassandra.Client> {
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.shutdown().catch(() => undefined);
    throw error;
  }
}

/** The data center of the first host that answers. */
async function learnDataCenter(module: Module, options: CassandraOptions, levels: object): Promise<string> {
  const settings = settingsFor(module, options, levels);
  const loadBalancing = new module.policies.loadBalancing.RoundRobinPolicy();
  const client = await connect(new module.Client({ ...settings, policies: { ...settings.policies, loadBalancing } }));
  const hosts = client.hosts.values();
  const given = hosts.find(({ address }) => options.hosts.some((host) => address === `${host}:${options.port}`));
  await client.shutdown();
  return (given ?? hosts[0]!).datacenter;
}

function settingsFor(module: Module, options: CassandraOptions, levels: object): Cassandra.ClientOptions {
  const { policies, auth } = module;
  const { hosts, port, username, password, tls, connectTimeoutMs, requestTimeoutMs } = options;
  return {
    contactPoints: [...hosts],
    protocolOptions: { port },
    queryOptions: levels,
    policies: {
      // The client would also repeat writes of which it is not known whether they were made; the core repeats what may be.
      retry: new policies.retry.FallthroughRetryPolicy(),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(100, 5_000, false),
    },
    socketOptions: { connectTimeout: connectTimeoutMs, readTimeout: requestTimeoutMs },
    encoding: { useBigIntAsLong: true, useUndefinedAsUnset: true },
    // One statement for each shape; the client would complain beyond 500.
    maxPrepared: 10_000,
    ...(username === undefined ? {} : { authProvider: new auth.PlainTextAuthProvider(username, password ?? "") }),
    // Reports for DataStax's own server; the client's types lack it.
    ...({ monitorReporting: { enabled: false } } as object),
    ...(tls === false ? {} : { sslOptions: tls === true ? { rejectUnauthorized: true } : tls }),
  };
}

async function loadClient(): Promise<Module> {
  try {
    const module = (await import("cassandra-driver")) as Module & { readonly default?: Module };
    return module.default ?? module;
  } catch (error) {
    throw new DbError("driver-missing", "cassandra needs the package cassandra-driver: npm install cassandra-driver", {
      driver: "cassandra",
      cause: error,
    });
  }
}
