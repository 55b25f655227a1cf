// The serving side: finds the method, runs its handler, and answers.

import type { Log } from "@bk/core";

import { Fifo } from "../common/fifo.js";
import { encodeJson } from "../common/json.js";
import { QueueError } from "../errors.js";
import type { Body, InstanceInfo, Reply, ServiceHost } from "./driver.js";
import type { CallContext, CheckedMethod } from "./options.js";
import { answerText, partErrorText, partText, readParts, readRequest, textOf, wireError, wireErrorOf, type WireError } from "./wire.js";

/** Where an answer goes; undefined where nobody waits for one. */
interface Answer {
  done(json: string | undefined): void;
  failed(error: WireError): void;
}

interface Waiting {
  readonly method: string;
  readonly message: unknown;
  readonly answer: Answer | undefined;
}

interface Counts {
  requests: number;
  errors: number;
  lastError: string;
  ms: number;
}

export interface HostOptions {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly concurrency: number;
  readonly maxWaiting: number;
  /** The most bytes of an answer's payload. */
  readonly maxBytes: () => number;
  readonly log: Log;
  readonly onError: ((error: unknown, context: CallContext) => void) | undefined;
}

/** What answers need beside their payload, such as `{"payload":` and the numbers of calls. */
const framing = 64;
/** Answers of one message. */
const maxReplyLength = 64 * 1024;

export class Host implements ServiceHost {
  readonly #options: HostOptions;
  readonly #methods = new Map<string, CheckedMethod>();
  readonly #counts = new Map<string, Counts>();
  readonly #waiting = new Fifo<Waiting>();
  readonly #ending = new AbortController();
  readonly #startedAt = new Date();
  #running = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
  }

  get methods(): readonly string[] {
    return [...this.#methods.keys()];
  }

  add(methods: readonly CheckedMethod[]): void {
    for (const method of methods) {
      this.#methods.set(method.name, method);
      if (!this.#counts.has(method.name)) this.#counts.set(method.name, { requests: 0, errors: 0, lastError: "", ms: 0 });
    }
  }

  remove(names: readonly string[]): void {
    for (const name of names) {
      this.#methods.delete(name);
      this.#counts.delete(name);
    }
  }

  /** Resolves when no handler runs and none waits. */
  idle(): Promise<void> {
    return this.#running === 0 && this.#waiting.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Ends the handlers' signal; calls that still wait are refused. */
  end(): void {
    this.#ending.abort(new QueueError("closed", "the service was closed", { target: this.#options.name, outcome: "none" }));
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      next.answer?.failed(wireError("unavailable", "the service is being closed"));
  }

  call(method: string, body: Body, reply: Reply | undefined): void {
    const answer = reply === undefined ? undefined : oneAnswer(reply);
    let message: unknown;
    try {
      message = readRequest(body);
    } catch {
      answer?.failed(wireError("invalid", "Bad JSON request"));
      return;
    }
    this.#take({ method, message, answer });
  }

  calls(body: Body, reply: Reply): void {
    const answers = new Answers(reply);
    let parts: readonly [number, ...unknown[]][];
    try {
      parts = readParts(body);
    } catch {
      // Without numbers nobody can be answered; the calls time out.
      this.#options.log.warn("a message of several calls cannot be read", { service: this.#options.name });
      return;
    }
    for (const [id, method, message] of parts) this.#take({ method: String(method), message, answer: new PartAnswer(answers, id) });
  }

  all(body: Body): void {
    try {
      const [method, message] = JSON.parse(textOf(body)) as unknown[];
      this.#take({ method: String(method), message, answer: undefined });
    } catch {
      this.#options.log.warn("a message to all cannot be read", { service: this.#options.name });
    }
  }

  describe(kind: "ping" | "info" | "stats"): InstanceInfo {
    // The forms of NATS's own services (ADR-32), so that its tools read them.
    const { name, id, version } = this.#options;
    const base = { type: `io.nats.micro.v1.${kind}_response`, name: name.replaceAll(".", "_"), id, version, metadata: {} };
    if (kind === "ping") return base;
    const place = (method: string): object => ({ name: method, subject: `${name}.${method}`, queue_group: name });
    if (kind === "info") return { ...base, description: "", endpoints: this.methods.map((method) => ({ ...place(method), metadata: {} })) };
    const endpoints = [...this.#counts].map(([method, { requests, errors, lastError, ms }]) => ({
      ...place(method),
      num_requests: requests,
      num_errors: errors,
      last_error: lastError,
      processing_time: Math.round(ms * 1e6),
      average_processing_time: requests === 0 ? 0 : Math.round((ms * 1e6) / requests),
    }));
    return { ...base, started: this.#startedAt.toISOString(), endpoints };
  }

  #take(next: Waiting): void {
    if (!this.#methods.has(next.method)) {
      next.answer?.failed(wireError("not-found", `Method not found ${JSON.stringify(next.method.slice(0, 100))}`));
      return;
    }
    if (this.#running < this.#options.concurrency) return this.#run(next);
    if (this.#waiting.size < this.#options.maxWaiting) return this.#waiting.push(next);
    next.answer?.failed(wireError("limited", `too many calls wait for ${this.#options.name}`));
    if (next.answer === undefined)
      this.#options.log.warn("a message is dropped, as too many wait", { service: this.#options.name, method: next.method });
  }

  #run({ method: name, message, answer }: Waiting): void {
    const method = this.#methods.get(name);
    // It was withdrawn while the call waited.
    if (method === undefined) return answer?.failed(wireError("not-found", `Method not found "${name}"`));
    const context: CallContext = {
      service: this.#options.name,
      method: name,
      signal: this.#ending.signal,
      isAnswered: answer !== undefined,
    };
    const since = performance.now();
    let result: unknown;
    try {
      result = method.input === undefined ? method.run(message, context) : checkedRun(method, message, context);
    } catch (error) {
      return this.#failed(error, context, answer, since);
    }
    if (!isThenable(result)) return this.#done(result, context, answer, since);
    this.#running++;
    result.then(
      (value) => {
        this.#done(value, context, answer, since);
        this.#ended();
      },
      (error: unknown) => {
        this.#failed(error, context, answer, since);
        this.#ended();
      },
    );
  }

  #done(value: unknown, context: CallContext, answer: Answer | undefined, since: number): void {
    if (answer !== undefined) {
      let json: string | undefined;
      try {
        json =
          value === undefined
            ? undefined
            : encodeJson(value, this.#options.maxBytes() - framing, `${context.service}.${context.method}: the result`);
      } catch (error) {
        const code = error instanceof QueueError && error.code === "too-large" ? "too-large" : "internal";
        // What the handler did is done.
        const done = { ...wireErrorOf(error), code, status: code === "internal" ? 500 : 413, outcome: "done" };
        return this.#failed(error, context, { done: () => undefined, failed: () => answer.failed(done) }, since);
      }
      answer.done(json);
    }
    this.#count(context.method, since, undefined);
  }

  #failed(error: unknown, context: CallContext, answer: Answer | undefined, since: number): void {
    const wire = wireErrorOf(error);
    answer?.failed(wire);
    this.#count(context.method, since, wire.code ?? "internal");
    const { onError, log } = this.#options;
    try {
      if (onError === undefined) log.error("a method of a service failed", { service: context.service, method: context.method, error });
      else onError(error, context);
    } catch (thrown) {
      log.error("onError of a service failed", { service: context.service, error: thrown });
    }
  }

  #count(method: string, since: number, error: string | undefined): void {
    const counts = this.#counts.get(method);
    if (counts === undefined) return;
    counts.requests++;
    counts.ms += performance.now() - since;
    if (error === undefined) return;
    counts.errors++;
    counts.lastError = error;
  }

  #ended(): void {
    this.#running--;
    while (this.#running < this.#options.concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#run(next);
    }
    if (this.#running > 0 || this.#onIdle.length === 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }
}

async function checkedRun({ name, input, run }: CheckedMethod, message: unknown, context: CallContext): Promise<unknown> {
  const checked = await input!["~standard"].validate(message);
  if (checked.issues === undefined) return run(checked.value, context);
  const issues = checked.issues.slice(0, 20).map(({ message: text, path }) => ({
    message: text,
    path: (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)),
  }));
  throw new QueueError("invalid", `${context.service}.${name}: the message is not as its schema says`, {
    outcome: "none",
    detail: { issues },
  });
}

const oneAnswer = (reply: Reply): Answer => ({
  done: (json) => reply(answerText(json)),
  failed: (error) => reply(JSON.stringify(error)),
});

/** The answer to one of several calls. */
class PartAnswer implements Answer {
  readonly #answers: Answers;
  readonly #id: number;

  constructor(answers: Answers, id: number) {
    this.#answers = answers;
    this.#id = id;
  }

  done(json: string | undefined): void {
    this.#answers.add(partText(this.#id, json));
  }

  failed(error: WireError): void {
    this.#answers.add(partErrorText(this.#id, error));
  }
}

/** The answers to the calls of one message: those of one tick go in one message. */
class Answers {
  readonly #reply: Reply;
  #parts: string[] = [];
  #length = 0;
  #isScheduled = false;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  add(part: string): void {
    if (this.#length > 0 && this.#length + part.length > maxReplyLength) this.#flush();
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void Promise.resolve().then(() => process.nextTick(() => this.#flush()));
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#parts.length === 0) return;
    const body = `[${this.#parts.join(",")}]`;
    this.#parts = [];
    this.#length = 0;
    this.#reply(body);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
