import type { Log } from "@bk/core";

/** What a job is told beside its input. */
export interface JobContext {
  /** Of the message; all tasks of one submit have the same. */
  readonly id: string;
  /** The job's name. */
  readonly job: string;
  readonly queue: string;
  readonly tag: string | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Aborts when the job is to stop: cancelled, over its time, its lock or message lost, the worker closing, another task failed. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Tells how far it is: to the listeners of `progress` of the queue, and on the bus. */
  progress(value: unknown): void;
}

/** How one task of a job ended. */
export interface JobReport {
  readonly context: JobContext;
  readonly elapsedMs: number;
  /** What it returned. */
  readonly result?: unknown;
  readonly error?: unknown;
}
