// Entries of a schedule: checked before any of them counts, and read from the text of a file.

import { invalid } from "../errors.js";
import { type Schedule, scheduleOf } from "./schedule.js";

/** What is due, and when. */
export interface CronEntry {
  /** When: six fields with seconds first, five without them, or a name such as `@daily`. */
  readonly cron: string;
  /** The name of a job, as `defineJobs` knows it. Default: none; then `submit` takes the entry as it is. */
  readonly job?: string | undefined;
  /** What the job is given: JSON. */
  readonly input?: unknown;
  /** Names the entry in lists and in claims; equal on every server. Default: job and pattern. */
  readonly id?: string | undefined;
  /** Such as `Europe/Rome`; default: that of the schedule. */
  readonly timeZone?: string | undefined;
  /** Submits up to this many milliseconds later, at random, so that many schedules do not meet; default 0. */
  readonly jitterMs?: number | undefined;
  /**
   * What happens when nothing ran at the time of a tick: `none` leaves it out, `once` makes up for the last one that was missed. Default: that of
   * the schedule.
   */
  readonly catchUp?: "none" | "once" | undefined;
  /** Keeps the entry without running it. Default false. */
  readonly disabled?: boolean | undefined;
  /** Options of the job, such as `uniqueKey`; handed on as they are. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** An entry that was checked. */
export interface Planned {
  readonly id: string;
  readonly entry: CronEntry;
  readonly schedule: Schedule;
  readonly timeZone: string;
  readonly catchUp: "none" | "once";
  readonly jitterMs: number;
  /** The file it is from, or `inline`. */
  readonly source: string;
}

export interface Defaults {
  readonly timeZone: string;
  readonly catchUp: "none" | "once";
}

const members = ["cron", "job", "input", "id", "timeZone", "jitterMs", "catchUp", "disabled", "options"];
const longestId = 200;
const maxJitterMs = 86_400_000;

/**
 * Checks entries, all of them.
 *
 * @param source  names them in errors
 * @throws QueueError `invalid`, naming the entry and the member
 */
export function plan(entries: unknown, defaults: Defaults, source: string): Planned[] {
  if (!Array.isArray(entries)) throw invalid(`${source}: the entries must be a list`, { detail: { field: "entries" } });
  const planned = entries.map((entry: unknown, i) => planOne(entry, defaults, source, `${source}, entry ${i + 1}`));
  refuseTwins(planned);
  return planned;
}

/** @throws QueueError `invalid` where two entries have one id: the claims of one would be those of the other */
export function refuseTwins(planned: readonly Planned[]): void {
  const seen = new Map<string, Planned>();
  for (const one of planned) {
    const twin = seen.get(one.id);
    if (twin !== undefined)
      throw invalid(`${one.source}: two entries have the id ${JSON.stringify(one.id)} (the other is of ${twin.source}); give each an id`, {
        detail: { field: "id" },
      });
    seen.set(one.id, one);
  }
}

function planOne(given: unknown, defaults: Defaults, source: string, what: string): Planned {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw invalid(`${what}: must be an object with cron`);
  const wrong = (field: string, wanted: string): Error => invalid(`${what}: ${field} must be ${wanted}`, { detail: { field } });
  const unknown = Object.keys(given).find((name) => !members.includes(name));
  if (unknown !== undefined)
    throw invalid(`${what}: unknown member ${JSON.stringify(unknown.slice(0, 60))}; there are ${members.join(", ")}`);
  // Taken now: what the caller does to it later changes nothing.
  const entry = copyOf(given, what) as CronEntry;
  const { cron, job, timeZone = defaults.timeZone, jitterMs = 0, catchUp = defaults.catchUp, disabled = false, options } = entry;
  if (job !== undefined && (typeof job !== "string" || job === "")) throw wrong("job", "the name of a job");
  if (!Number.isSafeInteger(jitterMs) || jitterMs < 0 || jitterMs > maxJitterMs)
    throw wrong("jitterMs", `an integer from 0 to ${maxJitterMs}`);
  if (catchUp !== "none" && catchUp !== "once") throw wrong("catchUp", "none or once");
  if (typeof disabled !== "boolean") throw wrong("disabled", "true or false");
  if (options !== undefined && (typeof options !== "object" || options === null || Array.isArray(options)))
    throw wrong("options", "an object");
  const schedule = scheduleOf(cron, timeZone, what);
  const id = entry.id ?? [job, cron.trim().replaceAll(/\s+/g, " ")].filter((part) => part !== undefined).join(" ");
  if (typeof id !== "string" || id === "" || id.length > longestId) throw wrong("id", `a text of 1 to ${longestId} characters`);
  return { id, entry, schedule, timeZone, catchUp, jitterMs, source };
}

function copyOf(value: object, what: string): unknown {
  try {
    return structuredClone(value);
  } catch (error) {
    throw invalid(`${what}: holds something that is no plain data`, { cause: error });
  }
}

/**
 * The entries in the text of a file: a JSON list, or a line for each: six fields, the job, and its input as JSON. `#` begins a comment line.
 *
 * @throws QueueError `invalid` naming the line
 */
export function entriesIn(text: string, source: string): unknown[] {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed.startsWith("[")) {
    try {
      return JSON.parse(trimmed) as unknown[];
    } catch (error) {
      throw invalid(`${source}: is not JSON: ${(error as Error).message}`, { cause: error });
    }
  }
  return trimmed.split(/\r?\n/).flatMap((line, i) => {
    const plain = line.trim();
    return plain === "" || plain.startsWith("#") ? [] : [entryOfLine(plain, `${source}, line ${i + 1}`)];
  });
}

function entryOfLine(line: string, what: string): CronEntry {
  const match = /^(@\w+|(?:\S+\s+){5}\S+)\s+(\S+)(?:\s+(.+))?$/.exec(line);
  const [, cron, job, input] = match ?? [];
  if (cron === undefined || job === undefined)
    throw invalid(
      `${what}: must be six fields (second, minute, hour, day, month, weekday), a job, and its input as JSON where it takes one`,
    );
  if (input === undefined) return { cron, job };
  try {
    return { cron, job, input: JSON.parse(input) as unknown };
  } catch (error) {
    throw invalid(`${what}: what stands behind the job is not JSON`, { cause: error });
  }
}
