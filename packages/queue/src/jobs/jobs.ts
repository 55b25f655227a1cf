// Submitting, running and cancelling jobs.

import { onAbort } from "@bk/core";

import { invalid, unsupported } from "../errors.js";
import type { QueueCapabilities } from "../queue/driver.js";
import type { HandlerContext, ListenOptions } from "../queue/listen-options.js";
import type { Listener } from "../queue/listener.js";
import type { QueueStats, Receipt } from "../queue/queue.js";
import type { SubmitOptions } from "../queue/submit-options.js";
import { type Failure, GiveUp, TryLater, usualFailure } from "../queue/verdict.js";
import { type CancelChoice, cancelNotes, noteCancel } from "./cancel-notes.js";
import type { JobDefinition } from "./job-definition.js";
import { isJobMessage, type JobMessage } from "./job-message.js";
import { type JobSpec, type Steps, stepsOf } from "./job-spec.js";
import { issuesText, runSteps, type RunOptions } from "./run-job.js";
import { keyOfSteps, type Unique, type UniqueNote, whileUnique } from "./unique.js";

/** What jobs use of a queue. */
export interface QueueLike {
  readonly name: string;
  submit(message: unknown, options?: SubmitOptions): Promise<Receipt>;
  listen(handler: (message: unknown, context: HandlerContext) => unknown, options?: ListenOptions): Promise<Listener>;
  cancel(id: string): Promise<boolean>;
  stats(): Promise<QueueStats>;
  capabilities(): QueueCapabilities;
}

export interface JobSubmitOptions extends SubmitOptions {
  /** For `cancel`. */
  readonly tag?: string;
  /** Milliseconds until the signal of each of its jobs aborts; default: what each says. */
  readonly maxRunMs?: number;
  /** When a task fails, the signals of those beside it abort. Default false: all end. */
  readonly stopOnError?: boolean;
  /**
   * It runs when nothing else waits or runs in its queue; what is delayed is not waited for. Looked at about once a second. Default false;
   * `unsupported` where the engine does not tell how many wait and run.
   */
  readonly runLast?: boolean;
  /** Only one message of this key runs at a time. */
  readonly unique?: Omit<Unique, "key"> & { readonly key?: string };
}

/** Channels of the bus. */
const cancelChannel = "bk.jobs.cancel";
const progressChannel = "bk.jobs.progress";

interface Running {
  readonly id: string;
  readonly message: JobMessage;
  readonly controller: AbortController;
  readonly startedAt: number;
}

/** Its job was cancelled: the message is removed. */
class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** @throws QueueError `unsupported` */
function needCounts(queue: QueueLike): void {
  const { stats } = queue.capabilities();
  if (stats.includes("waiting") && stats.includes("running")) return;
  throw unsupported(`submit: the engine of ${queue.name} does not tell what waits and runs, so runLast cannot be kept; use unique`, {
    op: "submit",
    target: queue.name,
    detail: { capability: "stats" },
  });
}

/** Jobs that were defined. */
export class Jobs<Inputs extends { readonly [name: string]: unknown } = { readonly [name: string]: unknown }> {
  readonly #definitions: ReadonlyMap<string, JobDefinition>;
  readonly #options: RunOptions;
  readonly #running = new Set<Running>();

  constructor(definitions: ReadonlyMap<string, JobDefinition>, options: RunOptions) {
    this.#definitions = definitions;
    this.#options = options;
  }

  /** Names of the jobs. */
  get names(): readonly string[] {
    return [...this.#definitions.keys()];
  }

  /** Names of the jobs that run in this process now. */
  get running(): readonly string[] {
    return [...this.#running].flatMap(({ message }) => message.steps.flat().map(([name]) => name));
  }

  /**
   * Puts a job into a queue, when its input is what its schema takes.
   *
   * @throws QueueError `invalid` for an unknown job or a wrong input; as `queue.submit`
   */
  submit<const Name extends keyof Inputs & string>(
    queue: QueueLike,
    name: Name,
    input?: Inputs[Name],
    options: JobSubmitOptions = {},
  ): Promise<Receipt> {
    return this.#submit(queue, [[input === undefined ? [name] : [name, input]]], options);
  }

  /** Puts several jobs into a queue as one message: in sequence, in parallel. When one fails, all are tried again. */
  async submitSpec(queue: QueueLike, spec: JobSpec | { readonly job: JobSpec }, options: JobSubmitOptions = {}): Promise<Receipt> {
    return this.#submit(queue, stepsOf(spec), options);
  }

  async #submit(queue: QueueLike, steps: Steps, options: JobSubmitOptions): Promise<Receipt> {
    const { tag, maxRunMs, stopOnError, runLast, unique, ...rest } = options;
    if (tag !== undefined && (typeof tag !== "string" || tag === "")) throw invalid("submit: tag must be a string that is not empty");
    if (maxRunMs !== undefined && (!Number.isSafeInteger(maxRunMs) || maxRunMs < 1))
      throw invalid("submit: maxRunMs must be an integer from 1");
    if (runLast === true) needCounts(queue);
    // A copy at once: a schema may take its time, and the caller goes on.
    const copy = structuredClone(steps);
    for (const [name, input] of copy.flat()) await this.#check(name, input);
    const message: JobMessage = { steps: copy, tag, maxRunMs, stopOnError, runLast, unique: this.#noteOf(unique, copy) };
    const [only] = copy.length === 1 && copy[0]!.length === 1 ? copy[0]! : [];
    const maxAttempts = rest.maxAttempts ?? (only && this.#definitions.get(only[0])?.maxAttempts);
    return queue.submit(message, { ...rest, maxAttempts });
  }

  async #check(name: string, input: unknown): Promise<void> {
    const definition = this.#definitions.get(name);
    if (definition === undefined) throw invalid(`there is no job ${String(name).slice(0, 100)}; there are ${this.names.join(", ")}`);
    const result = await definition.input?.["~standard"].validate(input);
    if (result?.issues !== undefined) throw invalid(`the input of job ${name} is not valid: ${issuesText(result.issues)}`);
  }

  #noteOf(unique: JobSubmitOptions["unique"], steps: Steps): UniqueNote | undefined {
    if (unique === undefined) return undefined;
    if (this.#options.locks === undefined) throw invalid("submit: unique needs { locks } of defineJobs: a cache that all workers reach");
    if (!Number.isSafeInteger(unique.ttlMs) || unique.ttlMs < 1) throw invalid("submit: unique.ttlMs must be an integer from 1");
    return { ...unique, key: unique.key ?? keyOfSteps(steps) };
  }

  /** Runs the jobs of a queue in this process, until the listener is closed. Cancelling from other processes needs the bus, and `locks` where the bus may be away. */
  async work(queue: QueueLike, options: ListenOptions = {}): Promise<Listener> {
    const { failure = usualFailure, ...rest } = options;
    const { bus, log } = this.#options;
    const subscription = await bus?.subscribe(cancelChannel, (choice) => void this.#cancelHere((choice ?? {}) as CancelChoice), {
      onMissed: () => void this.#cancelMissed(),
    });
    try {
      const listener = await queue.listen((message: unknown, context: HandlerContext) => this.#handle(queue, message, context), {
        ...rest,
        failure: (error): Failure => (error instanceof Cancelled ? "drop" : failure(error)),
      });
      if (subscription !== undefined)
        listener.onClose(() => {
          subscription.close().catch((error: unknown) => log.warn("a subscription could not be closed", { error }));
        });
      return listener;
    } catch (error) {
      await subscription?.close();
      throw error;
    }
  }

  async #handle(queue: QueueLike, message: unknown, handler: HandlerContext): Promise<void> {
    if (!isJobMessage(message)) throw new GiveUp("the message is no job");
    if (message.runLast === true) await this.#throwUnlessLast(queue);
    const controller = new AbortController();
    const { bus, log, locks, clock } = this.#options;
    const own: Running = { id: handler.id, message, controller, startedAt: clock.now() };
    const onProgress = (job: string, value: unknown): void => {
      handler.progress({ job, value });
      bus?.publish(progressChannel, { id: handler.id, queue: handler.queue, job, value }).catch((error: unknown) => {
        log.warn("progress could not be published", { error });
      });
    };
    const stopListening = onAbort(handler.signal, () => controller.abort(handler.signal.reason));
    this.#running.add(own);
    const run = { message, handler, controller, definitions: this.#definitions, options: this.#options, onProgress };
    try {
      if (message.unique === undefined) await runSteps(run);
      else if (locks === undefined) throw new GiveUp("the job is unique, and this worker has no { locks }");
      else
        await whileUnique(
          locks,
          message.unique,
          () => controller.abort(new Error("the lock of the job was lost")),
          () => runSteps(run),
        );
    } catch (error) {
      if (controller.signal.reason instanceof Cancelled) throw controller.signal.reason;
      throw error;
    } finally {
      stopListening();
      this.#running.delete(own);
    }
  }

  /** @throws TryLater while other messages wait or run; apart, so that two such jobs do not find each other again and again */
  async #throwUnlessLast(queue: QueueLike): Promise<void> {
    const { waiting = 0, running = 0 } = await queue.stats();
    if (waiting + running > 1) throw new TryLater(500 + Math.floor(this.#options.clock.random() * 1000), "others wait or run");
  }

  /**
   * Cancels jobs: aborts the signals of those that run, in this process and, over the bus, in all; with `queue` and `id` it takes back one that waits.
   * A cancelled job is not tried again.
   *
   * @returns how many were found here and in the queue; those of other processes are not waited for
   * @throws QueueError `invalid` without any choice
   */
  async cancel(choice: CancelChoice, { queue }: { readonly queue?: QueueLike } = {}): Promise<number> {
    const wanted = Object.entries(choice).filter(([, value]) => value !== undefined);
    if (wanted.length === 0 || wanted.some(([name, value]) => !["id", "name", "tag", "key"].includes(name) || typeof value !== "string"))
      throw invalid("cancel takes at least one of id, name, tag and key");
    const { bus, locks, clock, log } = this.#options;
    const here = this.#cancelHere(choice);
    // Noted before it is told: who comes back in between finds it.
    if (bus !== undefined)
      await noteCancel(locks, choice, clock).catch((error: unknown) => {
        log.warn("what was cancelled could not be noted: a worker that is cut off now does not hear of it", { error });
      });
    await bus?.publish(cancelChannel, choice);
    if (here > 0 || queue === undefined || choice.id === undefined) return here;
    return (await queue.cancel(choice.id)) ? 1 : 0;
  }

  /** What the bus may not have told. */
  async #cancelMissed(): Promise<void> {
    const { locks, clock, log } = this.#options;
    try {
      for (const { choice, at } of await cancelNotes(locks, clock)) this.#cancelHere(choice, at);
    } catch (error) {
      log.warn("it could not be read which jobs were cancelled meanwhile", { error });
    }
  }

  /** @param at  jobs that began later are not meant, unless by their id. Default: all are */
  #cancelHere({ id, name, tag, key }: CancelChoice, at = Infinity): number {
    const meant = [...this.#running].filter(({ id: own, message, startedAt }) => {
      const names = message.steps.flat().map(([each]) => each);
      return (
        (id === undefined || id === own) &&
        (name === undefined || names.includes(name)) &&
        (tag === undefined || tag === message.tag) &&
        (key === undefined || key === message.unique?.key) &&
        (id !== undefined || startedAt <= at) &&
        [id, name, tag, key].some((each) => each !== undefined)
      );
    });
    for (const { controller } of meant) controller.abort(new Cancelled("the job was cancelled"));
    return meant.length;
  }

  /** Calls back for the progress of jobs in all processes that have the bus. Gives what stops it. */
  async onProgress(
    listener: (event: { id: string; queue: string; job: string; value: unknown }) => void,
  ): Promise<{ close(): Promise<unknown> }> {
    const { bus } = this.#options;
    if (bus === undefined) throw invalid("onProgress needs { bus } of defineJobs");
    return bus.subscribe(progressChannel, (event) => listener(event as never));
  }
}
