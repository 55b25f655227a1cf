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

/** Hazelcast, one member. It keeps nothing over a SIGKILL, whatever is asked. */
export const hazelcast: Recipe = {
  name: "hazelcast",
  variable: "BK_TEST_HAZELCAST",
  portCount: 1,
  needs: [{ what: "java", packages: ["default-jre-headless"], found: () => onPath("java") !== undefined }, mavenNeed(artifact)],
  artifact,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `hazelcast://127.0.0.1:${port}/dev`,
  prepare: async ({ data, ports: [port] }) => {
    const lines = [
      "hazelcast:",
      "  cluster-name: dev",
      "  network:",
      `    port: { port: ${port}, auto-increment: false }`,
      `    public-address: 127.0.0.1:${port}`,
      "    interfaces: { enabled: true, interfaces: [127.0.0.1] }",
      "    join: { auto-detection: { enabled: false }, multicast: { enabled: false } }",
      "    rest-api: { enabled: true, endpoint-groups: { HEALTH_CHECK: { enabled: true } } }",
      "  properties:",
      "    hazelcast.phone.home.enabled: false",
      "    hazelcast.socket.bind.any: false",
      "    hazelcast.shutdownhook.policy: TERMINATE",
    ];
    writeFileSync(join(data, "hazelcast.yaml"), `${lines.join("\n")}\n`);
  },
  commands: ({ data }) => [
    [
      "java",
      "-Xms64m",
      "-Xmx256m",
      "-XX:TieredStopAtLevel=1",
      ...openings,
      `-Dhazelcast.config=${join(data, "hazelcast.yaml")}`,
      "-Dhazelcast.logging.type=jdk",
      "-cp",
      join(artifactFolder(release), "*"),
      "com.hazelcast.core.server.HazelcastMemberStarter",
    ],
  ],
  answers: async ([port = 0]) => {
    const request = "GET /hazelcast/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    return (await exchange(port, request, (reply) => (reply.includes("\r\n") ? reply.includes(" 200 ") : undefined))) === true;
  },
};
