// Threads that carry out statements which may take long, so that this process answers meanwhile. Each has a connection of its
// own to the file, made when the first statement needs it.

import { cancelledError, findNodeModule, type Log, onAbort } from "@bk/core";

import type { Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { type NativeError, type ThreadAnswer, type ThreadMessage, type ThreadSettings, threadText } from "./thread-code.js";

/** What there is of `node:worker_threads`. */
export interface Worker {
  postMessage(message: ThreadMessage): void;
  on(event: "message", listener: (answer: ThreadAnswer) => void): void;
  on(event: "error", listener: (error: unknown) => void): void;
  on(event: "exit", listener: () => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

export interface LongStatement {
  readonly text: string;
  readonly values: Values;
  readonly writes: boolean;
}

export interface ThreadsOptions {
  /** @throws Error where no thread can be made */
  readonly settings: () => Omit<ThreadSettings, "givenUp">;
  /** Most threads at once. */
  readonly most: number;
  readonly log: Log;
}

interface Task extends LongStatement {
  readonly signal: AbortSignal | undefined;
  readonly resolve: (reply: Reply | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class Threads {
  readonly #options: ThreadsOptions;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Task[] = [];
  /** Set once a thread could not begin: none is tried again. */
  #unusable = false;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.#unusable = options.most === 0;
  }

  /** Whether statements can be given to threads, as far as is known. */
  get usable(): boolean {
    return !this.#unusable;
  }

  /**
   * Carries a statement out in a thread; several wait for each other when there are more than threads.
   *
   * @returns undefined when this runtime has no such threads: the caller carries the statement out itself
   * @throws native errors; `cancelled` when the signal aborts; `unavailable` when the thread has ended; `closed`
   */
  run(statement: LongStatement, signal: AbortSignal | undefined): Promise<Reply | undefined> {
    if (signal?.aborted) return Promise.reject(cancelledError(signal));
    // One that waited for another process's lock may come when all is closed.
    if (this.#closed) return Promise.reject(new DbError("closed", "sqlite: the database is closed", { driver: "sqlite" }));
    return new Promise((resolve, reject) => {
      const stopListening = signal === undefined ? undefined : onAbort(signal, () => this.#giveUp(task));
      const task: Task = {
        ...statement,
        signal,
        resolve: (reply) => (stopListening?.(), resolve(reply)),
        reject: (error) => (stopListening?.(), reject(error)),
      };
      this.#waiting.push(task);
      this.#next();
    });
  }

  /** Gives what waits to threads that have nothing to do, or that are made for it. */
  #next(): void {
    while (this.#waiting.length > 0) {
      const free = [...this.#threads].find((thread) => thread.isFree) ?? this.#begin();
      if (free === undefined) return;
      free.take(this.#waiting.shift()!);
    }
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#isIdle()) this.#idle?.();
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && [...this.#threads].every((thread) => thread.isFree);
  }

  #begin(): Thread | undefined {
    const { settings, most } = this.#options;
    if (this.#unusable) return undefined;
    if (this.#threads.size >= most) return undefined;
    try {
      const thread = new Thread(settings(), {
        isFree: () => this.#next(),
        cannotBegin: (error, task) => {
          this.#threads.delete(thread);
          this.#doWithout(error, task);
        },
        hasEnded: () => {
          this.#threads.delete(thread);
          this.#next();
        },
      });
      this.#threads.add(thread);
      return thread;
    } catch (error) {
      this.#doWithout(error);
      return undefined;
    }
  }

  #doWithout(error: unknown, ...tasks: readonly Task[]): void {
    if (!this.#unusable) this.#options.log.warn("sqlite: no thread for long statements; they hold this process up", { error });
    this.#unusable = true;
    for (const task of [...tasks, ...this.#waiting.splice(0)]) task.resolve(undefined);
    this.#tellIdle();
  }

  #giveUp(task: Task): void {
    const at = this.#waiting.indexOf(task);
    if (at < 0) for (const thread of this.#threads) thread.giveUp(task);
    else {
      this.#waiting.splice(at, 1);
      task.reject(cancelledError(task.signal!));
    }
  }

  /** Waits for what is carried out, and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#isIdle()) await new Promise<void>((resolve) => (this.#idle = resolve));
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }
}

interface ThreadEvents {
  readonly isFree: () => void;
  readonly cannotBegin: (error: unknown, task: Task) => void;
  readonly hasEnded: () => void;
}

class Thread {
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  readonly #givenUp = new Int32Array(new SharedArrayBuffer(4));
  #isReady = false;
  #task: Task | undefined;
  #id = 0;
  #error: unknown;
  #ended: (() => void) | undefined;

  constructor(settings: Omit<ThreadSettings, "givenUp">, events: ThreadEvents) {
    this.#events = events;
    const threads = findNodeModule("node:worker_threads");
    if (threads === undefined) throw new Error("this runtime has no node:worker_threads");
    this.#worker = new threads.Worker(threadText(), {
      eval: true,
      execArgv: [],
      workerData: { ...settings, givenUp: this.#givenUp } satisfies ThreadSettings,
    }) as Worker;
    this.#worker.on("message", (answer) => this.#answered(answer));
    this.#worker.on("error", (error) => (this.#error = error));
    this.#worker.on("exit", () => this.#exited());
  }

  get isFree(): boolean {
    return this.#task === undefined;
  }

  /** Begins a task; only while the thread is free. */
  take(task: Task): void {
    this.#task = task;
    this.#worker.ref();
    if (this.#isReady) this.#send(task);
  }

  #send({ text, values, writes }: Task): void {
    this.#worker.postMessage({ id: ++this.#id, text, values, givesRows: !writes });
  }

  /** Ends the statement of a task: it fails at its next row that asks whether to go on. */
  giveUp(task: Task): void {
    if (this.#task === task) Atomics.store(this.#givenUp, 0, this.#id);
  }

  #answered(answer: ThreadAnswer): void {
    if (answer === "ended") {
      this.#ended?.();
      return;
    }
    if (answer === "ready") {
      this.#isReady = true;
      const task = this.#task;
      if (task?.signal?.aborted) this.#done(() => task.reject(cancelledError(task.signal!)));
      else if (task !== undefined) this.#send(task);
      return;
    }
    const task = this.#task!;
    this.#done(() => {
      if (!("error" in answer)) task.resolve(answer);
      else task.reject(task.signal?.aborted ? cancelledError(task.signal) : nativeError(answer.error));
    });
  }

  /** An idle thread does not keep the process. */
  #done(settle: () => void): void {
    this.#task = undefined;
    this.#worker.unref();
    settle();
    this.#events.isFree();
  }

  #exited(): void {
    this.#ended?.();
    const task = this.#task;
    this.#task = undefined;
    if (!this.#isReady && task !== undefined) return this.#events.cannotBegin(this.#error, task);
    task?.reject(threadEnded(task, this.#error));
    this.#events.hasEnded();
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      this.#worker.ref();
      this.#worker.postMessage("end");
    });
    await this.#worker.terminate();
  }
}

/** As the client threw it in the thread. */
function nativeError({ message, code, errcode }: NativeError): Error {
  const of = { ...(code === undefined ? {} : { code }), ...(errcode === undefined ? {} : { errcode }) };
  return Object.assign(new Error(message), of);
}

function threadEnded({ writes }: Task, cause: unknown): DbError {
  return new DbError("unavailable", "the thread that carried the statement out has ended", { outcome: writes ? "unknown" : "none", cause });
}
