// One ringbuffer for all channels, and the one reader that each process has of it.

import type { Ringbuffer } from "hazelcast-client";

import type { Payload, Sink } from "../../pubsub/driver.js";
import type { HazelcastClient, HazelcastLink } from "./connection.js";

/** Bytes that one read brings, about; one message may have more. */
const bytesAtOnce = 4 * 1024 * 1024;
const mostAtOnce = 1000;
/** The longest pause after a read that failed though the cluster is there. */
const longestRestMs = 1000;

/** A subscription, and the first of the ringbuffer that is meant for it. */
interface Member {
  readonly sink: Sink;
  from: number;
}

/** A message as it lies there: the length of the channel's name in two bytes, the name, the payload. */
export function itemOf(channel: string, payload: Payload): Buffer {
  const nameBytes = Buffer.byteLength(channel);
  const bytes = typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength;
  const item = Buffer.allocUnsafe(2 + nameBytes + bytes);
  item.writeUInt16BE(nameBytes, 0);
  item.write(channel, 2, "utf8");
  if (typeof payload === "string") item.write(payload, 2 + nameBytes, "utf8");
  else item.set(payload, 2 + nameBytes);
  return item;
}

/** Undefined for what another program has put there. */
function readItem(item: unknown): { readonly channel: string; readonly payload: Uint8Array } | undefined {
  if (!Buffer.isBuffer(item) || item.length < 2) return undefined;
  const end = 2 + item.readUInt16BE(0);
  return end > item.length ? undefined : { channel: item.toString("utf8", 2, end), payload: item.subarray(end) };
}

export class Ring {
  readonly #name: string;
  readonly #isConnected: () => boolean;
  readonly #byChannel = new Map<string, Set<Member>>();
  /** Those of a pattern get all; the facade drops what they do not mean. */
  readonly #wild = new Set<Member>();
  #ring: Ringbuffer<Buffer> | undefined;
  /** What is read next; undefined while nothing is. */
  #at: number | undefined;
  /** Grows with each connection: a read of an older one has nothing to say. */
  #epoch = 0;
  #count = 16;

  constructor(name: string, isConnected: () => boolean) {
    this.#name = name;
    this.#isConnected = isConnected;
  }

  get ring(): Ringbuffer<Buffer> {
    return this.#ring!;
  }

  get hasMembers(): boolean {
    return this.#byChannel.size > 0 || this.#wild.size > 0;
  }

  async prepare(client: HazelcastClient, link: HazelcastLink): Promise<void> {
    this.#ring = link.guarded(await client.getRingbuffer<Buffer>(this.#name), client);
    if (this.#at !== undefined) await this.#findPlace();
  }

  /** Goes on after a loss. */
  connected(): void {
    this.#epoch++;
    if (!this.hasMembers) this.#at = undefined;
    if (this.#at === undefined) return;
    this.#missed();
    void this.#read(this.#epoch);
  }

  /** @returns what ends it */
  async add(channel: string | undefined, sink: Sink): Promise<() => void> {
    const from = (await this.ring.tailSequence()).toNumber() + 1;
    const member: Member = { sink, from };
    const members = channel === undefined ? this.#wild : (this.#byChannel.get(channel) ?? new Set<Member>());
    members.add(member);
    if (channel !== undefined) this.#byChannel.set(channel, members);
    if (this.#at === undefined) {
      this.#at = from;
      void this.#read(this.#epoch);
    }
    return () => {
      if (members.delete(member) && members.size === 0 && channel !== undefined && this.#byChannel.get(channel) === members)
        this.#byChannel.delete(channel);
    };
  }

  *#members(): Generator<Member> {
    yield* this.#wild;
    for (const members of this.#byChannel.values()) yield* members;
  }

  #missed(): void {
    for (const { sink } of this.#members()) sink.missed();
  }

  /** A cluster that was started anew counts from the beginning, and a backup that took over may lack the last ones. */
  async #findPlace(): Promise<void> {
    const next = (await this.ring.tailSequence()).toNumber() + 1;
    if (this.#at === undefined || next >= this.#at) return;
    this.#at = next;
    for (const member of this.#members()) member.from = Math.min(member.from, next);
  }

  /** Reads as long as there are members. */
  async #read(epoch: number): Promise<void> {
    for (let failures = 0; ;) {
      try {
        const at = this.#at!;
        const result = await this.ring.readMany(at, 1, this.#count);
        if (epoch !== this.#epoch) return;
        failures = 0;
        const next = result.getNextSequenceToReadFrom().toNumber();
        // It was overwritten before it was read.
        if (next - result.getReadCount() > at) this.#missed();
        this.#at = this.hasMembers ? next : undefined;
        let bytes = 0;
        for (let index = 0; index < result.size(); index++) bytes += this.#deliver(result.get(index), next - result.size() + index);
        // Twice as many as fit, and no more than twice as many as now: large ones may follow.
        const fit = Math.ceil(bytesAtOnce / Math.max(1, bytes / result.size()));
        this.#count = Math.min(mostAtOnce, fit, 2 * this.#count);
        if (this.#at === undefined) return;
      } catch {
        if (epoch !== this.#epoch) return;
        // Away: it goes on when it is back.
        if (!this.#isConnected()) return;
        await new Promise((resolve) => setTimeout(resolve, Math.min(longestRestMs, 20 * 2 ** Math.min(failures++, 10))));
        if (epoch !== this.#epoch || !this.#isConnected()) return;
        await this.#findPlace().catch(() => undefined);
        if (epoch !== this.#epoch) return;
        this.#missed();
      }
    }
  }

  #deliver(item: Buffer, sequence: number): number {
    const message = readItem(item);
    if (message === undefined) return 0;
    const { channel, payload } = message;
    for (const { sink, from } of this.#wild) if (sequence >= from) sink.deliver(channel, payload);
    const members = this.#byChannel.get(channel);
    if (members !== undefined) for (const { sink, from } of members) if (sequence >= from) sink.deliver(channel, payload);
    return item.length;
  }
}
