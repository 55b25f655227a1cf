// Work queues on Amazon SQS, standard ones and FIFO ones. README.md says what SQS can promise.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type * as Sqs from "@aws-sdk/client-sqs";
import type { ChangeMessageVisibilityBatchRequestEntry, SendMessageBatchRequestEntry, SQSClient } from "@aws-sdk/client-sqs";
import type { Clock } from "@bk/core";

import { driverMissing, QueueError } from "../../errors.js";
import type {
  NewMessage,
  QueueCapabilities,
  QueueDriver,
  QueueDriverOptions,
  Settlement,
  Submitted,
  Taken,
  TakeRequest,
} from "../../queue/driver.js";
import { DeadLetters } from "./dead-letters.js";
import { classifySqs } from "./errors.js";
import { bodyOf, ownGroup, type Parts, partsOf, SqsTaken } from "./message.js";
import { type SqsSettings, sqsSettings } from "./options.js";

type Sdk = typeof Sqs;

/** Most bytes of one request, and so of one message. */
const requestBytes = 1024 * 1024;
/** What the attributes of a message take at most, those of a dead one too. */
const attributeBytes = 4_096;
const most = 10;
const maxVisibilityMs = 43_200_000;
/** Near the end of a message's twelve hours it is sent anew instead. */
const maxHideMs = maxVisibilityMs - 3_600_000;
const maxDelayMs = 900_000;
/** How long dead messages are hidden while they are looked through. */
const deadMs = 30_000;

interface Receiving {
  readonly count: number;
  readonly visibilityMs: number;
  readonly waitSeconds: number;
}

function capabilitiesOf(isFifo: boolean): QueueCapabilities {
  return Object.freeze({
    durable: "broker",
    reach: "network",
    visibility: "timeout",
    delay: !isFifo,
    priorities: false,
    groups: isFifo,
    // FIFO queues leave out what has the same id within five minutes, but do not say that they did.
    dedupe: "none",
    dead: true,
    stats: ["waiting", "delayed", "running", "dead"] as const,
    remove: false,
    purge: false,
    transactions: false,
    bodyBytes: requestBytes - attributeBytes,
    // One reply would have several messages of one group, all of them taken.
    most: { submit: 1_000, take: isFifo ? 1 : most, settle: 1_000 },
  });
}

/** The driver of `sqs:`. */
export async function sqsQueue(options: QueueDriverOptions): Promise<QueueDriver> {
  const settings = sqsSettings(options);
  const sdk = await loadSdk();
  const { endpoint, region, credentials, maxAttempts } = settings;
  const client = new sdk.SQSClient({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts,
  });
  return new SqsQueue(sdk, client, settings, options.clock);
}

class SqsQueue implements QueueDriver {
  readonly name = "sqs";
  readonly capabilities: QueueCapabilities;
  readonly dead: DeadLetters;
  readonly #sdk: Sdk;
  readonly #client: SQSClient;
  readonly #settings: SqsSettings;
  readonly #clock: Clock;
  #url: string | undefined;
  #deadUrl: Promise<string> | undefined;
  #opening: Promise<void> | undefined;

  constructor(sdk: Sdk, client: SQSClient, settings: SqsSettings, clock: Clock) {
    this.#sdk = sdk;
    this.#client = client;
    this.#settings = settings;
    this.#clock = clock;
    this.capabilities = capabilitiesOf(settings.isFifo);
    this.dead = new DeadLetters({
      count: async () => (await this.#numbersOf(await this.#deadUrlOf(), undefined)).waiting,
      receive: async (waits) => this.#receive(await this.#deadUrlOf(), { count: most, visibilityMs: deadMs, waitSeconds: waits ? 1 : 0 }),
      unhide: async (taken) => void (await this.#hide(await this.#deadUrlOf(), taken, 0, undefined)),
      remove: async (taken) => this.#remove(await this.#deadUrlOf(), taken, undefined),
      revive: async (taken) => {
        const entries = taken.map(({ parts }) => this.#entryOf({ ...parts, before: 0, due: 0, death: undefined }, 0));
        return this.#send(this.#url!, entries, undefined);
      },
    });
  }

  ready(): Promise<void> | undefined {
    if (this.#url !== undefined) return undefined;
    return (this.#opening ??= this.#open().finally(() => (this.#opening = undefined)));
  }

  async #open(): Promise<void> {
    this.#url = await this.#urlOf(this.#settings.name);
  }

  /** The address of a queue, which is made where it is missing. */
  async #urlOf(name: string): Promise<string> {
    const { GetQueueUrlCommand, CreateQueueCommand } = this.#sdk;
    try {
      return (await this.#client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl!;
    } catch (error) {
      if (classifySqs(error)?.code !== "not-found") throw error;
      if (!this.#settings.create)
        throw new QueueError("not-found", `sqs: the queue ${name} does not exist; make it, or set create`, { cause: error });
    }
    const attributes = this.#settings.isFifo ? { FifoQueue: "true", ContentBasedDeduplication: "false" } : {};
    // As long as SQS keeps anything: what waits is not lost by waiting.
    const request = { QueueName: name, Attributes: { MessageRetentionPeriod: "1209600", ...attributes } };
    return (await this.#client.send(new CreateQueueCommand(request))).QueueUrl!;
  }

  async submit(messages: readonly NewMessage[], signal?: AbortSignal): Promise<readonly Submitted[]> {
    const now = this.#clock.now();
    const entries = messages.map(({ id, body, delayMs, groupKey }) =>
      this.#entryOf({ id, body, before: 0, due: delayMs > maxDelayMs ? now + delayMs : 0, groupKey }, delayMs, true),
    );
    const faults = await this.#send(this.#url!, entries, signal);
    return messages.map(({ id }, i) => (faults[i] === undefined ? { id, duplicate: false } : { error: faults[i] }));
  }

  #entryOf(parts: Parts, delayMs: number, isFirst = false): Omit<SendMessageBatchRequestEntry, "Id"> {
    const own = bodyOf(parts);
    if (this.#settings.isFifo) {
      const group = parts.death === undefined ? parts.groupKey : undefined;
      // A request that is repeated is one message; one that is sent anew within five minutes is no repetition of the first.
      return { ...own, MessageGroupId: group ?? ownGroup(parts.id), MessageDeduplicationId: isFirst ? parts.id : randomUUID() };
    }
    return { ...own, ...(delayMs > 0 ? { DelaySeconds: Math.ceil(Math.min(delayMs, maxDelayMs) / 1000) } : {}) };
  }

  /** Sends messages, as few requests as their number and size allow. For each, in order: undefined, or why it was not taken. */
  async #send(
    url: string,
    entries: readonly Omit<SendMessageBatchRequestEntry, "Id">[],
    signal: AbortSignal | undefined,
  ): Promise<unknown[]> {
    const { SendMessageBatchCommand } = this.#sdk;
    const faults: unknown[] = entries.map(() => undefined);
    const sizes = entries.map(({ MessageBody = "" }) => Buffer.byteLength(MessageBody) + attributeBytes);
    const send = async (parts: readonly number[]): Promise<void> => {
      const request = { QueueUrl: url, Entries: parts.map((i) => ({ Id: String(i), ...entries[i] })) as SendMessageBatchRequestEntry[] };
      try {
        const { Failed = [] } = await this.#client.send(new SendMessageBatchCommand(request), { ...(signal && { abortSignal: signal }) });
        for (const { Id, Code, Message } of Failed) faults[Number(Id)] = namedError(Code, Message);
      } catch (error) {
        for (const i of parts) faults[i] = error;
      }
    };
    const batches: number[][] = [];
    let bytes = 0;
    sizes.forEach((size, i) => {
      const last = batches.at(-1);
      if (last === undefined || last.length === most || bytes + size > requestBytes) {
        batches.push([i]);
        bytes = size;
      } else {
        last.push(i);
        bytes += size;
      }
    });
    // Those of a FIFO queue one after the other: their order is that of the requests.
    if (this.#settings.isFifo) for (const batch of batches) await send(batch);
    else await Promise.all(batches.map(send));
    return faults;
  }

  async take({ count, visibilityMs, waitMs, signal }: TakeRequest): Promise<readonly Taken[]> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const leftMs = Math.max(0, deadline - performance.now());
      const waitSeconds = Math.min(this.#settings.pollSeconds, Math.ceil(leftMs / 1000));
      const taken = await this.#receive(this.#url!, { count: Math.min(count, this.capabilities.most.take), visibilityMs, waitSeconds });
      if (taken.length > 0 || signal.aborted || performance.now() >= deadline) return taken;
      // Some servers answer at once where they should wait.
      await sleep(20);
    }
  }

  /** A request that waits is never broken off: what the service had put into its reply would be hidden from everybody. */
  async #receive(url: string, { count, visibilityMs, waitSeconds }: Receiving): Promise<SqsTaken[]> {
    const { ReceiveMessageCommand } = this.#sdk;
    const visibility = visibilitySeconds(visibilityMs);
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: count,
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: visibility,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["ApproximateReceiveCount", "MessageGroupId"],
      }),
    );
    const ends = performance.now() + visibility * 1000;
    const now = this.#clock.now();
    const taken: SqsTaken[] = [];
    const early: SqsTaken[] = [];
    for (const message of Messages) {
      const parts = partsOf(message);
      const deliveries = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
      // On a FIFO queue the first look was before it was due. Where it was not, and that consumer is gone, it is counted once too seldom.
      const received = this.#settings.isFifo && parts.due > 0 && deliveries > 1 ? deliveries - 1 : deliveries;
      (parts.due > now ? early : taken).push(new SqsTaken(parts, received, message.ReceiptHandle!, ends));
    }
    if (early.length > 0) await Promise.all(early.map((one) => this.#putOff(one, one.parts.due - now)));
    return taken;
  }

  /** Hides what is not due yet. Shortly before it is sent anew, so that having been looked at counts as no attempt. */
  async #putOff(taken: SqsTaken, forMs: number): Promise<void> {
    if (this.#settings.isFifo) await this.#hide(this.#url!, [taken], Math.min(forMs, maxHideMs), undefined);
    else if (forMs > maxDelayMs) await this.#hide(this.#url!, [taken], Math.min(forMs - maxDelayMs / 2, maxHideMs), undefined);
    else await this.#renew(taken, { ...taken.parts, due: 0 }, forMs, undefined);
  }

  /** Sends a copy and removes the message: twice where the process ends between the two. */
  async #renew(taken: SqsTaken, parts: Parts, delayMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { isFifo } = this.#settings;
    // A FIFO queue delays nothing: what is sent there is looked at, and hidden until it is due.
    const isLate = isFifo ? delayMs > 0 : delayMs > maxDelayMs;
    const due = isLate ? this.#clock.now() + delayMs : isFifo ? 0 : parts.due;
    const [fault] = await this.#send(this.#url!, [this.#entryOf({ ...parts, due }, delayMs)], signal);
    if (fault !== undefined) throw fault;
    return (await this.#remove(this.#url!, [taken], signal))[0]!;
  }

  async extend(taken: readonly Taken[], visibilityMs: number, signal?: AbortSignal): Promise<readonly boolean[]> {
    return this.#hide(this.#url!, taken as readonly SqsTaken[], visibilityMs, signal);
  }

  async #hide(url: string, taken: readonly SqsTaken[], forMs: number, signal: AbortSignal | undefined): Promise<boolean[]> {
    const { ChangeMessageVisibilityBatchCommand } = this.#sdk;
    const seconds = visibilitySeconds(forMs);
    return this.#batches(taken, async (entries) => {
      const request = {
        QueueUrl: url,
        Entries: entries.map((entry): ChangeMessageVisibilityBatchRequestEntry => ({ ...entry, VisibilityTimeout: seconds })),
      };
      const begun = performance.now();
      const reply = await this.#client.send(new ChangeMessageVisibilityBatchCommand(request), { ...(signal && { abortSignal: signal }) });
      for (const { Id } of reply.Successful ?? []) taken[Number(Id)]!.ends = begun + seconds * 1000;
      return reply.Failed;
    });
  }

  async #remove(url: string, taken: readonly SqsTaken[], signal: AbortSignal | undefined): Promise<boolean[]> {
    const { DeleteMessageBatchCommand } = this.#sdk;
    const had = await this.#batches(taken, async (entries) => {
      const request = { QueueUrl: url, Entries: [...entries] };
      return (await this.#client.send(new DeleteMessageBatchCommand(request), { ...(signal && { abortSignal: signal }) })).Failed;
    });
    taken.forEach((one, i) => (one.isSettled ||= had[i]!));
    return had;
  }

  /**
   * Asks for messages, ten a request. Which of them this consumer still had: a receipt is good for longer than the message is hidden, so
   * that is said by the time.
   */
  async #batches(
    taken: readonly SqsTaken[],
    ask: (
      entries: readonly { Id: string; ReceiptHandle: string }[],
    ) => Promise<readonly { Id?: string | undefined; Code?: string | undefined }[] | undefined>,
  ): Promise<boolean[]> {
    const now = performance.now();
    const had = taken.map(({ ends, isSettled }) => !isSettled && ends > now);
    const entries = taken.flatMap(({ receipt }, i) => (had[i] ? [{ Id: String(i), ReceiptHandle: receipt }] : []));
    const batches = Array.from({ length: Math.ceil(entries.length / most) }, (_, i) => entries.slice(i * most, (i + 1) * most));
    await Promise.all(
      batches.map(async (batch) => {
        for (const { Id, Code } of (await ask(batch)) ?? []) {
          if (!isGone(Code)) throw namedError(Code, undefined);
          had[Number(Id)] = false;
        }
      }),
    );
    return had;
  }

  async settle(settlements: readonly Settlement[], signal?: AbortSignal): Promise<readonly boolean[]> {
    const had: boolean[] = settlements.map(() => false);
    const indexes = settlements.map((_each, i) => i);
    const takenAt = (i: number): SqsTaken => settlements[i]!.taken as SqsTaken;
    const isHad = (i: number): boolean => !takenAt(i).isSettled && takenAt(i).ends > performance.now();
    const done = indexes.filter((i) => settlements[i]!.verdict.kind === "done");
    const removing = this.#remove(this.#url!, done.map(takenAt), signal).then((all) => all.forEach((one, at) => (had[done[at]!] = one)));
    const others = indexes.filter((i) => settlements[i]!.verdict.kind !== "done" && isHad(i));
    const settling = others.map(async (i) => {
      had[i] = await this.#settleOther(takenAt(i), settlements[i]!.verdict, signal);
      takenAt(i).isSettled ||= had[i]!;
    });
    await Promise.all([removing, ...settling]);
    return had;
  }

  async #settleOther(taken: SqsTaken, verdict: Settlement["verdict"], signal: AbortSignal | undefined): Promise<boolean> {
    if (verdict.kind === "dead") {
      const death = { error: verdict.error, time: this.#clock.now() };
      const entry = this.#entryOf({ ...taken.parts, before: taken.attempt, due: 0, death }, 0);
      const [fault] = await this.#send(await this.#deadUrlOf(), [entry], signal);
      if (fault !== undefined) throw fault;
      return (await this.#remove(this.#url!, [taken], signal))[0]!;
    }
    const { delayMs, counts } = verdict as Extract<Settlement["verdict"], { kind: "retry" }>;
    // A copy in a FIFO queue would come behind the others of its group.
    const { isFifo } = this.#settings;
    const mayStay = counts && delayMs <= maxHideMs && !(isFifo && taken.parts.due > 0);
    if (mayStay || (isFifo && taken.groupKey !== undefined))
      return (await this.#hide(this.#url!, [taken], Math.min(delayMs, maxHideMs), signal))[0]!;
    return this.#renew(taken, { ...taken.parts, before: counts ? taken.attempt : taken.attempt - 1 }, delayMs, signal);
  }

  /** The queue of dead messages, made when it is needed first. */
  #deadUrlOf(): Promise<string> {
    return (this.#deadUrl ??= this.#urlOf(this.#settings.deadName).catch((error: unknown) => {
      this.#deadUrl = undefined;
      throw error;
    }));
  }

  async stats(signal?: AbortSignal): Promise<{ waiting: number; delayed: number; running: number; dead: number }> {
    const [own, dead] = await Promise.all([
      this.#numbersOf(this.#url!, signal),
      this.#deadUrlOf().then((url) => this.#numbersOf(url, signal)),
    ]);
    return { ...own, dead: dead.waiting + dead.running };
  }

  async #numbersOf(url: string, signal: AbortSignal | undefined): Promise<{ waiting: number; delayed: number; running: number }> {
    const { GetQueueAttributesCommand } = this.#sdk;
    const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"] as const;
    const request = { QueueUrl: url, AttributeNames: [...names] };
    const { Attributes = {} } = await this.#client.send(new GetQueueAttributesCommand(request), { ...(signal && { abortSignal: signal }) });
    const [waiting, delayed, running] = names.map((name) => Number(Attributes[name] ?? 0)) as [number, number, number];
    return { waiting, delayed, running };
  }

  classify = classifySqs;

  async close(): Promise<void> {
    this.#client.destroy();
  }
}

/** Whole seconds, at least none and at most twelve hours. */
function visibilitySeconds(ms: number): number {
  return Math.ceil(Math.min(ms, maxVisibilityMs) / 1000);
}

/** Whether an entry failed because the message is settled, or another consumer's. */
function isGone(code: string | undefined): boolean {
  return /ReceiptHandleIsInvalid|MessageNotInflight|InvalidParameterValue/.test(code ?? "");
}

function namedError(code: string | undefined, message: string | undefined): Error {
  return Object.assign(new Error(message ?? code ?? "refused"), { name: (code ?? "Refused").split(".").at(-1)! });
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import("@aws-sdk/client-sqs");
  } catch (error) {
    throw driverMissing("sqs", "@aws-sdk/client-sqs", error);
  }
}
