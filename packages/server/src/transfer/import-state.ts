// Where an import stands, in a small file: what was acknowledged is not sent again when it goes on after a crash.

import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What must be the same for an import to go on. */
export interface ImportJob {
  readonly table: string;
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Map, mode and format, as given. */
  readonly settings: string;
  /** The database, without its password. */
  readonly database: string;
}

export interface ImportState {
  /** Records of the file that are done: written, or reported as bad. */
  readonly done: number;
  save(done: number): void;
  clear(): void;
}

/** The state of a job; one that is not there, or is of another job, begins at 0. */
export function importState(folder: string, job: ImportJob, restart: boolean): ImportState {
  const identity = createHash("sha256").update(JSON.stringify(job)).digest("hex").slice(0, 16);
  const path = join(folder, `import-${job.table}-${identity}.json`);
  return {
    done: restart ? 0 : readDone(path),
    save(done) {
      // Renamed into place: after a crash there is the old state or the new one.
      writeFileSync(`${path}.new`, JSON.stringify({ table: job.table, file: job.file, done }));
      renameSync(`${path}.new`, path);
    },
    clear() {
      rmSync(path, { force: true });
    },
  };
}

function readDone(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
  const { done } = JSON.parse(text) as { done?: unknown };
  return Number.isSafeInteger(done) && (done as number) > 0 ? (done as number) : 0;
}
