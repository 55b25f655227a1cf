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
  name: "cassandra",
  variable: "BK_TEST_CASSANDRA",
  portCount: 2,
  needs: [{ what: "java", packages: ["default-jre-headless"], found: () => onPath("java") !== undefined }, mavenNeed(artifact)],
  artifact,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `cassandra://127.0.0.1:${port}/bk_test?localDataCenter=datacenter1`,
  prepare: async (place) => prepare(place),
  commands: ({ data }) => {
    const folder = artifactFolder(release);
    const agent = readdirSync(folder).find((name) => /^jamm-.*\.jar$/.test(name))!;
    const paths = [`-Dcassandra.config=file://${join(data, "conf", "cassandra.yaml")}`, `-Dcassandra.storagedir=${data}`];
    const classes = `${join(data, "conf")}:${join(folder, "*")}`;
    return [
      [
        "java",
        ...memory,
        `-javaagent:${join(folder, agent)}`,
        ...opened(),
        ...paths,
        ...settings,
        "-cp",
        classes,
        "org.apache.cassandra.service.CassandraDaemon",
      ],
    ];
  },
  // OPTIONS of the native protocol, version 4; the answer is SUPPORTED, opcode 6.
  answers: async ([port = 0]) => {
    const answered = await exchange(port, Uint8Array.of(4, 0, 0, 0, 5, 0, 0, 0, 0), (reply) =>
      reply.length < 9 ? undefined : reply[4] === 6,
    );
    return answered === true;
  },
};

const memory = ["-Xms256m", "-Xmx768m", "-Xss512k", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];

const settings = [
  "-Djdk.attach.allowAttachSelf=true",
  "-Dio.netty.tryReflectionSetAccessible=true",
  "-Dcassandra-foreground=yes",
  "-Dcassandra.libjemalloc=-",
  // Alone, it has nobody to wait for.
  "-Dcassandra.skip_wait_for_gossip_to_settle=0",
  "-Dcassandra.ring_delay_ms=0",
  "-Dcassandra.superuser_setup_delay_ms=0",
];

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

function prepare({ data, ports: [port = 0, between = 0], durable }: Place): void {
  const conf = join(data, "conf");
  if (existsSync(conf)) return;
  mkdirSync(conf, { recursive: true });
  writeFileSync(join(conf, "cassandra.yaml"), configuration(data, port, between, durable));
  writeFileSync(join(conf, "logback.xml"), logging);
}

function configuration(data: string, port: number, between: number, durable: boolean): string {
  return `cluster_name: test
num_tokens: 1
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
listen_address: 127.0.0.1
storage_port: ${between}
rpc_address: 127.0.0.1
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
