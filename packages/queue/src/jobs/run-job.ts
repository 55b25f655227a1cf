// Running one job message: its steps in sequence, the tasks of each in parallel.

import { type Clock, type Log } from "@bk/core";

import type { HandlerContext } from "../queue/listen-options.js";
import { GiveUp } from "../queue/verdict.js";
import type { JobDefinition, JobsOptions } from "./job-definition.js";
import type { JobContext } from "./job-context.js";
import { tracedJob } from "./trace-job.js";
import type { JobMessage } from "./job-message.js";
import type { Task } from "./job-spec.js";
import { type UniqueNote, whileUnique } from "./unique.js";

export type RunOptions = JobsOptions & { readonly clock: Clock; readonly log: Log; readonly graceMs: number };

export interface JobRun {
  readonly message: JobMessage;
  readonly handler: HandlerContext;
  readonly controller: AbortController;
  readonly definitions: ReadonlyMap<string, JobDefinition>;
  readonly options: RunOptions;
  readonly onProgress: (job: string, value: unknown) => void;
}

/** @throws what the tasks failed with: one error as it is, several as an AggregateError */
export async function runSteps(run: JobRun): Promise<void> {
  for (const tasks of run.message.steps) {
    run.controller.signal.throwIfAborted();
    const ended = await Promise.allSettled(
      tasks.map(async (task) => {
        try {
          await runTask(run, task);
        } catch (error) {
          if (run.message.stopOnError === true) run.controller.abort(error);
          throw error;
        }
      }),
    );
    const errors = ended.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    if (errors.length === 1) throw errors[0];
    // One that must not be tried again speaks for all.
    if (errors.length > 1)
      throw errors.find((error) => error instanceof GiveUp) ?? new AggregateError(errors, `${errors.length} tasks failed`);
  }
}

async function runTask(run: JobRun, [name, given]: Task): Promise<void> {
  const { definitions, options } = run;
  // Own names alone, and never what the prototype of something has: a queue is open to whoever can write to it.
  const definition = definitions.get(name);
  if (definition === undefined) throw new GiveUp(`there is no job ${name.slice(0, 100)}`);
  const input = await checkedInput(name, definition, given);
  const { unique } = definition;
  const context = contextOf(run, name);
  const work = (): Promise<void> => runWithLimit(run, definition, context, input);
  if (unique === undefined) return work();
  const { key, ...rest } = unique;
  const text = typeof key === "function" ? key(input) : (key ?? `${name} ${JSON.stringify(given ?? null)}`);
  const note: UniqueNote = { ...rest, key: text };
  await whileUnique(options.locks!, note, () => run.controller.abort(new Error("the lock of the job was lost")), work);
}

/** @throws GiveUp when the input is not what the schema takes: it will not be another time either */
async function checkedInput(name: string, { input: schema }: JobDefinition, given: unknown): Promise<unknown> {
  if (schema === undefined) return given;
  const result = await schema["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  throw new GiveUp(`the input of job ${name} is not valid: ${issuesText(result.issues)}`);
}

/** What is wrong, without values. */
export function issuesText(issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[]): string {
  const parts = issues.slice(0, 5).map(({ path = [] }) => {
    const at = path.map((step) => String(typeof step === "object" && step !== null && "key" in step ? step.key : step)).join(".");
    return at === "" ? "the whole" : at;
  });
  return `${parts.join(", ")}${issues.length > 5 ? " and more" : ""}`;
}

function contextOf({ handler, message, controller, options, onProgress }: JobRun, job: string): JobContext {
  const { id, queue, attempt, maxAttempts } = handler;
  const { signal } = controller;
  return {
    id,
    job,
    queue,
    attempt,
    maxAttempts,
    signal,
    tag: message.tag,
    log: options.log,
    progress: (value) => onProgress(job, value),
  };
}

async function runWithLimit(run: JobRun, definition: JobDefinition, context: JobContext, input: unknown): Promise<void> {
  const { options, message, controller } = run;
  const { clock, graceMs, before, after } = options;
  const startedAt = clock.now();
  const ended = new AbortController();
  const limitMs = message.maxRunMs ?? definition.maxRunMs;
  let outcome: { result?: unknown; error?: unknown } = {};
  try {
    const work = tracedJob(context, async () => {
      await before?.(context, input);
      return definition.run(input, context) as Promise<unknown>;
    });
    const result = await (limitMs === undefined ? work : Promise.race([work, overdue(clock, limitMs, graceMs, controller, ended.signal)]));
    outcome = { result };
  } catch (error) {
    outcome = { error };
    throw error;
  } finally {
    ended.abort();
    await after?.({ context, elapsedMs: clock.now() - startedAt, ...outcome });
  }
}

/** Aborts the job when its time is over, and rejects when its grace is. Never resolves. */
async function overdue(clock: Clock, limitMs: number, graceMs: number, controller: AbortController, ended: AbortSignal): Promise<never> {
  const late = new Error(`the job ran longer than ${limitMs} ms`);
  try {
    await clock.sleep(limitMs, ended);
    controller.abort(late);
    await clock.sleep(graceMs, ended);
  } catch {
    // The job has ended, and with it the race.
    return new Promise(() => undefined);
  }
  throw late;
}
