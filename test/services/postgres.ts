import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exchange } from "./exchange.js";
import { onPath } from "./on-path.js";
import type { Place, Recipe } from "./recipe.js";
import { asNobody, folderForNobody } from "./run-as.js";
import { run } from "./run.js";

const DEBIAN = "/usr/lib/postgresql";

/** PostgreSQL, with superuser `postgres` and no password. */
export const postgres: Recipe = {
  name: "pg",
  variable: "BK_TEST_PG",
  portCount: 1,
  needs: [{ what: "postgres", packages: ["postgresql"], found: () => binFolder() !== undefined }],
  stopSignal: "SIGINT",
  // KILL would leave a segment of System V shared memory behind.
  lastSignal: "QUIT",
  url: ([port]) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  prepare,
  commands: (place) => [asNobody([program("postgres"), "-D", place.data, ...settings(place)])],
  answers: ([port = 0]) => answers(port),
  release: removeSharedMemory,
};

async function prepare({ data }: Place): Promise<void> {
  folderForNobody(data);
  if (existsSync(join(data, "PG_VERSION"))) return;
  const options = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
  await run(asNobody([program("initdb"), ...options]), { cwd: "/" });
}

function settings({ ports: [port], durable }: Place): string[] {
  const values = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    // A SIGKILL loses nothing that was written without syncing; only a crash of the machine does.
    fsync: "off",
    full_page_writes: durable ? "on" : "off",
    max_connections: 200,
    shared_buffers: "64MB",
    max_prepared_transactions: 10,
    wal_level: "logical",
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Logs in: until it takes connections, PostgreSQL answers with an error ("the database system is starting up"). */
async function answers(port: number): Promise<boolean> {
  const body = Buffer.from("user\0postgres\0database\0postgres\0\0");
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(3 << 16, 4);
  const kind = await exchange(port, Buffer.concat([head, body]), (reply) => String.fromCharCode(reply[0] ?? 0));
  return kind === "R";
}

/** The seventh line of the lock file that a killed server leaves: key and id of its shared memory. */
async function removeSharedMemory({ data }: Place): Promise<void> {
  const lockFile = join(data, "postmaster.pid");
  if (!existsSync(lockFile)) return;
  const id = readFileSync(lockFile, "utf8").split("\n")[6]?.trim().split(/\s+/)[1];
  if (id !== undefined && onPath("ipcrm") !== undefined) await run(["ipcrm", "-m", id]);
}

function program(name: string): string {
  const folder = binFolder();
  if (folder === undefined) throw new Error("PostgreSQL is not installed");
  return join(folder, name);
}

/** The newest of Debian's, which keeps each version in a folder of its own and off the PATH; else that of the PATH. */
function binFolder(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(DEBIAN, version, "bin"));
  const found = onPath("initdb", folders) ?? onPath("initdb");
  return found === undefined ? undefined : dirname(found);
}
