// All rows of a table, for admins: JSON a line, read page by page as the client takes them.

import { forbidden } from "../error-response.js";
import { type Asked, ofToken, question, readOptions, show } from "./reads.js";
import type { Row, ServedDb } from "./served-db.js";

/** Rows that are read at once. */
const rowsAtOnce = 100;

export interface ScanOptions {
  /** Most rows of a reply; when there are more, a last line `{ "_next_token" }` says how it goes on. */
  readonly maxRows: number;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Told what breaks a reply off that has begun. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Streams rows. The first ones are read before this resolves, so that what is wrong with the call is an error reply.
 *
 * @throws HttpError 403 for others than admins
 */
export async function scanRows(db: ServedDb, asked: Asked, { maxRows, signal, onFault }: ScanOptions): Promise<ReadableStream<Uint8Array>> {
  const { table, caller, controls } = asked;
  if (!caller.isAdmin) throw forbidden("scan is for admins");
  const { read, filter, within } = question(asked);
  const calls = within(db);
  const left = new AbortController();
  const options = { ...readOptions(asked, read, controls), scan: true, signal: AbortSignal.any([signal, left.signal]) };
  let rowsLeft = maxRows;

  async function page(start: string | undefined): Promise<{ readonly text: string; readonly next: string | undefined }> {
    const count = Math.min(rowsAtOnce, rowsLeft);
    const { rows, next } = await calls
      .select(table.name, filter, { ...options, count, ...(start === undefined ? {} : { start }) })
      .catch((error: unknown) => {
        throw ofToken(error, start);
      });
    rowsLeft -= rows.length;
    const shown = rows.map((row) => show(asked, read, row)).filter((row): row is Row => row !== undefined);
    await asked.change?.(shown);
    const text = shown.map(lineOf).join("");
    if (next === undefined || rowsLeft > 0) return { text, next };
    // No column begins with an underscore.
    return { text: text + lineOf({ _next_token: next }), next: undefined };
  }

  let ready = await page(controls._start);
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          // A page may have no row that matches, and still go on.
          while (ready.text === "" && ready.next !== undefined) ready = await page(ready.next);
          if (ready.text !== "") controller.enqueue(encoder.encode(ready.text));
          if (ready.next === undefined) controller.close();
          else ready = { text: "", next: ready.next };
        } catch (error) {
          if (!options.signal.aborted) onFault(error);
          // The client sees that the reply is not whole.
          throw error;
        }
      },
      cancel: () => left.abort(),
    },
    { highWaterMark: 0 },
  );
}

const lineOf = (row: object): string => `${JSON.stringify(row)}\n`;
