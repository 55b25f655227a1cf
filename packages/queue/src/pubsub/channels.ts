// Names of channels, and patterns over them, alike on every engine.

import { invalid } from "../errors.js";

/** RabbitMQ takes no longer ones. */
const maxBytes = 255;

const rules = `parts with dots between them, without spaces, control characters, "*" and ">", not beginning with "$", at most ${maxBytes} bytes`;

/**
 * Checks a channel that is published to.
 *
 * A channel is a text of parts with dots between them. Spaces and control characters would end it on NATS, `*` and `>` are of
 * patterns, and what begins with `$` is NATS's own.
 *
 * @throws QueueError `invalid`
 */
export function checkChannel(channel: unknown, op: string): asserts channel is string {
  if (typeof channel !== "string" || !isName(channel) || /[*>]/.test(channel)) throw invalid(`${op}: a channel has ${rules}`);
}

/** What a subscription listens to. */
export interface Pattern {
  readonly text: string;
  /** Whether it stands for more than one channel. */
  readonly isWild: boolean;
  matches(channel: string): boolean;
}

/**
 * Reads a channel or a pattern: a part that is `*` stands for any one part, a last part that is `>` for one or more.
 *
 * @throws QueueError `invalid`
 */
export function readPattern(text: unknown, op: string): Pattern {
  if (typeof text !== "string" || !isName(text))
    throw invalid(`${op}: a channel has ${rules}; of a pattern, parts may be "*" and the last ">"`);
  const parts = text.split(".");
  const last = parts.length - 1;
  const isBroken = (part: string, at: number): boolean => /[*>]/.test(part) && part !== "*" && !(part === ">" && at === last);
  if (parts.some(isBroken)) throw invalid(`${op}: "*" stands for a whole part of a channel, ">" for its last parts`);
  return new ReadPattern(text, /[*>]/.test(text) ? parts : undefined);
}

/** Many are kept: each is no more than its text, unless it is wild. */
class ReadPattern implements Pattern {
  readonly text: string;
  readonly #parts: readonly string[] | undefined;

  constructor(text: string, parts: readonly string[] | undefined) {
    [this.text, this.#parts] = [text, parts];
  }

  get isWild(): boolean {
    return this.#parts !== undefined;
  }

  matches(channel: string): boolean {
    return this.#parts === undefined ? channel === this.text : matches(this.#parts, channel.split("."));
  }
}

function matches(pattern: readonly string[], channel: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === ">";
  if (isOpen ? channel.length < pattern.length : channel.length !== pattern.length) return false;
  const fixed = isOpen ? pattern.slice(0, -1) : pattern;
  return fixed.every((part, at) => part === "*" || part === channel[at]);
}

function isName(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- these are what is refused
  return text.isWellFormed() && !/^$|^\$|^\.|\.\.|\.$|[\s\u0000-\u001f\u007f]/u.test(text) && Buffer.byteLength(text) <= maxBytes;
}
