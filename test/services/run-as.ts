import { chownSync, mkdirSync } from "node:fs";

const NOBODY = 65_534;

/** Whether this process is root, as which PostgreSQL and MariaDB refuse to run. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The command line that runs `command` as nobody when this process is root, and as it stands otherwise. */
export function asNobody(command: readonly string[]): string[] {
  return isRoot() ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--", ...command] : [...command];
}

/** Makes a folder that the user of `asNobody` owns. */
export function folderForNobody(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (isRoot()) chownSync(path, NOBODY, NOBODY);
}
