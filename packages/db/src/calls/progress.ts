// How far a call on many rows has come.

import type { Clock } from "@bk/core";

/** How far a call on many rows has come with one table, in this run. */
export interface Progress {
  readonly table: string;
  /** Rows so far. */
  readonly rows: number;
  /** Bytes of the rows that were read, roughly counted. */
  readonly bytes: number;
  /** Rows that there were when the call began, where it was asked to count them. */
  readonly total?: number;
  readonly elapsedMs: number;
  readonly rowsPerSecond: number;
}

/** How far a scan has come: what is counted was taken by the caller. */
export interface ScanProgress extends Progress {
  /** Where to go on, for `start`; absent at the end. */
  readonly next?: string;
}

/** Where a call on whole tables stands, as plain data: what the same call takes to go on from there, in another process too. */
export interface ResumePoint {
  readonly table: string;
  readonly start?: string | undefined;
  /** The table is done. */
  readonly done?: boolean | undefined;
}

/** Makes the function that reports the progress with one table, from now on. */
export function progressOf(table: string, clock: Clock, total: number | undefined): (rows: number, bytes: number) => Progress {
  const startedAt = clock.now();
  return (rows, bytes) => {
    const elapsedMs = clock.now() - startedAt;
    return {
      table,
      rows,
      bytes,
      ...(total === undefined ? {} : { total }),
      elapsedMs,
      rowsPerSecond: elapsedMs > 0 ? Math.round((rows / elapsedMs) * 1000) : 0,
    };
  };
}

/** What `resume` is after a step: from `next` on, or with the next table. */
export function resumePoint(table: string, next: string | undefined): ResumePoint {
  return next === undefined ? { table, done: true } : { table, start: next };
}
