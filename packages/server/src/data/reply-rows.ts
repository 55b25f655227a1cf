// Rows on their way into a reply: made JSON one by one, and counted, so that a reply too large is refused before it fills
// the memory.

import { replyTooLarge } from "../error-response.js";

/** A reply that is text already: JSON, where it has no headers of its own. */
export class ReplyText {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(text: string, headers?: Readonly<Record<string, string>>) {
    this.text = text;
    this.headers = headers;
  }
}

/** How rows are written where they are not a page in JSON. */
export interface RowForm {
  row(row: object): string;
  page(rows: readonly string[], next: string | undefined): ReplyText;
}

/** Rows that are read at once before it is known how large they are. */
const firstRows = 50;

/** Changes rows in place before they are written. */
export type ChangeRows = (rows: readonly object[]) => Promise<void>;

export class ReplyRows {
  readonly #maxBytes: number;
  readonly #change: ChangeRows | undefined;
  /** The rows themselves, where they are changed. */
  readonly #rows: object[] = [];
  readonly #first: number;
  readonly #form: RowForm | undefined;
  readonly #texts: string[] = [];
  readonly #highlights: string[] = [];
  #bytes = 0;
  #largest = 1;

  /**
   * @param rowsInOne  rows that one row of the reply may hold, itself among them
   * @param change  what becomes of the rows when all are there
   */
  constructor(maxBytes: number, rowsInOne = 1, form?: RowForm, change?: ChangeRows) {
    this.#maxBytes = maxBytes;
    this.#change = change;
    this.#form = form;
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
    const text = this.#textOf(result);
    const bytes = Buffer.byteLength(text) + 1;
    this.#texts.push(text);
    if (this.#change !== undefined) this.#rows.push(result);
    this.#bytes += bytes;
    if (bytes > this.#largest) this.#largest = bytes;
  }

  #textOf(row: object): string {
    return this.#form === undefined ? JSON.stringify(row) : this.#form.row(row);
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
  async page(next: string | undefined): Promise<ReplyText> {
    let texts: readonly string[] = this.#texts;
    if (this.#change !== undefined) {
      await this.#change(this.#rows);
      texts = this.#rows.map((row) => this.#textOf(row));
    }
    if (this.#form !== undefined) return this.#form.page(texts, next);
    const token = next === undefined ? "" : `,"next_token":${JSON.stringify(next)}`;
    const highlights = this.#highlights.length === 0 ? "" : `,"highlights":[${this.#highlights.join(",")}]`;
    return new ReplyText(`{"count":${texts.length},"data":[${texts.join(",")}]${highlights}${token}}`);
  }
}
