import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  const pipe = watchdog.stdin as NodeJS.WritableStream & { unref?(): void };
  pipe.unref?.();
  pipe.on("error", () => {
    // The watchdog was ended by somebody; nothing is ever written to it, and the server itself is not affected.
  });
  return {
    path,
    guard: (pid, lastSignal) => writeFileSync(join(path, `process-${pid}`), `${pid} ${lastSignal}\n`),
    guardCompose: (project, file) => writeFileSync(join(path, `compose-${project}`), `${file}\n`),
    forget: (pid) => rmSync(join(path, `process-${pid}`), { force: true }),
    remove: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      watchdog.stdin.end();
    },
  };
}
