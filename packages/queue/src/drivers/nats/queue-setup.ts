// What a queue needs on the server: three streams and a consumer, made when they are missing.

import type { ConsumerConfig, JetStreamManager, StreamConfig } from "@nats-io/jetstream";

import type { QueueNames } from "./queue-options.js";

const consumer = "workers";

/** Makes the streams that are missing; ten processes may do it at once. */
export async function makeStreams(manager: JetStreamManager, names: QueueNames, replicas: number): Promise<void> {
  const common = { storage: "file", num_replicas: replicas, allow_direct: true } as const;
  const streams: (Partial<StreamConfig> & { name: string })[] = [
    // A message is gone when it is acknowledged.
    { ...common, name: names.stream, subjects: [names.subject], retention: "workqueue", duplicate_window: 120e9 },
    { ...common, name: names.deadStream, subjects: [`${names.deadSubjects}.>`], max_msgs_per_subject: 1 },
    { ...common, name: names.notesStream, subjects: [`${names.notesSubjects}.>`], max_msgs_per_subject: 1 },
  ];
  for (const config of streams) {
    if (await exists(() => manager.streams.info(config.name))) continue;
    try {
      await manager.streams.add(config);
    } catch (error) {
      // Another process has made it meanwhile, perhaps with other settings of its own.
      if (!(await exists(() => manager.streams.info(config.name)))) throw error;
    }
  }
}

/** The consumer that all pull from. Messages come back after the longest visibility timeout that anybody has asked for. */
export class Workers {
  readonly #manager: JetStreamManager;
  readonly #names: QueueNames;
  #ackWaitMs = 0;
  #growing: Promise<void> | undefined;

  constructor(manager: JetStreamManager, names: QueueNames) {
    this.#manager = manager;
    this.#names = names;
  }

  get pullSubject(): string {
    return `$JS.API.CONSUMER.MSG.NEXT.${this.#names.stream}.${consumer}`;
  }

  /** Undefined when the server waits at least that long. */
  allow(visibilityMs: number): Promise<void> | undefined {
    if (visibilityMs <= this.#ackWaitMs) return undefined;
    this.#growing ??= this.#grow(visibilityMs).finally(() => (this.#growing = undefined));
    return this.#growing.then(() => this.allow(visibilityMs));
  }

  /** What the server does now: another process may have made it wait longer. */
  async refresh(): Promise<number> {
    const { config } = await this.#manager.consumers.info(this.#names.stream, consumer);
    return (this.#ackWaitMs = (config.ack_wait ?? 0) / 1e6);
  }

  async counts(): Promise<{ readonly waiting: number; readonly running: number }> {
    const { stream } = this.#names;
    try {
      const { num_pending: waiting, num_ack_pending: running } = await this.#manager.consumers.info(stream, consumer);
      return { waiting, running };
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Nobody has taken anything yet.
      return { waiting: (await this.#manager.streams.info(stream)).state.messages, running: 0 };
    }
  }

  async #grow(visibilityMs: number): Promise<void> {
    const { stream } = this.#names;
    let known: ConsumerConfig | undefined;
    try {
      known = (await this.#manager.consumers.info(stream, consumer)).config;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const knownMs = (known?.ack_wait ?? 0) / 1e6;
    if (known !== undefined && knownMs >= visibilityMs) return void (this.#ackWaitMs = knownMs);
    const wanted = { ack_wait: visibilityMs * 1e6 };
    if (known !== undefined) await this.#manager.consumers.update(stream, consumer, wanted);
    else {
      const config = { durable_name: consumer, ack_policy: "explicit", max_deliver: -1, max_ack_pending: -1, max_waiting: 10_000 } as const;
      await this.#manager.consumers.add(stream, { ...config, ...wanted });
    }
    this.#ackWaitMs = visibilityMs;
  }
}

/** Whether an error says that there is no such stream, consumer or message. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /^(?:StreamNotFoundError|ConsumerNotFoundError)$/.test(error.name) || /no message found|not found/i.test(error.message);
}

async function exists(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
