// Opening a schedule.

import { type Clock, type Log, silentLog, systemClock } from "@bk/core";

import { checkName } from "../common/names.js";
import { invalid } from "../errors.js";
import { type Claims, processClaims } from "./claims.js";
import { Cron, type CronDue, type SubmitDue } from "./cron.js";
import type { CronEntry } from "./entries.js";

/** What `defineJobs` gives, as far as a schedule needs it. */
export interface CronJobs<Queue> {
  submit(queue: Queue, job: string, input: unknown, options?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface CronOptions<Queue = unknown> {
  /** Schedulers of one name that share their claims submit each tick once. Letters, digits, `_`, `-` and `.`; default `default`. */
  readonly name?: string | undefined;
  readonly entries?: readonly CronEntry[] | undefined;
  /** Files with entries: JSON, or a line for each. They are looked at every 5 seconds. */
  readonly file?: string | readonly string[] | undefined;
  /** Where jobs are submitted, with `queue`. */
  readonly jobs?: CronJobs<Queue> | undefined;
  readonly queue?: Queue | undefined;
  /** Hands a tick over; in place of `jobs` and `queue`. */
  readonly submit?: SubmitDue | undefined;
  /**
   * What all schedulers share: a cache of `@bk/cache` that every server reaches. Default: none, and then each process submits every tick by
   * itself, which is logged at the start.
   */
  readonly claims?: Claims | undefined;
  /** Of entries that name none; default `UTC`. */
  readonly timeZone?: string | undefined;
  /** Of entries that do not say; default `none`. */
  readonly catchUp?: "none" | "once" | undefined;
  /** How late a tick is still submitted, such as by a process that was busy, in milliseconds; default 60,000. Later ones were missed. */
  readonly lateMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

const pollMs = 5_000;
const names = ["name", "entries", "file", "jobs", "queue", "submit", "claims", "timeZone", "catchUp", "lateMs", "clock", "log"];

/**
 * Opens a schedule and begins. It submits what is due; it runs nothing itself.
 *
 * Each tick is submitted at least once by the schedulers that share their claims, and twice only where one dies between the submit and the note of it.
 *
 * @throws QueueError `invalid` naming the entry, the line of a file or the option
 */
export async function openCron<Queue>(options: CronOptions<Queue>): Promise<Cron> {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalid(`openCron: unknown option ${JSON.stringify(unknown.slice(0, 60))}; there are ${names.join(", ")}`);
  const { name = "default", entries = [], file = [], timeZone = "UTC", catchUp = "none", lateMs = 60_000 } = options;
  const { clock = systemClock, log = silentLog } = options;
  checkName(name, "the name of a schedule");
  if (catchUp !== "none" && catchUp !== "once") throw invalid("openCron: catchUp must be none or once", { detail: { field: "catchUp" } });
  if (!Number.isSafeInteger(lateMs) || lateMs < 1_000)
    throw invalid("openCron: lateMs must be an integer from 1,000", { detail: { field: "lateMs" } });
  const submit = submitOf(options);
  if (options.claims === undefined)
    log.warn(
      "cron: no claims are shared, so every process that opens this schedule submits each tick; give a cache that all servers reach",
    );
  const claims = options.claims ?? processClaims(() => clock.now());
  const files = typeof file === "string" ? [file] : [...file];
  const cron = new Cron({ name, files, submit, claims, timeZone, catchUp, lateMs, pollMs, clock, log });
  await cron.start(entries);
  return cron;
}

function submitOf<Queue>({ submit, jobs, queue }: CronOptions<Queue>): SubmitDue {
  if (submit !== undefined) {
    if (jobs !== undefined || queue !== undefined)
      throw invalid("openCron: give submit, or jobs and queue", { detail: { field: "submit" } });
    return submit;
  }
  if (jobs === undefined || queue === undefined) throw invalid("openCron: needs jobs and queue, or submit", { detail: { field: "jobs" } });
  return ({ id, job, input, options }: CronDue) => {
    if (job === undefined) throw invalid(`cron ${id}: the entry names no job`, { detail: { field: "job" } });
    return jobs.submit(queue, job, input, options);
  };
}
