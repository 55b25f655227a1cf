import { join } from "node:path";
import { exchange } from "./exchange.js";
import { artifactFolder, mavenArtifact, type MavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";

const release: MavenArtifact = {
  profile: "dynamodb",
  folder: "dynamodb-local-3.3.1",
  what: "DynamoDB Local 3.3.1",
  goal: ["copy-dependencies", "-DincludeScope=runtime"],
  file: "DynamoDBLocal-3.3.1.jar",
  sha256: "41a32e0a840a1fa375d7b3955e60d4b1db94c423ef9e14a43ee9b4cf9c2fb536",
};

const artifact = mavenArtifact(release);

/** Amazon's own test server. Each access key and region is a database of its own in it. It listens on all addresses: it has no option for that. */
export const dynamodb: Recipe = {
  name: "dynamodb",
  variable: "BK_TEST_DYNAMODB",
  portCount: 1,
  needs: [{ what: "java", packages: ["default-jre-headless"], found: () => onPath("java") !== undefined }, mavenNeed(artifact)],
  artifact,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `dynamodb://127.0.0.1:${port}?region=us-east-1&accessKeyId=bktest&secretAccessKey=bktest`,
  prepare: async () => undefined,
  commands: ({ data, ports: [port], durable }) => {
    const folder = artifactFolder(release);
    const java = ["-Xms64m", "-Xmx256m", "-XX:TieredStopAtLevel=1", `-Djava.library.path=${folder}`, "-cp", join(folder, "*")];
    const kept = durable ? ["-dbPath", data] : ["-inMemory"];
    return [
      ["java", ...java, "software.amazon.dynamodb.services.local.main.ServerRunner", ...kept, "-port", String(port), "-disableTelemetry"],
    ];
  },
  // A request without a signature is refused in DynamoDB's own words, which is an answer.
  answers: async ([port = 0]) => {
    const request = `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    const answered = await exchange(port, request, (reply) =>
      reply.includes("\r\n") ? reply.toString("latin1").startsWith("HTTP/1.1 ") : undefined,
    );
    return answered === true;
  },
};
