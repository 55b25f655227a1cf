// Passes the bytes of a WebSocket on, knows where its frames end (RFC 6455, 5.2), and can put one in between that closes it.

import { Transform, type TransformCallback } from "node:stream";

/** A frame that closes, unmasked, with 1001: the server goes away. */
const goingAway = Buffer.from([0x88, 2, 0x03, 0xe9]);

export class FrameWatch extends Transform {
  /** Bytes that are missing of the payload of this frame. */
  #payload = 0;
  /** What has come of the head of the next one. */
  #head: number[] = [];
  #isAsked = false;
  #isClosed = false;

  /** Closes the socket for whoever reads, between two frames: as soon as the one that is on its way is complete. Nothing follows. */
  goAway(): void {
    this.#isAsked = true;
    if (this.#isBetween && !this.#isClosed) this.#close();
  }

  get #isBetween(): boolean {
    return this.#payload === 0 && this.#head.length === 0;
  }

  #close(): void {
    this.#isClosed = true;
    this.push(goingAway);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0;
    while (at < chunk.length && !this.#isClosed) {
      if (this.#payload > 0) {
        const taken = Math.min(this.#payload, chunk.length - at);
        this.#payload -= taken;
        at += taken;
      } else {
        this.#head.push(chunk[at++]!);
        const size = sizeOf(this.#head);
        if (size === undefined) continue;
        this.#payload = size;
        this.#head = [];
      }
      if (this.#isAsked && this.#isBetween) {
        this.push(chunk.subarray(0, at));
        this.#close();
      }
    }
    // What comes after the end is nobody's.
    if (this.#isClosed) done();
    else done(null, chunk);
  }
}

/** The size of a payload; undefined while the head is not complete. */
function sizeOf(head: readonly number[]): number | undefined {
  const [, second] = head;
  if (second === undefined) return undefined;
  const length = second & 0x7f;
  const extra = length === 127 ? 8 : length === 126 ? 2 : 0;
  // Servers do not mask; one that does has four bytes more.
  const mask = second & 0x80 ? 4 : 0;
  if (head.length < 2 + extra + mask) return undefined;
  return extra === 0 ? length : head.slice(2, 2 + extra).reduce((size, byte) => size * 256 + byte, 0);
}
