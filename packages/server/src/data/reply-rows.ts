// Rows on their way into a reply: made JSON one by one, and counted, so that a reply too large is refused before it fills
// the memory.

import { replyTooLarge } from "../error-response.js";

/** JSON that is made already. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Rows that are read at once before it is known how large they are. */
const firstRows = 50;

export class ReplyRows {
  readonly #maxBytes: number;
  readonly #first: number;
  readonly #texts: string[] = [];
  readonly #highlights: string[] = [];
  #bytes = 0;
  #largest = 1;

  /** @param rowsInOne  rows that one row of the reply may hold, itself among them */
  constructor(maxBytes: number, rowsInOne = 1) {
    this.#maxBytes = maxBytes;
    this.#first = Math.max(1, Math.floor(firstRows / rowsInOne));
  }

  /**
   * @param highlights  what stands beside the rows of a search
   * @throws HttpError 413 when the rows are larger together than a reply may be
   */
  add(row: object, highlights?: object): void {
    if (highlights !== undefined) {
      const text = JSON.stringify(highlights);
      this.#highlights.push(text);
      this.#bytes += Buffer.byteLength(text) + 1;
    }
    this.addWritten(row);
    if (this.isFull) throw replyTooLarge(this.#maxBytes);
  }

  /** Adds what cannot be refused, for it was done. */
  addWritten(result: object): void {
    const text = JSON.stringify(result);
    const bytes = Buffer.byteLength(text) + 1;
    this.#texts.push(text);
    this.#bytes += bytes;
    if (bytes > this.#largest) this.#largest = bytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** How many of `wanted` rows more may be read at once: so many as would fit, were they all as the largest one so far. */
  atOnce(wanted: number): number {
    if (this.#texts.length === 0) return Math.min(wanted, this.#first);
    return Math.max(1, Math.min(wanted, Math.floor((this.#maxBytes - this.#bytes) / this.#largest)));
  }

  /** `{ count, data, highlights?, next_token? }` */
  page(next: string | undefined): JsonText {
    const token = next === undefined ? "" : `,"next_token":${JSON.stringify(next)}`;
    const highlights = this.#highlights.length === 0 ? "" : `,"highlights":[${this.#highlights.join(",")}]`;
    return new JsonText(`{"count":${this.#texts.length},"data":[${this.#texts.join(",")}]${highlights}${token}}`);
  }
}
