// A file of events: what is submitted is added to it, one JSON text a line. Nothing is taken from it here; others read the file.

import { appendFile, open, rename, stat } from "node:fs/promises";

import { integer, parseConnectUrl, readOptions } from "@bk/core";

import { unsupported, wrongOption } from "../../errors.js";
import type { Classified } from "../../errors.js";
import { letterOf } from "../../queue/envelope.js";
import type { NewMessage, QueueCapabilities, QueueDriver, QueueDriverOptions, Submitted } from "../../queue/driver.js";

export const jsonQueueCapabilities: QueueCapabilities = Object.freeze({
  durable: "host",
  reach: "host",
  visibility: "timeout",
  delay: false,
  priorities: false,
  groups: false,
  dedupe: "none",
  dead: false,
  stats: [] as const,
  remove: false,
  purge: false,
  transactions: false,
  most: { submit: 1000, take: 0, settle: 0 },
});

const types = { count: integer({ min: 1 }), size: integer({ min: 1 }) };

/** What is known of the file that is written now. */
interface File {
  lines: number;
  bytes: number;
}

/** `json:path/of/events.jsonl?count=100000&size=10000000`; the file is made with the first message. */
export async function jsonQueue({ url, options, queue, clock }: QueueDriverOptions): Promise<QueueDriver> {
  const parsed = parseConnectUrl(url);
  const wrong = wrongOption("json");
  const { count = Infinity, size = Infinity } = readOptions({ ...parsed.options, ...options }, types, wrong);
  const { path } = parsed;
  if (path === undefined || path === "" || parsed.hosts.length > 0)
    throw wrong("url", "the URL needs the path of a file, as json:events.jsonl or json:/var/log/events.jsonl");
  /** One batch after the other: lines are never mixed. */
  let turn: Promise<unknown> = Promise.resolve();
  let lines: number | undefined;

  async function current(): Promise<File> {
    const bytes = await stat(path!).then(
      (found) => found.size,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return 0;
        throw error;
      },
    );
    // Counted once; what this process adds is added to it.
    if (bytes === 0) lines = 0;
    else if (count !== Infinity) lines ??= await linesOf(path!);
    return { lines: lines ?? 0, bytes };
  }

  async function write(messages: readonly NewMessage[]): Promise<void> {
    const time = new Date(clock.now()).toISOString();
    const texts = messages.map(({ id, body }) => `${JSON.stringify({ id, queue, time, data: letterOf(body)?.data })}\n`);
    for (let from = 0; from < texts.length;) {
      let file = await current();
      if (file.lines >= count || file.bytes >= size) {
        await rename(path!, await freeName(path!, clock.now()));
        file = { lines: 0, bytes: 0 };
      }
      let to = from;
      let bytes = 0;
      // At least one: a line is never longer than a file may be.
      while (to < texts.length && file.lines + to - from < count && (to === from || file.bytes + bytes < size))
        bytes += Buffer.byteLength(texts[to++]!);
      await appendFile(path!, texts.slice(from, to).join(""), { flush: true });
      lines = file.lines + to - from;
      from = to;
    }
  }

  return {
    name: "json",
    capabilities: jsonQueueCapabilities,
    async submit(messages) {
      const written = turn.then(() => write(messages));
      turn = written.catch(() => undefined);
      await written;
      return messages.map(({ id }): Submitted => ({ id, duplicate: false }));
    },
    take: () => Promise.reject(unsupported("json has no consumers; read the file", { driver: "json", op: "take" })),
    extend: async (taken) => taken.map(() => false),
    settle: async (settlements) => settlements.map(() => false),
    stats: async () => ({}),
    classify,
    async close() {
      await turn;
    },
  };
}

async function linesOf(path: string): Promise<number> {
  const file = await open(path);
  let lines = 0;
  for await (const _line of file.readLines()) lines++;
  return lines;
}

/** Where a full file goes: its name, and when it was full. */
async function freeName(path: string, now: number): Promise<string> {
  for (let at = now; ; at++) {
    const name = `${path}.${at}`;
    const isTaken = await stat(name).then(
      () => true,
      () => false,
    );
    if (!isTaken) return name;
  }
}

const unavailable: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EIO"]);

function classify(error: unknown): Classified | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") return { code: "denied", message: "the file may not be written" };
  if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR")
    return { code: "not-found", message: "there is no folder for the file" };
  // A part of the lines may have been written.
  if (code !== undefined && unavailable.has(code))
    return { code: "unavailable", outcome: "unknown", message: `the file cannot be written (${code})` };
  return undefined;
}
