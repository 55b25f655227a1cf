// Dead messages: a stream of their own, a subject for each, so that one that died twice is there once.

import type { JetStreamClient, JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type * as Core from "@nats-io/nats-core";

import type { DeadMessage, Which } from "../../queue/driver.js";
import type { QueueNames } from "./queue-options.js";
import { isMissing } from "./queue-setup.js";

export class DeadLetters {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #names: QueueNames;
  readonly #core: typeof Core;

  constructor(client: JetStreamClient, manager: JetStreamManager, names: QueueNames, core: typeof Core) {
    this.#client = client;
    this.#manager = manager;
    this.#names = names;
    this.#core = core;
  }

  async add({ id, body, error, attempts, lastTime }: DeadMessage): Promise<void> {
    const headers = this.#core.headers();
    headers.set("Bk-Dead", encodeURIComponent(JSON.stringify({ error: error.slice(0, 1000), attempts, lastTime })));
    await this.#client.publish(this.#subjectOf(id), body, { headers });
  }

  async count(): Promise<number> {
    return (await this.#manager.streams.info(this.#names.deadStream)).state.messages;
  }

  async list(count: number, start: string | undefined): Promise<{ rows: readonly DeadMessage[]; next?: string }> {
    const found: { readonly seq: number; readonly row: DeadMessage }[] = [];
    for await (const stored of this.#from(start === undefined ? 1 : Number(start) + 1)) {
      found.push({ seq: stored.seq, row: this.#rowOf(stored) });
      if (found.length > count) break;
    }
    const page = found.slice(0, count);
    return { rows: page.map(({ row }) => row), ...(found.length > count ? { next: String(page.at(-1)!.seq) } : {}) };
  }

  async retry(which: Which): Promise<number> {
    let count = 0;
    for await (const stored of this.#chosen(which)) {
      const { id, lastTime } = this.#rowOf(stored);
      const headers = this.#core.headers();
      headers.set("Bk-Id", id);
      // A crash before the next step lets it be retried again; within the server's window it is added once all the same.
      await this.#client.publish(this.#names.subject, stored.data, { headers, msgID: `bk-dead-${id}-${lastTime}` });
      if (await this.#remove(stored)) count++;
    }
    return count;
  }

  async purge(which: Which): Promise<number> {
    let count = 0;
    for await (const stored of this.#chosen(which)) if (await this.#remove(stored)) count++;
    return count;
  }

  async #remove({ seq }: StoredMsg): Promise<boolean> {
    try {
      return await this.#manager.streams.deleteMessage(this.#names.deadStream, seq, false);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async *#chosen(which: Which): AsyncGenerator<StoredMsg> {
    if (which === "all") return yield* this.#from(1);
    for (const id of which) {
      const stored = await this.#get({ last_by_subj: this.#subjectOf(id) });
      if (stored !== null) yield stored;
    }
  }

  /** Those that are there now, oldest first; those that die meanwhile are left for the next time. */
  async *#from(first: number): AsyncGenerator<StoredMsg> {
    const { state } = await this.#manager.streams.info(this.#names.deadStream);
    for (let seq = Math.max(first, state.first_seq); seq <= state.last_seq;) {
      const stored = await this.#get({ seq, next_by_subj: `${this.#names.deadSubjects}.>` });
      if (stored === null || stored.seq > state.last_seq) return;
      yield stored;
      seq = stored.seq + 1;
    }
  }

  async #get(query: object): Promise<StoredMsg | null> {
    try {
      return await this.#manager.direct.getMessage(this.#names.deadStream, query as { seq: number });
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  #rowOf({ subject, header, data }: StoredMsg): DeadMessage {
    const facts = JSON.parse(decodeURIComponent(header.get("Bk-Dead"))) as Pick<DeadMessage, "error" | "attempts" | "lastTime">;
    return { id: subject.slice(subject.lastIndexOf(".") + 1), body: new TextDecoder().decode(data), ...facts };
  }

  #subjectOf(id: string): string {
    return `${this.#names.deadSubjects}.${id}`;
  }
}
