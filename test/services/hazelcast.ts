import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exchange } from "./exchange.js";
import { artifactFolder, mavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";

const release = {
  profile: "hazelcast",
  // Of the later ones the CP subsystem wants a license.
  folder: "hazelcast-5.4.0",
  what: "Hazelcast 5.4.0",
  goal: ["copy-dependencies", "-DincludeScope=runtime"],
  file: "hazelcast-5.4.0.jar",
  sha256: "cbcd4de863ee859dd6094fe01752e1bc9986c5240621443fe6609a5e16903f0d",
};
const artifact = mavenArtifact(release);

/** What the server reflects on, which newer Java refuses unless told otherwise. */
const openings = [
  "--add-modules",
  "java.se",
  "--add-exports",
  "java.base/jdk.internal.ref=ALL-UNNAMED",
  ...[
    "java.base/java.lang",
    "java.base/sun.nio.ch",
    "java.management/sun.management",
    "jdk.management/com.sun.management.internal",
  ].flatMap((module) => ["--add-opens", `${module}=ALL-UNNAMED`]),
];

interface Shape {
  readonly name: string;
  readonly variable: string;
  readonly members: number;
  /** Where clients are told that the member is; default its own port. */
  readonly publicPort?: number;
}

/** Hazelcast, community edition. It keeps nothing over the end of its last member, whatever is asked. */
function recipeOf({ name, variable, members, publicPort }: Shape): Recipe {
  return {
    name,
    variable,
    portCount: members,
    needs: [{ what: "java", packages: ["default-jre-headless"], found: () => onPath("java") !== undefined }, mavenNeed(artifact)],
    artifact,
    stopSignal: "SIGTERM",
    lastSignal: "KILL",
    url: (ports) => `hazelcast://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/dev`,
    prepare: async ({ data, ports }) => {
      const addresses = ports.map((port) => `127.0.0.1:${port}`).join(", ");
      const others = `tcp-ip: { enabled: ${members > 1}, connection-timeout-seconds: 1, member-list: [${addresses}] }`;
      for (const port of ports) {
        const lines = [
          "hazelcast:",
          "  cluster-name: dev",
          "  network:",
          `    port: { port: ${port}, auto-increment: false }`,
          `    public-address: 127.0.0.1:${publicPort ?? port}`,
          "    interfaces: { enabled: true, interfaces: [127.0.0.1] }",
          `    join: { auto-detection: { enabled: false }, multicast: { enabled: false }, ${others} }`,
          "    rest-api: { enabled: true, endpoint-groups: { HEALTH_CHECK: { enabled: true } } }",
          "  properties:",
          "    hazelcast.phone.home.enabled: false",
          "    hazelcast.socket.bind.any: false",
          "    hazelcast.shutdownhook.policy: TERMINATE",
          "    hazelcast.wait.seconds.before.join: 0",
        ];
        writeFileSync(configOf(data, port), `${lines.join("\n")}\n`);
      }
    },
    commands: ({ data, ports }) =>
      ports.map((port) => [
        "java",
        "-Xms64m",
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        ...openings,
        `-Dhazelcast.config=${configOf(data, port)}`,
        "-Dhazelcast.logging.type=jdk",
        "-cp",
        join(artifactFolder(release), "*"),
        "com.hazelcast.core.server.HazelcastMemberStarter",
      ]),
    answers: async (ports) => {
      const ready = await Promise.all(ports.map((port) => ask(port, "ready", " 200 ")));
      if (!ready.every(Boolean)) return false;
      const [first = 0] = ports;
      // Backups are where they belong.
      return (await ask(first, "cluster-size", `\r\n\r\n${members}`)) && (await ask(first, "cluster-safe", " 200 "));
    },
  };
}

const configOf = (data: string, port: number): string => join(data, `hazelcast-${port}.yaml`);

async function ask(port: number, what: string, expected: string): Promise<boolean> {
  const request = `GET /hazelcast/health/${what} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
  return (await exchange(port, request, (reply) => (reply.includes("\r\n\r\n") ? reply.includes(expected) : undefined))) === true;
}

export const hazelcast: Recipe = recipeOf({ name: "hazelcast", variable: "BK_TEST_HAZELCAST", members: 1 });

/** Two members, each with the backups of the other. */
export const hazelcastCluster: Recipe = recipeOf({ name: "hazelcast-cluster", variable: "BK_TEST_HAZELCAST_CLUSTER", members: 2 });

/** One member that sends its clients to another port, which a proxy may listen on: they would go past one that it does not know. */
export const hazelcastBehind = (publicPort: number): Recipe =>
  recipeOf({ name: "hazelcast", variable: "BK_TEST_HAZELCAST", members: 1, publicPort });
