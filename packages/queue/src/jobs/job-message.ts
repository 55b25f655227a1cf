import type { Steps } from "./job-spec.js";
import type { UniqueNote } from "./unique.js";

/** A job as it stands in a queue. */
export interface JobMessage {
  readonly steps: Steps;
  readonly tag?: string | undefined;
  readonly maxRunMs?: number | undefined;
  readonly stopOnError?: boolean | undefined;
  /** It runs when nothing else waits or runs. */
  readonly runLast?: boolean | undefined;
  /** Of the whole message. */
  readonly unique?: UniqueNote | undefined;
}

/** Whether something from a queue is a job; anybody may have put it there. */
export function isJobMessage(value: unknown): value is JobMessage {
  if (typeof value !== "object" || value === null || !("steps" in value) || !Array.isArray(value.steps)) return false;
  const isTask = (task: unknown): boolean => Array.isArray(task) && typeof task[0] === "string";
  return value.steps.length > 0 && value.steps.every((tasks: unknown) => Array.isArray(tasks) && tasks.length > 0 && tasks.every(isTask));
}
