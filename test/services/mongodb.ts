import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exchange } from "./exchange.js";
import { artifactFolder, mavenArtifact, type MavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";

const release: MavenArtifact = {
  profile: "mongodb",
  folder: "mongo-java-server-1.47.0",
  what: "mongo-java-server 1.47.0",
  goal: ["copy-dependencies", "-DincludeScope=runtime"],
  file: "mongo-java-server-core-1.47.0.jar",
  sha256: "9a34c9ad6ac6261906295481838256033ec1efc8c93a3e3828e5d47a006b0bd4",
};

const artifact = mavenArtifact(release);
const java = ["-Xms64m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", join(artifactFolder(release), "*")];
const program = fileURLToPath(new URL("./mongodb/Server.java", import.meta.url));

/**
 * A server of MongoDB's protocol: MongoDB itself is to be had neither as a Debian package nor from Maven. What it does otherwise than
 * MongoDB, and the driver would notice, is corrected in `Server.java`.
 */
export const mongodb: Recipe = {
  name: "mongodb",
  variable: "BK_TEST_MONGODB",
  portCount: 1,
  // The program is compiled when it is started.
  needs: [{ what: "javac", packages: ["default-jdk-headless"], found: () => onPath("javac") !== undefined }, mavenNeed(artifact)],
  artifact,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  // Directly: a set in Docker knows its member by a port of its own.
  url: ([port]) => `mongodb://127.0.0.1:${port}/?directConnection=true`,
  prepare: async () => undefined,
  commands: ({ data, ports: [port], durable }) => [["java", ...java, program, String(port), ...(durable ? [join(data, "journal")] : [])]],
  answers: async ([port = 0]) => {
    const answered = await exchange(port, helloMessage(), (reply) => (reply.length < 16 ? undefined : reply.readInt32LE(8) === 1));
    return answered === true;
  },
};

/** `{ hello: 1, $db: "admin" }` as a message of the protocol, with the number 1. */
function helloMessage(): Buffer {
  const text = (value: string): Buffer => Buffer.from(`${value}\0`);
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
  };
  const elements = Buffer.concat([
    Buffer.of(0x10),
    text("hello"),
    int32(1),
    Buffer.of(0x02),
    text("$db"),
    int32(6),
    text("admin"),
    Buffer.of(0),
  ]);
  const body = Buffer.concat([int32(elements.length + 4), elements]);
  const opMsg = 2013;
  return Buffer.concat([int32(16 + 4 + 1 + body.length), int32(1), int32(0), int32(opMsg), int32(0), Buffer.of(0), body]);
}
