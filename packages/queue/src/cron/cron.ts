// A schedule that runs: looks when entries are due, and has one of all the schedulers submit each tick.

import { readFile } from "node:fs/promises";

import type { Clock, Log } from "@bk/core";

import { invalid, QueueError } from "../errors.js";
import type { Claims } from "./claims.js";
import { type CronEntry, type Defaults, entriesIn, plan, type Planned, refuseTwins } from "./entries.js";

/** What is submitted. */
export interface CronDue {
  readonly id: string;
  readonly job: string | undefined;
  readonly input: unknown;
  readonly options: Readonly<Record<string, unknown>> | undefined;
  /** The time that the pattern says, not that of the submit: equal on every server. Of `run` the time of the call. */
  readonly tick: Date;
  /** `tick`: its time has come. `catch-up`: it makes up for one that was missed. `manual`: `run` was called. */
  readonly reason: "tick" | "catch-up" | "manual";
}

/** Hands a tick over, such as by `jobs.submit`. What it rejects with is logged, and it is called again. `signal` aborts when the claim is about to end. */
export type SubmitDue = (due: CronDue, context: { readonly signal: AbortSignal }) => unknown;

/** An entry as `list` shows it. */
export interface CronListing {
  readonly id: string;
  readonly cron: string;
  readonly job: string | undefined;
  readonly timeZone: string;
  /** The file that it is from, or `inline`. */
  readonly source: string;
  readonly disabled: boolean;
  /** `pause` was called, by any scheduler that shares the claims. */
  readonly paused: boolean;
  /** When it is due next; absent where it is not, or is disabled. */
  readonly next?: Date;
  /** The tick that was submitted last, by any scheduler that shares the claims. */
  readonly last?: Date;
}

export interface CronSettings extends Defaults {
  readonly name: string;
  readonly files: readonly string[];
  readonly submit: SubmitDue;
  readonly claims: Claims;
  /** How late a tick may be submitted without `catchUp`. */
  readonly lateMs: number;
  readonly pollMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface State {
  readonly planned: Planned;
  /** When it is due next, in milliseconds since 1970; undefined: never again. */
  due: number | undefined;
}

/** How long a tick is claimed while it is submitted, beside its jitter; whoever died in it is made up for after that. */
const leaseMs = 30_000;
/** How long it is known that a tick was submitted: longer than clocks differ. */
const doneMs = 86_400_000;
const done = "done";
/** A tick that cannot be submitted is tried at least this long, and until the next one. */
const tryMs = 10 * 60_000;
/** Clocks may be set: the schedule looks at them as often as this. */
const longestSleepMs = 10_000;

/** A running schedule. Made by `openCron`. */
export class Cron implements AsyncDisposable {
  readonly #settings: CronSettings;
  readonly #closing = new AbortController();
  readonly #texts = new Map<string, string | undefined>();
  readonly #sources = new Map<string, readonly Planned[]>();
  readonly #running = new Set<Promise<void>>();
  #states = new Map<string, State>();
  #wake = new AbortController();
  #loop: Promise<void> | undefined;
  #reading: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(settings: CronSettings) {
    this.#settings = settings;
  }

  /** @internal Reads the entries and begins. */
  async start(entries: readonly CronEntry[]): Promise<void> {
    this.#replace("inline", plan(entries, this.#settings, "inline"));
    for (const file of this.#settings.files) this.#replace(file, await this.#read(file));
    await this.#catchUp();
    this.#loop = this.#run();
  }

  /**
   * Replaces the inline entries.
   *
   * @throws QueueError `invalid`, naming the entry; the schedule stays as it was
   */
  set(entries: readonly CronEntry[]): void {
    this.#assertOpen("set");
    this.#replace("inline", plan(entries, this.#settings, "inline"));
  }

  /**
   * Reads the files again now; otherwise changes are noticed within 5 seconds.
   *
   * @throws QueueError `invalid` naming file and line; the entries of that file stay as they were
   */
  async reload(): Promise<void> {
    this.#assertOpen("reload");
    for (const file of this.#settings.files) {
      this.#texts.delete(file);
      this.#replace(file, await this.#read(file));
    }
  }

  /** All entries, by id. */
  async list(): Promise<CronListing[]> {
    this.#assertOpen("list");
    const states = [...this.#states.values()].sort((a, b) => (a.planned.id < b.planned.id ? -1 : 1));
    return Promise.all(states.map((state) => this.#listing(state)));
  }

  /**
   * Submits an entry now, whenever it is due, and whether or not it is paused or disabled.
   *
   * @returns what `submit` gave
   * @throws QueueError `not-found`; what `submit` throws
   */
  async run(id: string): Promise<unknown> {
    this.#assertOpen("run");
    const { planned } = this.#named(id);
    return this.#settings.submit(dueOf(planned, this.#settings.clock.now(), "manual"), { signal: this.#closing.signal });
  }

  /** Leaves out the ticks of an entry until `resume`, on all schedulers that share the claims. @throws QueueError `not-found` */
  async pause(id: string): Promise<void> {
    this.#assertOpen("pause");
    await this.#settings.claims.put(this.#key("paused", this.#named(id).planned), "paused", { ttlMs: 0 });
  }

  /** @throws QueueError `not-found` */
  async resume(id: string): Promise<void> {
    this.#assertOpen("resume");
    await this.#settings.claims.del(this.#key("paused", this.#named(id).planned));
  }

  /** Submits nothing more, and waits for what is being submitted. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.abort();
    await this.#loop;
    await Promise.all(this.#running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(op: string): void {
    if (this.#closing.signal.aborted) throw new QueueError("closed", `cron ${op}: used after close`, { op });
  }

  #named(id: string): State {
    const state = this.#states.get(id);
    if (state !== undefined) return state;
    throw new QueueError("not-found", `cron: there is no entry with the id ${JSON.stringify(String(id).slice(0, 60))}`, {
      detail: { field: "id" },
    });
  }

  #key(kind: string, { id }: Planned): string {
    return `cron:${this.#settings.name}:${kind}:${id}`;
  }

  /** Puts the entries of a source in place of those before; ones that are equal go on as they were. */
  #replace(source: string, planned: readonly Planned[]): void {
    const sources = new Map(this.#sources).set(source, planned);
    const all = [...sources.values()].flat();
    refuseTwins(all);
    this.#sources.set(source, planned);
    const now = this.#settings.clock.now();
    this.#states = new Map(
      all.map((one): [string, State] => {
        const before = this.#states.get(one.id);
        const isSame = before !== undefined && before.planned.entry.cron === one.entry.cron && before.planned.timeZone === one.timeZone;
        return [one.id, { planned: one, due: isSame ? before.due : one.schedule.next(now) }];
      }),
    );
    this.#wake.abort();
  }

  /** The entries of a file; none where it is empty or missing. */
  async #read(file: string): Promise<readonly Planned[]> {
    const text = await textOf(file);
    if (text === undefined) this.#settings.log.warn("cron: the file is not there; it counts as empty", { file });
    this.#texts.set(file, text);
    return text === undefined ? [] : plan(entriesIn(text, file), this.#settings, file);
  }

  /** Takes over files that have changed. What is wrong in one is logged once, and what it said before stays. */
  async #readChanged(): Promise<void> {
    for (const file of this.#settings.files) {
      try {
        if ((await textOf(file)) === this.#texts.get(file)) continue;
        this.#replace(file, await this.#read(file));
        this.#settings.log.info("cron: the schedule has changed", { file });
      } catch (error) {
        this.#settings.log.error("cron: the file cannot be used; the schedule stays as it was", { file, error: (error as Error).message });
      }
    }
  }

  async #run(): Promise<void> {
    const { clock, files, pollMs } = this.#settings;
    const { signal } = this.#closing;
    let nextRead = clock.now() + pollMs;
    while (!signal.aborted) {
      const now = clock.now();
      if (files.length > 0 && now >= nextRead) {
        nextRead = now + pollMs;
        this.#reading = this.#reading.then(() => this.#readChanged());
      }
      let earliest = Math.min(now + longestSleepMs, files.length > 0 ? nextRead : Infinity);
      for (const state of this.#states.values()) {
        if (state.due !== undefined && state.due <= now) this.#come(state, now);
        if (state.due !== undefined) earliest = Math.min(earliest, state.due);
      }
      this.#wake = new AbortController();
      if (signal.aborted) break;
      // Woken: the entries or the end.
      await clock.sleep(earliest - clock.now(), this.#wake.signal).catch(() => undefined);
    }
    await this.#reading;
  }

  /** A tick has come, or several: of those that were missed the last one counts. */
  #come(state: State, now: number): void {
    const { planned } = state;
    const { log, lateMs } = this.#settings;
    const tick = planned.schedule.last(now) ?? state.due!;
    const isMissed = now - tick > lateMs;
    state.due = planned.schedule.next(now);
    if (planned.entry.disabled === true) return;
    if (isMissed && planned.catchUp === "none") {
      log.warn("cron: a tick was missed", { id: planned.id, tick: new Date(tick).toISOString() });
      return;
    }
    this.#begin(planned, tick, isMissed ? "catch-up" : "tick", state.due);
  }

  /** Makes up for the last tick that nobody submitted, of entries that say so. */
  async #catchUp(): Promise<void> {
    const { clock, claims } = this.#settings;
    const now = clock.now();
    for (const { planned, due } of this.#states.values()) {
      if (planned.catchUp === "none" || planned.entry.disabled === true) continue;
      const last = Number(await claims.get(this.#key("last", planned)));
      const missed = planned.schedule.last(now);
      if (Number.isFinite(last) && last > 0 && missed !== undefined && missed > last) this.#begin(planned, missed, "catch-up", due);
    }
  }

  #begin(planned: Planned, tick: number, reason: CronDue["reason"], next: number | undefined): void {
    const own = this.#submit(planned, dueOf(planned, tick, reason), Math.max(tick + tryMs, next ?? 0)).finally(() =>
      this.#running.delete(own),
    );
    this.#running.add(own);
  }

  /** Claims a tick and submits it, unless another scheduler does; goes on until it is submitted by somebody or too late. Never rejects. */
  async #submit(planned: Planned, due: CronDue, until: number): Promise<void> {
    const { clock, claims, log } = this.#settings;
    const { signal } = this.#closing;
    const key = this.#key(String(due.tick.getTime()), planned);
    const facts = { id: planned.id, tick: due.tick.toISOString() };
    const ttlMs = leaseMs + planned.jitterMs;
    for (let tries = 1; !signal.aborted; tries++) {
      let pauseMs = Math.min(1_000 * 2 ** (tries - 1), 60_000) * (0.5 + clock.random() / 2);
      const begun = clock.now();
      try {
        if ((await claims.get(this.#key("paused", planned))) !== undefined) return;
        if (await claims.add(key, "claimed", { ttlMs })) {
          if (await this.#hand(planned, due, key, begun + ttlMs)) return;
        } else {
          if ((await claims.get(key)) === done) return;
          // It is done by then, or whoever claimed it has died.
          pauseMs = ttlMs;
        }
      } catch (error) {
        log.warn("cron: a tick could not be submitted; it is tried again", { ...facts, error: (error as Error).message });
      }
      if (clock.now() + pauseMs > Math.max(until, begun + ttlMs)) {
        log.error("cron: a tick was given up", facts);
        return;
      }
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Submits a tick that is claimed until `ends`. Whether it is submitted; false: this schedule is closed. */
  async #hand(planned: Planned, due: CronDue, key: string, ends: number): Promise<boolean> {
    const { clock, claims, submit } = this.#settings;
    try {
      if (planned.jitterMs > 0) await clock.sleep(Math.floor(clock.random() * planned.jitterMs), this.#closing.signal);
      const lease = AbortSignal.timeout(Math.max(1, Math.floor((ends - clock.now()) * 0.8)));
      await submit(due, { signal: lease });
    } catch (error) {
      // Somebody else may try at once; a claim that has ended may be another's by now.
      if (clock.now() < ends) await claims.del(key);
      if (this.#closing.signal.aborted) return false;
      throw error;
    }
    await claims.put(key, done, { ttlMs: doneMs });
    await claims.put(this.#key("last", planned), String(due.tick.getTime()), { ttlMs: 0 });
    return true;
  }

  async #listing({ planned, due }: State): Promise<CronListing> {
    const { claims } = this.#settings;
    const [paused, last] = await Promise.all([claims.get(this.#key("paused", planned)), claims.get(this.#key("last", planned))]);
    const { id, entry, timeZone, source } = planned;
    const disabled = entry.disabled === true;
    return {
      id,
      cron: entry.cron,
      job: entry.job,
      timeZone,
      source,
      disabled,
      paused: paused !== undefined,
      ...(due === undefined || disabled ? {} : { next: new Date(due) }),
      ...(last === undefined ? {} : { last: new Date(Number(last)) }),
    };
  }
}

function dueOf({ id, entry }: Planned, tick: number, reason: CronDue["reason"]): CronDue {
  // A copy: what is submitted may be changed by who takes it.
  const { job, input, options } = structuredClone(entry);
  return { id, job, input, options, tick: new Date(tick), reason };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw invalid(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`, { cause: error });
  }
}
