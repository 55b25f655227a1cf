// When a pattern is due. croner reads the patterns and knows the time zones; nothing here runs anything.

import { Cron as Pattern } from "croner";

import { invalid } from "../errors.js";

/** The times of a pattern, in milliseconds since 1970. */
export interface Schedule {
  /** The first time after `ms`; undefined where none comes any more. */
  next(ms: number): number | undefined;
  /** The last time at or before `ms`; undefined where there was none. */
  last(ms: number): number | undefined;
}

/**
 * Reads a pattern of six fields (second, minute, hour, day of month, month, day of week), of five (second 0), or a name such as `@daily`.
 *
 * Where clocks are put forward, a time that there is not is due when the gap ends; where they are put back, a time of the day that comes
 * twice is due once, and `*` goes on by the hour.
 *
 * @param what  names the entry in errors
 * @throws QueueError `invalid` for a pattern that cannot be read or is never due, and for an unknown time zone
 */
export function scheduleOf(pattern: unknown, timeZone: string, what: string): Schedule {
  if (typeof pattern !== "string") throw invalid(`${what}: cron must be a pattern such as "0 0 * * * *"`, { detail: { field: "cron" } });
  checkTimeZone(timeZone, what);
  let times: Pattern;
  try {
    times = new Pattern(pattern.trim(), { timezone: timeZone, mode: "5-or-6-parts", paused: true });
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, "").slice(0, 200);
    throw invalid(`${what}: the pattern ${JSON.stringify(pattern.slice(0, 60))} cannot be read: ${reason}`, { detail: { field: "cron" } });
  }
  // The year 2000 was a leap year on whose days everything that ever comes comes again.
  if (times.nextRun(new Date(Date.UTC(2000, 0, 1))) === null)
    throw invalid(`${what}: the pattern ${JSON.stringify(pattern.slice(0, 60))} is never due`, { detail: { field: "cron" } });
  return {
    next: (ms) => times.nextRun(new Date(ms))?.getTime(),
    last(ms) {
      // Those before a moment are asked of it: one that is just due counts.
      const [last] = times.previousRuns(1, new Date(Math.floor(ms / 1000) * 1000 + 1000));
      return last?.getTime();
    },
  };
}

function checkTimeZone(timeZone: unknown, what: string): void {
  try {
    if (typeof timeZone !== "string") throw new RangeError("not a text");
    new Intl.DateTimeFormat("en", { timeZone });
  } catch {
    // The only way to fail.
    throw invalid(`${what}: ${JSON.stringify(timeZone)?.slice(0, 60)} is no time zone; write one such as Europe/Rome or UTC`, {
      detail: { field: "timeZone" },
    });
  }
}
