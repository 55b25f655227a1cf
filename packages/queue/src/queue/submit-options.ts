import type { Limits } from "../common/limits.js";
import { checkLimits } from "../common/limits.js";
import { invalid } from "../errors.js";
import type { NewMessage, QueueCapabilities } from "./driver.js";
import { type Header, plainHeader } from "./envelope.js";
import type { Engine } from "./engine.js";

export interface MessageOptions {
  /** Milliseconds until it may be taken; default 0. */
  readonly delayMs?: number | undefined;
  /** It may not be taken before; a Date or milliseconds since 1970. Not with `delayMs`. */
  readonly startTime?: Date | number | undefined;
  /** It is dropped when no handler has begun with it by then; a Date or milliseconds since 1970. */
  readonly endTime?: Date | number | undefined;
  /** While an equal message of this key waits, is delayed or runs, it is not added, and that one's id is the reply; 1 to 128 letters, digits and punctuation of ASCII, without spaces. */
  readonly dedupeKey?: string | undefined;
  /** Messages of one group are handled in the order in which they were submitted, one at a time; as `dedupeKey`. */
  readonly groupKey?: string | undefined;
  /** 0 to 9; those of a higher one are taken first; default 0. */
  readonly priority?: number | undefined;
  /** Most attempts; 0: no limit. Default: that of the consumer. */
  readonly maxAttempts?: number | undefined;
  /** Removed from the queue before it is run: a crash or an error loses it, and nothing runs it twice. */
  readonly atMostOnce?: boolean | undefined;
}

export interface SubmitOptions extends MessageOptions, Limits {}

const names: ReadonlySet<string> = new Set([
  "delayMs",
  "startTime",
  "endTime",
  "dedupeKey",
  "groupKey",
  "priority",
  "maxAttempts",
  "atMostOnce",
  "signal",
  "timeoutMs",
]);

/** Longest delay, 100 years: beyond it a number is a mistake. */
const maxDelayMs = 100 * 366 * 86_400_000;
const maxPriority = 9;

/** A message but for its id and payload. */
export interface Options extends Pick<NewMessage, "delayMs" | "priority" | "groupKey" | "dedupeKey"> {
  readonly header: Header;
}

const plain: Options = Object.freeze({ delayMs: 0, priority: 0, groupKey: undefined, dedupeKey: undefined, header: plainHeader });

/**
 * Checks the options of a message.
 *
 * @throws QueueError `invalid` naming the option; `unsupported` for what the driver does not claim
 */
export function messageOptions(options: SubmitOptions | undefined, engine: Engine): Options {
  if (options === undefined) return plain;
  for (const name in options)
    if (!names.has(name)) throw invalid(`submit: unknown option "${name.slice(0, 60)}"; there are ${[...names].join(", ")}`);
  checkLimits(options, "submit");
  const { priority = 0, groupKey, dedupeKey, atMostOnce = false, maxAttempts } = options;
  checkInteger("priority", priority, maxPriority);
  if (maxAttempts !== undefined) checkInteger("maxAttempts", maxAttempts, 2 ** 31 - 1);
  if (typeof atMostOnce !== "boolean") throw invalid("submit: atMostOnce must be true or false");
  checkKey("groupKey", groupKey);
  checkKey("dedupeKey", dedupeKey);
  const now = engine.options.clock.now();
  const delayMs = delayOf(options, now);
  const endTime = timeOf("endTime", options.endTime);
  const { capabilities } = engine.driver;
  const need = (capability: keyof QueueCapabilities, has: boolean, wayOut: string): void => engine.need(capability, has, "submit", wayOut);
  if (delayMs > 0) need("delay", capabilities.delay, "submit it later");
  if (priority > 0) need("priorities", capabilities.priorities, "use a queue for each priority");
  if (groupKey !== undefined) need("groups", capabilities.groups, "use a queue with one consumer");
  if (dedupeKey !== undefined) need("dedupe", capabilities.dedupe !== "none", "let the handler look whether the work is done");
  return {
    delayMs,
    priority,
    groupKey,
    dedupeKey,
    header:
      maxAttempts === undefined && endTime === undefined && !atMostOnce
        ? plainHeader
        : {
            ...(maxAttempts === undefined ? {} : { maxAttempts }),
            ...(endTime === undefined ? {} : { endTime }),
            ...(atMostOnce ? { atMostOnce } : {}),
          },
  };
}

function delayOf({ delayMs, startTime }: MessageOptions, now: number): number {
  if (delayMs !== undefined) {
    if (startTime !== undefined) throw invalid("submit: give one of delayMs and startTime");
    checkInteger("delayMs", delayMs, maxDelayMs);
    return delayMs;
  }
  const start = timeOf("startTime", startTime);
  return start === undefined ? 0 : Math.min(Math.max(0, Math.ceil(start - now)), maxDelayMs);
}

function timeOf(name: string, time: Date | number | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = time instanceof Date ? time.getTime() : time;
  if (typeof ms !== "number" || !Number.isFinite(ms)) throw invalid(`submit: ${name} must be a Date, or milliseconds since 1970`);
  return ms;
}

function checkInteger(name: string, value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) throw invalid(`submit: ${name} must be an integer from 0 to ${max}`);
}

/** What every engine takes as a key: what SQS takes. */
function checkKey(name: string, key: string | undefined): void {
  if (key === undefined) return;
  if (typeof key !== "string" || !/^[\x21-\x7e]{1,128}$/.test(key))
    throw invalid(`submit: ${name} must have 1 to 128 letters, digits and punctuation of ASCII, without spaces`);
}
