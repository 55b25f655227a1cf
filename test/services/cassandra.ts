import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exchange } from "./exchange.js";
import { artifactFolder, mavenArtifact, type MavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Place, Recipe } from "./recipe.js";

const release: MavenArtifact = {
  profile: "cassandra",
  folder: "cassandra-5.0.9",
  what: "Cassandra 5.0.9",
  goal: ["copy-dependencies", "-DincludeScope=runtime"],
  file: "cassandra-all-5.0.9.jar",
  sha256: "6a80e6fddde88817deec4839ae431e3a9c4eeb728560336890094c6f870fef5e",
};

const artifact = mavenArtifact(release);

/** One node of Cassandra, with an empty keyspace to be made by each test. Two ports: of clients, and of other nodes. */
export const cassandra: Recipe = {
  ...recipeOf(["127.0.0.1"]),
  name: "cassandra",
  variable: "BK_TEST_CASSANDRA",
};

/** Three nodes, on three addresses of this machine; each has a third of the keys first. */
export const cassandraCluster: Recipe = {
  ...recipeOf(["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
  name: "cassandra-cluster",
  variable: "BK_TEST_CASSANDRA_CLUSTER",
};

function recipeOf(hosts: readonly string[]): Omit<Recipe, "name" | "variable"> {
  return {
    portCount: 2,
    hosts,
    needs: [{ what: "java", packages: ["default-jre-headless"], found: () => onPath("java") !== undefined }, mavenNeed(artifact)],
    artifact,
    stopSignal: "SIGTERM",
    lastSignal: "KILL",
    url: ([port]) => `cassandra://${hosts.map((host) => `${host}:${port}`).join(",")}/bk_test?localDataCenter=datacenter1`,
    prepare: async (place) => hosts.forEach((host, i) => prepare(place, host, i, hosts.length)),
    commands: ({ data }) => hosts.map((host) => commandOf(join(data, host), hosts.length > 1)),
    answers: async ([port = 0]) => (await Promise.all(hosts.map((host) => answers(host, port, hosts.length)))).every(Boolean),
  };
}

function commandOf(data: string, isOfCluster: boolean): string[] {
  const folder = artifactFolder(release);
  const agent = readdirSync(folder).find((name) => /^jamm-.*\.jar$/.test(name))!;
  const paths = [`-Dcassandra.config=file://${join(data, "conf", "cassandra.yaml")}`, `-Dcassandra.storagedir=${data}`];
  return [
    "java",
    ...memory,
    `-javaagent:${join(folder, agent)}`,
    ...opened(),
    ...paths,
    ...settings,
    ...(isOfCluster ? [] : aloneSettings),
    "-cp",
    `${join(data, "conf")}:${join(folder, "*")}`,
    "org.apache.cassandra.service.CassandraDaemon",
  ];
}

/** Whether a node answers, and sees as many others as there are. */
async function answers(host: string, port: number, nodes: number): Promise<boolean> {
  // OPTIONS of the native protocol, version 4; the answer is SUPPORTED, opcode 6.
  const answered = await exchange(
    port,
    Uint8Array.of(4, 0, 0, 0, 5, 0, 0, 0, 0),
    (reply) => (reply.length < 9 ? undefined : reply[4] === 6),
    host,
  );
  if (answered !== true || nodes === 1) return answered === true;
  return (await countPeers(host, port)) === nodes - 1;
}

/** The other nodes that one knows of; undefined while it does not say. */
async function countPeers(host: string, port: number): Promise<number | undefined> {
  const { Client } = await import("cassandra-driver");
  const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter: "datacenter1" });
  try {
    const { rows } = await client.execute("SELECT peer FROM system.peers_v2");
    return rows.length;
  } catch {
    return undefined; // it starts, or its schema is not there yet: asked again
  } finally {
    await client.shutdown();
  }
}

const memory = ["-Xms256m", "-Xmx768m", "-Xss512k", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];

const settings = [
  "-Djdk.attach.allowAttachSelf=true",
  "-Dio.netty.tryReflectionSetAccessible=true",
  "-Dcassandra-foreground=yes",
  "-Dcassandra.libjemalloc=-",
  "-Dcassandra.superuser_setup_delay_ms=0",
];

/** Alone, a node has nobody to wait for. */
const aloneSettings = ["-Dcassandra.skip_wait_for_gossip_to_settle=0", "-Dcassandra.ring_delay_ms=0"];

/** Parts of the JDK that Cassandra reaches into, as its own start script opens them. */
function opened(): string[] {
  const exported = [
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.attach/sun.tools.attach",
  ];
  const open = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang.reflect",
    "jdk.compiler/com.sun.tools.javac",
    "java.base/java.lang",
    "java.base/java.util",
  ];
  return [
    ...exported.flatMap((name) => ["--add-exports", `${name}=ALL-UNNAMED`]),
    ...open.flatMap((name) => ["--add-opens", `${name}=ALL-UNNAMED`]),
  ];
}

function prepare({ data: all, ports, durable }: Place, host: string, node: number, nodes: number): void {
  const data = join(all, host);
  const conf = join(data, "conf");
  if (existsSync(conf)) return;
  mkdirSync(conf, { recursive: true });
  writeFileSync(join(conf, "cassandra.yaml"), configuration({ data, ports, durable }, host, firstToken(node, nodes)));
  writeFileSync(join(conf, "logback.xml"), logging);
}

/** Where the keys of a node begin: each has an equal part of all. */
function firstToken(node: number, nodes: number): bigint {
  return -(2n ** 63n) + 1n + (BigInt(node) * 2n ** 64n) / BigInt(nodes);
}

function configuration({ data, ports: [port = 0, between = 0], durable }: Place, host: string, token: bigint): string {
  return `cluster_name: test
num_tokens: 1
initial_token: ${token}
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
# Synced now and then: the writes of the last tenth of a second are lost by a SIGKILL.
${durable ? "commitlog_sync: batch" : "commitlog_sync: periodic\ncommitlog_sync_period: 10s"}
commitlog_segment_size: 32MiB
data_file_directories: [${join(data, "data")}]
commitlog_directory: ${join(data, "commitlog")}
saved_caches_directory: ${join(data, "saved_caches")}
hints_directory: ${join(data, "hints")}
cdc_raw_directory: ${join(data, "cdc_raw")}
seed_provider: [{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: "127.0.0.1:${between}"}]}]
listen_address: ${host}
storage_port: ${between}
rpc_address: ${host}
native_transport_port: ${port}
# A busy machine takes longer than a server of its own.
read_request_timeout: 20s
range_request_timeout: 20s
write_request_timeout: 20s
cas_contention_timeout: 20s
truncate_request_timeout: 60s
request_timeout: 20s
native_transport_timeout: 30s
auto_snapshot: false
auto_bootstrap: false
`;
}

const logging = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %d{HH:mm:ss.SSS} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
`;
