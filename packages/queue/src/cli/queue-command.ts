// bk-queue: looking after a queue from a shell.

import { parseArgs } from "node:util";

import { QueueError } from "../errors.js";
import type { DeadChoice } from "../queue/dead.js";
import { openQueue } from "../queue/open-queue.js";
import type { Queue } from "../queue/queue.js";

/** Where a command writes, and what it is told. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

const usage = `usage: bk-queue COMMAND URL [--name=NAME] [--option=KEY=VALUE …]
  stats                     how many messages wait, are delayed, run and are dead
  list [--count=N] [--start=NEXT]   dead messages, one a line as JSON
  retry ID … | --all        lets dead messages be tried again
  purge ID … | --all        removes dead messages
  purge --waiting           removes messages that wait or are delayed
  submit JSON … [--delay=MS] [--priority=N] [--group=KEY] [--dedupe=KEY] [--max-attempts=N]
  wait                      waits until nothing waits, is delayed or runs
URL: local: redis: redis-cluster: redis-sentinel: db:… ; the name of the queue is "default" unless given
`;

const options = {
  name: { type: "string" },
  option: { type: "string", multiple: true },
  count: { type: "string" },
  start: { type: "string" },
  all: { type: "boolean" },
  waiting: { type: "boolean" },
  delay: { type: "string" },
  priority: { type: "string" },
  group: { type: "string" },
  dedupe: { type: "string" },
  "max-attempts": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}

/** @returns the exit code: 0, 1 when the command failed, 2 when it was not understood */
export async function runQueueCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    terminal.stderr.write(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const [command, url, ...rest] = positionals;
  if (values.help === true) {
    terminal.stdout.write(usage);
    return 0;
  }
  const run = command !== undefined && Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (run === undefined || url === undefined) {
    terminal.stderr.write(usage);
    return 2;
  }
  let queue: Queue | undefined;
  try {
    const settings = Object.fromEntries((values.option ?? []).map(keyAndValue));
    queue = await openQueue(url, { ...(values.name === undefined ? {} : { name: values.name }), options: settings });
    await run(queue, rest, values, terminal);
    return 0;
  } catch (error) {
    // The message of an error has neither payloads nor secrets; a stack is of no use here.
    terminal.stderr.write(`bk-queue: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof QueueError && error.code === "invalid" ? 2 : 1;
  } finally {
    await queue?.close();
  }
}

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new QueueError("invalid", "an --option is KEY=VALUE");
  return [text.slice(0, at), text.slice(at + 1)];
}

function numberOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new QueueError("invalid", `--${name} must be a number`);
  return Number(text);
}

function chosen(ids: readonly string[], { all }: Values): DeadChoice {
  if (all === true && ids.length === 0) return { all: true };
  if (all !== true && ids.length > 0) return ids;
  throw new QueueError("invalid", "give ids, or --all");
}

type Command = (queue: Queue, rest: readonly string[], values: Values, terminal: Terminal) => Promise<void>;

const commands: Readonly<Record<string, Command>> = {
  async stats(queue, _rest, _values, { stdout }) {
    stdout.write(`${JSON.stringify(await queue.stats())}\n`);
  },
  async list(queue, _rest, { count, start }, { stdout, stderr }) {
    const page = await queue.dead.list({ count: numberOf(count, "count") ?? 50, ...(start === undefined ? {} : { start }) });
    for (const row of page.rows) stdout.write(`${JSON.stringify(row)}\n`);
    if (page.next !== undefined) stderr.write(`more: --start='${page.next}'\n`);
  },
  async retry(queue, ids, values, { stdout }) {
    stdout.write(`${await queue.dead.retry(chosen(ids, values))}\n`);
  },
  async purge(queue, ids, values, { stdout }) {
    const count = values.waiting === true ? await queue.purge() : await queue.dead.purge(chosen(ids, values));
    stdout.write(`${count}\n`);
  },
  async submit(queue, texts, values, { stdout }) {
    if (texts.length === 0) throw new QueueError("invalid", "submit needs a message as JSON");
    const messages = texts.map(jsonOf);
    const items = messages.map((message) => ({
      message,
      delayMs: numberOf(values.delay, "delay"),
      priority: numberOf(values.priority, "priority"),
      maxAttempts: numberOf(values["max-attempts"], "max-attempts"),
      groupKey: values.group,
      dedupeKey: values.dedupe,
    }));
    for (const { id, duplicate } of await queue.submitMany(items)) stdout.write(duplicate ? `${id} duplicate\n` : `${id}\n`);
  },
  async wait(queue, _rest, _values, terminal) {
    const over = new AbortController();
    const showing = show(queue, terminal, over.signal);
    try {
      await queue.idle();
    } finally {
      over.abort();
      await showing;
    }
  },
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new QueueError("invalid", "a message must be JSON", { cause: error });
  }
}

const barWidth = 30;
const showEveryMs = 200;

/** A bar on a terminal: how much of the most that there was is gone. */
async function show(queue: Queue, { stdout }: Terminal, over: AbortSignal): Promise<void> {
  if (stdout.isTTY !== true) return;
  let most = 0;
  while (!over.aborted) {
    const { waiting = 0, delayed = 0, running = 0 } = await queue.stats();
    const left = waiting + delayed + running;
    most = Math.max(most, left);
    const done = most === 0 ? barWidth : Math.round((barWidth * (most - left)) / most);
    stdout.write(`\r[${"#".repeat(done)}${".".repeat(barWidth - done)}] ${left} left   `);
    await new Promise((resolve) => setTimeout(resolve, showEveryMs));
  }
  stdout.write("\n");
}
