import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const WATCHDOG = fileURLToPath(new URL("./watchdog.sh", import.meta.url));

/** A temporary folder of one server, watched from outside so that neither it nor the server outlives this process. */
export interface WorkFolder {
  readonly path: string;
  /** Has the watchdog end this process group when the tests are gone. */
  guard(pid: number, lastSignal: string): void;
  /** Has the watchdog take this Docker Compose project down when the tests are gone. */
  guardCompose(project: string, file: string): void;
  forget(pid: number): void;
  remove(): void;
}

/** Makes a work folder and starts its watchdog: a shell in a session of its own, which no Ctrl-C and no SIGKILL of the tests reaches. */
export function openWorkFolder(name: string): WorkFolder {
  const path = mkdtempSync(join(tmpdir(), `bk-service-${name}-`));
  // PostgreSQL and MariaDB run as another user than root and must be able to pass.
  chmodSync(path, 0o755);
  const watchdog = spawn("sh", [WATCHDOG, path], { detached: true, stdio: ["pipe", "ignore", "ignore"], cwd: "/" });
  watchdog.unref();
  const pipe = watchdog.stdin as Socket;
  pipe.unref();
  pipe.on("error", () => {
    // Somebody ended the watchdog: the server itself is not affected.
  });
  const tell = (line: string): void => {
    // A process is often reported gone after the server was stopped and the watchdog let go.
    if (pipe.writable) pipe.write(`${line}\n`);
  };
  return {
    path,
    guard: (pid, lastSignal) => tell(`guard ${pid} ${lastSignal}`),
    guardCompose: (project, file) => tell(`compose ${project} ${file}`),
    forget: (pid) => tell(`forget ${pid}`),
    remove: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      tell("done");
      pipe.end();
    },
  };
}
