import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkFile } from "./cache.js";
import { artifactFolder, mavenArtifact, type MavenArtifact, mavenNeed } from "./maven.js";
import { greets } from "./mysql-protocol.js";
import type { Need, Place, Recipe } from "./recipe.js";
import { isRoot } from "./run-as.js";
import { run } from "./run.js";

/** Debian has no MySQL 8; this artifact holds the real mysqld for x86-64 Linux in an archive. */
const ARCHIVE = "mysql-Linux-amd64.tar.gz";
const ARCHIVE_SHA256 = "905b4a867f0dded3eeba77b38a36f09eaeac3e0d58f697ac3dea50e794a35d23";

const release: MavenArtifact = {
  profile: "mysql",
  folder: "mysql-8.0.12-5",
  what: "MySQL 8.0.12",
  goal: ["unpack-dependencies", "-DexcludeTransitive=true", `-Dmdep.unpack.includes=${ARCHIVE}`],
  finish: unpack,
  file: "bin/mysqld",
  sha256: "088a18e056ad7f3dae456a27da6c2de36a8c0cde314fef3ce3d1d64a75bedfaa",
};

const artifact = mavenArtifact(release);

/** MySQL 8.0.12, with user `root`, no password and an empty database `test`. */
export const mysql: Recipe = {
  name: "mysql",
  variable: "BK_TEST_MYSQL",
  portCount: 1,
  needs: [
    { what: "x86-64 Linux", packages: [], found: () => process.platform === "linux" && process.arch === "x64" },
    library("libaio.so.1", "libaio1"),
    library("libnuma.so.1", "libnuma1"),
    mavenNeed(artifact),
  ],
  artifact,
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `mysql://root@127.0.0.1:${port}/test`,
  prepare,
  commands: (place) => [[program(), ...base(place), ...settings(place)]],
  answers: ([port = 0]) => greets(port),
};

async function prepare(place: Place): Promise<void> {
  if (existsSync(join(place.data, "mysql"))) return;
  await run([program(), ...base(place), "--initialize-insecure"]);
  writeFileSync(join(place.data, "init.sql"), "CREATE DATABASE IF NOT EXISTS test;\n");
}

/** What the first start and each later one have in common. */
function base({ data }: Place): string[] {
  const folder = artifactFolder(release);
  const paths = [`--basedir=${folder}`, `--datadir=${data}`, `--lc-messages-dir=${join(folder, "share")}`];
  return [
    "--no-defaults",
    ...(isRoot() ? ["--user=root"] : []),
    ...paths,
    "--innodb-log-file-size=8M",
    "--innodb-flush-method=nosync",
    "--skip-log-bin",
  ];
}

function settings({ data, ports: [port] }: Place): string[] {
  return [
    `--init-file=${join(data, "init.sql")}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    // A relative name lies in the data folder and keeps within the length that a socket's path may have.
    "--socket=server.sock",
    "--pid-file=server.pid",
    "--mysqlx=OFF",
    "--skip-ssl",
    "--default-time-zone=+00:00",
    "--character-set-server=utf8mb4",
    // Exact but for blanks at the end; utf8mb4_0900_bin, which heeds these too, came with 8.0.17.
    "--collation-server=utf8mb4_bin",
    "--innodb-buffer-pool-size=64M",
    // Written, not synced, at each commit: a SIGKILL loses nothing, only a crash of the machine does.
    "--innodb-flush-log-at-trx-commit=2",
    "--performance-schema=OFF",
    "--max-connections=300",
  ];
}

async function unpack(folder: string): Promise<void> {
  const archive = join(folder, ARCHIVE);
  await checkFile(archive, ARCHIVE_SHA256);
  await run(["tar", "xzf", archive, "-C", folder]);
  rmSync(archive);
}

function program(): string {
  return join(artifactFolder(release), "bin", "mysqld");
}

function library(name: string, debianPackage: string): Need {
  const folders = ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];
  return { what: name, packages: [debianPackage], found: () => folders.some((folder) => existsSync(join(folder, name))) };
}
