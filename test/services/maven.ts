import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, checkFile } from "./cache.js";
import { onPath } from "./on-path.js";
import { isRunning } from "./process-tree.js";
import type { Artifact, Need } from "./recipe.js";
import { run } from "./run.js";

const POM = fileURLToPath(new URL("./maven/pom.xml", import.meta.url));
const PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";

/** A folder of the cache that Maven fills. */
export interface MavenArtifact {
  /** Profile of `maven/pom.xml`. */
  readonly profile: string;
  /** Folder in the cache; names the version, so that another version is another folder. */
  readonly folder: string;
  readonly what: string;
  /** Goal of the dependency plugin, with its options. */
  readonly goal: readonly string[];
  /** Works on what was downloaded, in the folder that is kept after it. */
  readonly finish?: (folder: string) => Promise<void>;
  /** The file that is checked before each use, and its SHA-256. */
  readonly file: string;
  readonly sha256: string;
}

/** Maven itself, wanted only as long as the artifact is not in the cache. */
export function mavenNeed(artifact: Artifact): Need {
  return { what: "mvn", packages: ["maven", "default-jdk-headless"], found: () => artifact.cached() || onPath("mvn") !== undefined };
}

/** Where an artifact lies once it is fetched. */
export function artifactFolder(artifact: MavenArtifact): string {
  return join(cacheFolder(), artifact.folder);
}

/** Makes an `Artifact` of it: downloaded once, with Maven's checksums enforced, and moved to its place as a whole. */
export function mavenArtifact(artifact: MavenArtifact): Artifact {
  const cached = (): boolean => existsSync(artifactFolder(artifact));
  return {
    what: artifact.what,
    cached,
    fetch: async () => {
      if (!cached()) await download(artifact);
      await checkFile(join(artifactFolder(artifact), artifact.file), artifact.sha256);
    },
  };
}

async function download(artifact: MavenArtifact): Promise<void> {
  process.stderr.write(`downloading ${artifact.what} (Maven) …\n`);
  const cache = cacheFolder();
  removeBrokenOff(cache);
  const folder = mkdtempSync(join(cache, `download-${process.pid}-`));
  try {
    const maven = ["mvn", "-q", "-B", "-C", `-Dmaven.repo.local=${join(cache, "maven")}`, "-f", POM, "-P", artifact.profile];
    // Unpacking leaves a note of what it did, by default beside the pom; here it goes away with the rest.
    const notes = join(folder, "notes");
    // Maven's local repository bears only one writer at a time.
    await run([
      "flock",
      join(cache, "maven.lock"),
      ...maven,
      ...goal(artifact),
      `-DoutputDirectory=${folder}`,
      `-DmarkersDirectory=${notes}`,
    ]);
    rmSync(notes, { recursive: true, force: true });
    await artifact.finish?.(folder);
    await checkFile(join(folder, artifact.file), artifact.sha256);
    keep(folder, artifactFolder(artifact));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function goal({ goal: [name, ...options] }: MavenArtifact): string[] {
  return [`${PLUGIN}:${name}`, ...options];
}

/** Another run may have been first; what it kept is the same. */
function keep(folder: string, target: string): void {
  try {
    renameSync(folder, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}

/** Removes the folders of downloads whose process is gone. */
function removeBrokenOff(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = /^download-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
}
