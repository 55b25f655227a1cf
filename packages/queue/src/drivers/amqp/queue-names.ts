// What the queues of one work queue are called, and for how long messages are held back.

/** The parts of a work queue on the broker. */
export interface AmqpQueueNames {
  readonly main: string;
  readonly dead: string;
  /** Where messages wait for a time, one queue for each length of time. */
  delay(level: number): string;
}

// Names of queues have letters, digits and "_-."; the parts of one have a "+", which no name has.
export function amqpQueueNames(prefix: string, queue: string): AmqpQueueNames {
  const main = `${prefix}${queue}`;
  return { main, dead: `${main}+dead`, delay: (level) => `${main}+delay+${level}` };
}

/** As many lengths of time between one power of two and the next. */
const steps = 8;
const smallestMs = 8;
/** The longest that a broker holds a message back at once: a month. What is to wait longer is held back again. */
const longestMs = 31 * 86_400_000;

/** The length of time that is at least `delayMs` and at most an eighth more, as a number of its own; `levelCount` of them are enough. */
export function levelOf(delayMs: number): number {
  const ms = Math.min(longestMs, Math.max(smallestMs, Math.ceil(delayMs)));
  const power = Math.floor(Math.log2(ms / smallestMs));
  const base = smallestMs * 2 ** power;
  return power * steps + Math.ceil(((ms - base) * steps) / base);
}

/** How long a level holds messages back, in milliseconds. */
export function msOf(level: number): number {
  const base = smallestMs * 2 ** Math.floor(level / steps);
  return base + (base * (level % steps)) / steps;
}

/** One more than the last level. */
export const levelCount: number = levelOf(longestMs) + 1;
