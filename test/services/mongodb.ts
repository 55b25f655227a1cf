import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exchange } from "./exchange.js";
import { artifactFolder, mavenArtifact, type MavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";
import { run } from "./run.js";

const release: MavenArtifact = {
  profile: "mongodb",
  folder: "mongo-java-server-1.47.0",
  what: "mongo-java-server 1.47.0",
  goal: ["copy-dependencies", "-DincludeScope=runtime"],
  file: "mongo-java-server-core-1.47.0.jar",
  sha256: "9a34c9ad6ac6261906295481838256033ec1efc8c93a3e3828e5d47a006b0bd4",
};

const artifact = mavenArtifact(release);
const jars = join(artifactFolder(release), "*");
const sources = fileURLToPath(new URL("./mongodb", import.meta.url));

/**
 * A server of MongoDB's protocol: MongoDB itself is to be had neither as a Debian package nor from Maven. What it does otherwise than
 * MongoDB, and the driver would notice, is corrected in `Server.java`.
 */
export const mongodb = recipeOf("mongodb", "BK_TEST_MONGODB", "alone");

/** The same as a replica set of one, with transactions: `Transactions.java`. */
export const mongodbSet = recipeOf("mongodb-set", "BK_TEST_MONGODB_SET", "set");

function recipeOf(name: string, variable: string, kind: "alone" | "set"): Recipe {
  return {
    name,
    variable,
    portCount: 1,
    needs: [{ what: "javac", packages: ["default-jdk-headless"], found: () => onPath("javac") !== undefined }, mavenNeed(artifact)],
    artifact,
    stopSignal: "SIGTERM",
    lastSignal: "KILL",
    // Directly: a set in Docker knows its member by a port of its own.
    url: ([port]) => `mongodb://127.0.0.1:${port}/?directConnection=true`,
    async prepare({ data }) {
      const classes = join(data, "classes");
      if (!existsSync(join(classes, "Server.class")))
        await run(["javac", "-nowarn", "-cp", jars, "-d", classes, join(sources, "Server.java"), join(sources, "Transactions.java")]);
    },
    commands: ({ data, ports: [port], durable }) => {
      const java = ["-Xms64m", "-Xmx768m", "-XX:TieredStopAtLevel=1", "-cp", `${jars}:${join(data, "classes")}`];
      return [["java", ...java, "Server", String(port), kind, ...(durable ? [join(data, "journal")] : [])]];
    },
    answers: async ([port = 0]) => {
      const answered = await exchange(port, helloMessage(), (reply) => (reply.length < 16 ? undefined : reply.readInt32LE(8) === 1));
      return answered === true;
    },
  };
}

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
