// Which jobs run, in sequence and in parallel.

import { invalid } from "../errors.js";

/** Jobs that run in parallel, each with its input. */
export interface JobInputs {
  readonly [name: string]: unknown;
}

/**
 * What is to run:
 *
 * - `"mail.send"`: one job without input;
 * - `{ "mail.send": input, "mail.count": input }`: jobs in parallel;
 * - `["db.copy", { "mail.send": input }]`: a list of these, one after another.
 *
 * The form of backendjs, `{ job: … }`, is the same.
 */
export type JobSpec = string | JobInputs | readonly (string | JobInputs)[];

/** One task: a job and its input. */
export type Task = readonly [name: string, input?: unknown];
/** Steps in sequence, each of tasks in parallel. */
export type Steps = readonly (readonly Task[])[];

const isPlain = (value: unknown): value is JobInputs => typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws QueueError `invalid` */
export function stepsOf(spec: unknown): Steps {
  // A job is never called "job" alone, if others stand beside it or not: that is what is around a spec.
  const inner =
    isPlain(spec) && Object.keys(spec).length === 1 && "job" in spec && (typeof spec.job === "string" || typeof spec.job === "object")
      ? spec.job
      : spec;
  const list: readonly unknown[] = Array.isArray(inner) ? inner : [inner];
  if (list.length === 0) throw invalid("a list of jobs must not be empty");
  return list.map((item) => {
    if (typeof item === "string") return [[item]];
    if (!isPlain(item) || Object.keys(item).length === 0) throw invalid("a job is a name, an object of inputs by name, or a list of these");
    return Object.entries(item).map(([name, input]): Task => (input === undefined ? [name] : [name, input]));
  });
}
