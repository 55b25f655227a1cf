import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { greets } from "./mysql-protocol.js";
import { onPath } from "./on-path.js";
import type { Place, Recipe } from "./recipe.js";
import { asNobody, folderForNobody } from "./run-as.js";
import { run } from "./run.js";

/** MariaDB, with user `root`, no password and an empty database `test`. */
export const mariadb: Recipe = {
  name: "mariadb",
  variable: "BK_TEST_MARIADB",
  portCount: 1,
  needs: [
    {
      what: "mariadbd",
      packages: ["mariadb-server"],
      found: () => onPath("mariadbd") !== undefined && onPath("mariadb-install-db") !== undefined,
    },
  ],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `mariadb://root@127.0.0.1:${port}/test`,
  prepare,
  commands: (place) => [asNobody([onPath("mariadbd") ?? "mariadbd", ...settings(place)])],
  answers: ([port = 0]) => greets(port),
};

async function prepare({ data }: Place): Promise<void> {
  folderForNobody(data);
  if (existsSync(join(data, "mysql"))) return;
  const options = ["--no-defaults", `--datadir=${data}`, `--tmpdir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"];
  await run(asNobody([onPath("mariadb-install-db") ?? "mariadb-install-db", ...options]), { cwd: "/" });
  writeFileSync(join(data, "init.sql"), "CREATE DATABASE IF NOT EXISTS test;\n", { mode: 0o644 });
}

function settings({ data, ports: [port] }: Place): string[] {
  return [
    "--no-defaults",
    `--datadir=${data}`,
    // The system's may be closed to the user as whom it runs.
    `--tmpdir=${data}`,
    `--init-file=${join(data, "init.sql")}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    // A relative name lies in the data folder and keeps within the length that a socket's path may have.
    "--socket=server.sock",
    "--pid-file=server.pid",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_nopad_bin",
    // Written, not synced, at each commit: a SIGKILL loses nothing, only a crash of the machine does.
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--skip-log-bin",
    "--max-connections=300",
  ];
}
