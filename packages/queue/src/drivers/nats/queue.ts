// Work queues on NATS JetStream: a stream with work-queue retention, and one consumer that all pull from.

import type * as JetStream from "@nats-io/jetstream";
import type * as Core from "@nats-io/nats-core";

import { driverMissing } from "../../errors.js";
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
import { type NatsLink, openNats } from "./connection.js";
import { DeadLetters } from "./dead-letters.js";
import { classifyNats } from "./errors.js";
import { infoOf, pull } from "./pull.js";
import { natsQueueOptions, queueNames } from "./queue-options.js";
import { isMissing, makeStreams, Workers } from "./queue-setup.js";

const capabilities: QueueCapabilities = Object.freeze({
  durable: "broker",
  reach: "network",
  visibility: "timeout",
  delay: true,
  priorities: false,
  groups: false,
  dedupe: "window",
  dead: true,
  stats: ["waiting", "running", "dead"] as const,
  remove: false,
  purge: true,
  transactions: false,
  // What servers take in one message unless they are set otherwise, less the headers.
  bodyBytes: 1024 * 1024 - 4096,
  most: { submit: 1000, take: 500, settle: 1000 },
});

/** A message that this process has. */
interface NatsTaken extends Taken {
  readonly reply: string;
  readonly sequence: number;
  readonly deliveries: number;
  /** Whether deliveries that do not count have been noted. */
  readonly isNoted: boolean;
  /** Until when it is ours, by `performance.now()`. */
  until: number;
  /** Gives it back, where the server would wait longer. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The server and this process measure time apart. */
const skewMs = 50;
const ackTimeoutMs = 10_000;

/**
 * `nats://user:password@host1:4222,host2:4222`, `tls://…`, with JetStream.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function natsQueue(options: QueueDriverOptions): Promise<QueueDriver> {
  const settings = natsQueueOptions(options);
  const [jetstream, core] = await loadJetStream();
  const link = await openNats(settings, options);
  return new NatsQueue(link, jetstream, core, options, settings);
}

async function loadJetStream(): Promise<[typeof JetStream, typeof Core]> {
  try {
    return await Promise.all([import("@nats-io/jetstream"), import("@nats-io/nats-core")]);
  } catch (error) {
    throw driverMissing("nats", "@nats-io/jetstream", error);
  }
}

class NatsQueue implements QueueDriver {
  readonly name = "nats";
  readonly capabilities = capabilities;
  readonly #link: NatsLink;
  readonly #module: typeof JetStream;
  readonly #core: typeof Core;
  readonly #settings: ReturnType<typeof natsQueueOptions>;
  readonly #names: ReturnType<typeof queueNames>;
  readonly #taken = new Set<NatsTaken>();
  #made: Promise<void> | undefined;
  #parts:
    | {
        readonly client: JetStream.JetStreamClient;
        readonly manager: JetStream.JetStreamManager;
        readonly workers: Workers;
        readonly dead: DeadLetters;
      }
    | undefined;

  constructor(
    link: NatsLink,
    module: typeof JetStream,
    core: typeof Core,
    { queue }: QueueDriverOptions,
    settings: ReturnType<typeof natsQueueOptions>,
  ) {
    this.#link = link;
    this.#module = module;
    this.#core = core;
    this.#settings = settings;
    this.#names = queueNames(settings.prefix, queue);
  }

  ready(): Promise<void> | undefined {
    const ready = this.#link.ready();
    if (ready === undefined && this.#parts !== undefined) return undefined;
    return this.#prepare(ready);
  }

  async #prepare(ready: Promise<void> | undefined): Promise<void> {
    await ready;
    if (this.#parts !== undefined) return;
    this.#made ??= this.#make().finally(() => (this.#made = undefined));
    await this.#made;
  }

  async #make(): Promise<void> {
    const { connection } = this.#link;
    const manager = await this.#module.jetstreamManager(connection, { checkAPI: false, timeout: ackTimeoutMs });
    await makeStreams(manager, this.#names, this.#settings.replicas);
    const client = this.#module.jetstream(connection, { timeout: ackTimeoutMs });
    this.#parts = {
      client,
      manager,
      workers: new Workers(manager, this.#names),
      dead: new DeadLetters(client, manager, this.#names, this.#core),
    };
  }

  async submit(messages: readonly NewMessage[]): Promise<readonly Submitted[]> {
    return Promise.all(messages.map((message) => this.#submitOne(message)));
  }

  async #submitOne({ id, body, delayMs, dedupeKey }: NewMessage): Promise<Submitted> {
    const { client, manager } = this.#parts!;
    const headers = this.#core.headers();
    headers.set("Bk-Id", id);
    if (delayMs > 0) headers.set("Bk-Delay", String(Math.ceil(delayMs)));
    try {
      const msgID = dedupeKey === undefined ? {} : { msgID: dedupeKey };
      const { duplicate, seq } = await client.publish(this.#names.subject, body, { headers, retries: 1, ...msgID });
      if (!duplicate) return { id, duplicate: false };
      const first = await manager.streams.getMessage(this.#names.stream, { seq }).catch(missing);
      // It has ended, and its id with it.
      return { id: first?.header.get("Bk-Id") ?? id, duplicate: true };
    } catch (error) {
      return { error };
    }
  }

  async take({ count, visibilityMs, waitMs, signal }: TakeRequest): Promise<readonly Taken[]> {
    const until = performance.now() + waitMs;
    const { workers } = this.#parts!;
    await workers.allow(visibilityMs);
    for (let wait = false; ; wait = !wait) {
      const leftMs = Math.max(0, until - performance.now());
      if (signal.aborted || (wait && leftMs < 1)) return [];
      const since = performance.now();
      const inbox = this.#core.createInbox(this.#settings.inboxPrefix);
      const messages = await pull(this.#link, {
        subject: workers.pullSubject,
        inbox,
        count: wait ? 1 : count,
        waitMs: wait ? leftMs : 0,
        signal,
      });
      const taken = await Promise.all(messages.map((message) => this.#own(message, visibilityMs, wait ? performance.now() : since)));
      const due = taken.filter((each) => each !== undefined);
      if (due.length > 0) return due;
      // Those were not due; there may be others behind them.
      if (messages.length > 0) wait = true;
    }
  }

  /** Undefined for one that is not due yet. */
  async #own(message: Core.Msg, visibilityMs: number, since: number): Promise<NatsTaken | undefined> {
    const { deliveries, sequence, storedMs } = infoOf(message);
    const uncounted = deliveries === 1 ? 0 : await this.#notedOf(sequence);
    const delayMs = Number(message.headers?.get("Bk-Delay") ?? 0);
    const earlyMs = delayMs === 0 ? 0 : storedMs + delayMs - Date.now();
    if (earlyMs > 0) {
      await this.#note(sequence, uncounted + 1);
      this.#nak(message.reply!, earlyMs);
      return undefined;
    }
    const taken: NatsTaken = {
      id: idOf(message, sequence),
      body: message.string(),
      attempt: Math.max(1, deliveries - uncounted),
      reply: message.reply!,
      sequence,
      deliveries,
      isNoted: uncounted > 0,
      until: since + visibilityMs,
      timer: undefined,
    };
    this.#taken.add(taken);
    this.#watch(taken, visibilityMs);
    return taken;
  }

  /** The server waits as long as the longest timeout; what is to come back sooner is given back. */
  #watch(taken: NatsTaken, visibilityMs: number): void {
    clearTimeout(taken.timer);
    const leftMs = taken.until - performance.now();
    taken.timer = setTimeout(() => void this.#expired(taken, visibilityMs), Math.min(leftMs, 2 ** 31 - 1));
    taken.timer.unref();
  }

  async #expired(taken: NatsTaken, visibilityMs: number): Promise<void> {
    this.#forget(taken);
    try {
      // Where the server waits as long it has handed the message to another by now.
      if (visibilityMs + skewMs < (await this.#parts!.workers.refresh())) this.#nak(taken.reply, 0);
    } catch {
      // The server is away; it hands the message out again when it has waited long enough.
    }
  }

  #forget(taken: NatsTaken): boolean {
    clearTimeout(taken.timer);
    return this.#taken.delete(taken) && performance.now() < taken.until;
  }

  #nak(reply: string, delayMs: number): void {
    const { connection } = this.#link;
    if (!connection.isClosed()) connection.publish(reply, delayMs > 0 ? `-NAK {"delay":${Math.ceil(delayMs) * 1_000_000}}` : "-NAK");
  }

  async extend(taken: readonly Taken[], visibilityMs: number): Promise<readonly boolean[]> {
    await this.#parts!.workers.allow(visibilityMs);
    return Promise.all(
      (taken as readonly NatsTaken[]).map(async (each) => {
        if (!this.#taken.has(each) || performance.now() >= each.until) return false;
        const since = performance.now();
        await this.#acknowledge(each.reply, "+WPI");
        each.until = since + visibilityMs;
        this.#watch(each, visibilityMs);
        return true;
      }),
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return Promise.all(settlements.map((settlement) => this.#settleOne(settlement)));
  }

  async #settleOne({ taken: given, verdict }: Settlement): Promise<boolean> {
    const taken = given as NatsTaken;
    if (!this.#forget(taken)) return false;
    const { reply, sequence, deliveries, attempt, isNoted, id, body } = taken;
    if (verdict.kind === "retry") {
      if (!verdict.counts) await this.#note(sequence, deliveries - attempt + 1);
      await this.#acknowledge(reply, verdict.delayMs > 0 ? `-NAK {"delay":${Math.ceil(verdict.delayMs) * 1_000_000}}` : "-NAK");
      return true;
    }
    // First the one, then the other: a crash between them leaves the message twice, never none.
    if (verdict.kind === "dead") await this.#parts!.dead.add({ id, body, error: verdict.error, attempts: attempt, lastTime: Date.now() });
    await this.#acknowledge(reply, verdict.kind === "dead" ? "+TERM" : "+ACK");
    if (isNoted) await this.#unnote(sequence);
    return true;
  }

  /** The server's word that it has taken the acknowledgement. */
  async #acknowledge(reply: string, what: string): Promise<void> {
    await this.#link.connection.request(reply, what, { timeout: ackTimeoutMs });
  }

  async #notedOf(sequence: number): Promise<number> {
    const { manager } = this.#parts!;
    const note = await manager.streams
      .getMessage(this.#names.notesStream, { last_by_subj: `${this.#names.notesSubjects}.${sequence}` })
      .catch(missing);
    return note === null ? 0 : Number(note.string());
  }

  /** How many deliveries of a message do not count. */
  async #note(sequence: number, uncounted: number): Promise<void> {
    await this.#parts!.client.publish(`${this.#names.notesSubjects}.${sequence}`, String(uncounted));
  }

  async #unnote(sequence: number): Promise<void> {
    await this.#parts!.manager.streams.purge(this.#names.notesStream, { filter: `${this.#names.notesSubjects}.${sequence}` });
  }

  async stats(): Promise<{ waiting: number; running: number; dead: number }> {
    const { workers, dead } = this.#parts!;
    const [counts, deadCount] = await Promise.all([workers.counts(), dead.count()]);
    return { ...counts, dead: deadCount };
  }

  /** What nobody has had yet is taken and acknowledged, so that what runs goes on. */
  async purge(): Promise<number> {
    const { workers } = this.#parts!;
    await workers.allow(1000);
    const { signal } = new AbortController();
    for (let count = 0; ;) {
      const inbox = this.#core.createInbox(this.#settings.inboxPrefix);
      const messages = await pull(this.#link, { subject: workers.pullSubject, inbox, count: capabilities.most.take, waitMs: 0, signal });
      if (messages.length === 0) return count;
      await Promise.all(messages.map((message) => this.#acknowledge(message.reply!, "+ACK")));
      count += messages.length;
    }
  }

  get dead(): QueueDriver["dead"] & {} {
    const letters = (): DeadLetters => this.#parts!.dead;
    return {
      list: (count, start) => letters().list(count, start),
      retry: (which) => letters().retry(which),
      purge: (which) => letters().purge(which),
    };
  }

  classify(error: unknown): ReturnType<QueueDriver["classify"]> {
    if (error instanceof Error && error.name === "JetStreamNotEnabled")
      return { code: "unsupported", outcome: "none", message: "the server has no JetStream; start it with --jetstream" };
    return classifyNats(error);
  }

  async close(): Promise<void> {
    for (const taken of this.#taken) clearTimeout(taken.timer);
    this.#taken.clear();
    await this.#link.close();
  }
}

/** That of its submitter; of what others have sent, its place in the stream. */
function idOf(message: Core.Msg, sequence: number): string {
  const given = message.headers?.get("Bk-Id") ?? "";
  return /^[\w-]{1,100}$/.test(given) ? given : `s${sequence}`;
}

function missing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
