// What a job is, as the app declares it.

import type { Clock, Log } from "@bk/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { BusLike, LocksLike } from "./interfaces.js";
import type { JobContext, JobReport } from "./job-context.js";
import type { Unique } from "./unique.js";

/** What a job is given as its input: what its schema makes of it, else anything that JSON can hold. */
type InputOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Schema> : unknown;

/** One job. */
export interface JobDefinition<Schema = StandardSchemaV1 | undefined> {
  /** Checks the input when the job is submitted, and again when it runs, which gets what the schema makes of it. Any Standard Schema: Zod, Valibot, ArkType … */
  readonly input?: Schema;
  /** Does the work. It may run more than once for one submit. */
  readonly run: (input: InputOf<Schema>, context: JobContext) => unknown;
  /** Milliseconds until its signal aborts; default: no limit. */
  readonly maxRunMs?: number;
  /** Most attempts, where the submit does not say it; default: that of the queue. */
  readonly maxAttempts?: number;
  /** Only one at a time with the same key. */
  readonly unique?: Unique<InputOf<Schema>>;
}

/** Jobs by name: letters, digits, `_`, `-` and `.`, such as `mail.send`. */
export type JobDefinitions = { readonly [name: string]: JobDefinition };

export interface JobsOptions {
  /** For `unique`, and for `cancel` where a worker does not hear the bus: any cache of @bk/cache, one that all workers reach. */
  readonly locks?: LocksLike;
  /** Carries `cancel` and progress between processes: any bus of `openPubSub`. */
  readonly bus?: BusLike;
  /** Before a job runs; what it throws is the job's failure. */
  readonly before?: (context: JobContext, input: unknown) => unknown;
  /** After a job has run. */
  readonly after?: (report: JobReport) => unknown;
  /** Milliseconds that a job has after its signal aborted before it counts as failed; default 10,000. */
  readonly graceMs?: number;
  readonly clock?: Clock;
  readonly log?: Log;
}
