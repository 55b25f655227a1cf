import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exchange } from "./exchange.js";
import { artifactFolder, mavenArtifact, type MavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";

const release: MavenArtifact = {
  profile: "sqs",
  folder: "elasticmq-1.7.1",
  what: "ElasticMQ 1.7.1",
  goal: ["copy-dependencies", "-DincludeScope=runtime"],
  file: "elasticmq-server_2.13-1.7.1.jar",
  sha256: "351c9b339aed90809b21dfa0cf4103f57b38544c97e24295216bf4b04e471489",
};

const artifact = mavenArtifact(release);

/** ElasticMQ, which has the API of Amazon SQS. It keeps messages in memory alone. */
export const sqs: Recipe = {
  name: "sqs",
  variable: "BK_TEST_SQS",
  portCount: 1,
  needs: [{ what: "java", packages: ["default-jre-headless"], found: () => onPath("java") !== undefined }, mavenNeed(artifact)],
  artifact,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `sqs://127.0.0.1:${port}?region=us-east-1&accessKeyId=bktest&secretAccessKey=bktest`,
  prepare: async ({ data, ports: [port] }) => {
    const file = join(data, "elasticmq.conf");
    if (!existsSync(file)) writeFileSync(file, configuration(port!));
  },
  commands: ({ data }) => [
    [
      "java",
      "-Xms64m",
      "-Xmx256m",
      "-XX:TieredStopAtLevel=1",
      `-Dconfig.file=${join(data, "elasticmq.conf")}`,
      "-cp",
      join(artifactFolder(release), "*"),
      "org.elasticmq.server.Main",
    ],
  ],
  // A request without an action is refused in words of SQS, which is an answer.
  answers: async ([port = 0]) => {
    const request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const answered = await exchange(port, request, (reply) =>
      reply.includes("\r\n") ? reply.toString("latin1").startsWith("HTTP/1.1 ") : undefined,
    );
    return answered === true;
  },
};

function configuration(port: number): string {
  return `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
queues {}
queues-storage { enabled = false }
messages-storage { enabled = false }
aws { region = us-east-1, accountId = 000000000000 }
`;
}
