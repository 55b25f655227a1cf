import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exchange } from "./exchange.js";
import { artifactFolder, type MavenArtifact, mavenArtifact, mavenNeed } from "./maven.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";

/** A search server whose jars come by Maven and whose node is started by a file of `java/`. Ports: that of HTTP, then that of its own protocol. */
export function javaServer(name: string, scheme: string, release: MavenArtifact, program: string): Recipe {
  const artifact = mavenArtifact(release);
  const source = fileURLToPath(new URL(`./java/${program}.java`, import.meta.url));
  return {
    name,
    variable: `BK_TEST_${name.toUpperCase()}`,
    portCount: 2,
    needs: [{ what: "javac", packages: ["default-jdk-headless"], found: () => onPath("javac") !== undefined }, mavenNeed(artifact)],
    artifact,
    stopSignal: "SIGTERM",
    lastSignal: "KILL",
    url: ([port]) => `${scheme}://127.0.0.1:${port}`,
    prepare: async () => undefined,
    // What is acknowledged is in the translog on disk, with or without `durable`: there is nothing milder that survives a SIGKILL.
    commands: ({ data, ports: [port] }) => [
      ["java", "-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", join(artifactFolder(release), "*"), source, data, String(port)],
    ],
    answers: async ([port = 0]) => {
      const request = "GET /_cluster/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
      const isReady = await exchange(port, request, (reply) => {
        const text = reply.toString("latin1");
        return text.includes("}") ? /"status":"(green|yellow)"/.test(text) : undefined;
      });
      return isReady === true;
    },
  };
}
