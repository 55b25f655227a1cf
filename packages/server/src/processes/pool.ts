// So many processes of one role, each in a slot of its own: one that ends is replaced, and all can be replaced in turn.

import type { ChildProcess } from "node:child_process";

import { BkError, type Clock, type Log, systemClock } from "@bk/core";

import { Child, type Exit } from "./child.js";
import type { FromWorker, ToWorker } from "./messages.js";
import { Throttle, type ThrottleOptions } from "./throttle.js";

export interface PoolOptions {
  /** What the processes do: `web`, `worker`. */
  readonly role: string;
  readonly size: number;
  /** Starts a process that says when it is ready. */
  readonly launch: (slot: number) => ChildProcess;
  readonly log: Log;
  readonly clock?: Clock;
  readonly throttle?: ThrottleOptions;
  /** How long a new process may take until it is ready. */
  readonly readyMs: number;
  /** How long an old one may take to end; asked for when one does. */
  readonly endMs: () => number;
  /** One that was not heard for so long is stuck: it is told to end, and killed after half as long again. 0: never. */
  readonly silentMs: number;
  /** One that holds more memory is replaced; 0: never. */
  readonly maxRss: number;
  /** One that has more files open is replaced; 0: never. */
  readonly maxFiles: number;
  /** One more is ready. */
  readonly onReady?: () => void;
  readonly onMessage?: (message: FromWorker, child: Child) => void;
  /** One more was started. */
  readonly onStarted?: (child: Child, slot: number) => void;
  /** Restarting does not help. */
  readonly onGivenUp?: (exit: Exit) => void;
}

/** What is known of a process. */
export interface ProcessState {
  readonly role: string;
  readonly slot: number;
  readonly pid: number | undefined;
  readonly state: "starting" | "ready" | "ending" | "waiting";
  readonly startedAt: number | undefined;
  readonly rss: number;
  readonly restarts: number;
}

interface Slot {
  readonly number: number;
  readonly throttle: Throttle;
  /** The one that serves, or starts to. */
  child: Child | undefined;
  /** Others in this slot: one that is to take its place, and those that are ending. */
  readonly others: Set<Child>;
  timer: NodeJS.Timeout | undefined;
  restarts: number;
  /** Settles when a new one, which is starting, has taken the place of its child or has not. */
  replacing: Promise<boolean> | undefined;
  /** For those that hold too much: one that does from its start is not replaced on and on. */
  readonly sizeThrottle: Throttle;
  sizeCheckAt: number;
}

/** The first process did not become ready. */
export class StartFailed extends BkError {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super("unavailable", message);
    this.exitCode = exitCode;
  }
}

const checkMs = 1000;
/** Between two looks: after more, this process itself was held up, or the clock was set. */
const longestGapMs = 3 * checkMs;
/** One that holds too much after so long has gathered it. */
const leakMs = 600_000;

function canServe(child: Child | undefined): child is Child {
  return child?.isReady === true && child.isReachable && !child.isEnding && child.stuck === undefined;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #slots: Slot[];
  #turn = 0;
  #isEnding = false;
  #rolling: Promise<void> | undefined;
  #rollsAgain = false;
  #check: NodeJS.Timeout | undefined;
  #checkedAt = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#slots = Array.from({ length: options.size }, (_empty, number) => this.#slot(number));
  }

  #slot(number: number): Slot {
    const { throttle } = this.#options;
    return {
      number,
      throttle: new Throttle(throttle),
      sizeThrottle: new Throttle({ ...throttle, maxRestarts: 0, healthyMs: leakMs }),
      sizeCheckAt: 0,
      child: undefined,
      others: new Set(),
      timer: undefined,
      restarts: 0,
      replacing: undefined,
    };
  }

  get role(): string {
    return this.#options.role;
  }

  /** How often each slot was filled again. */
  get slots(): readonly { readonly number: number; readonly restarts: number }[] {
    return this.#slots;
  }

  get states(): ProcessState[] {
    const { role } = this.#options;
    return this.#slots.flatMap(({ number, child, others, restarts }) =>
      [...(child === undefined && others.size > 0 ? [] : [child]), ...others].map((own) => ({
        role,
        slot: number,
        pid: own?.pid,
        state: own === undefined ? "waiting" : own.isEnding ? "ending" : own.isReady ? "ready" : "starting",
        startedAt: own?.startedAt,
        rss: own?.rss ?? 0,
        restarts,
      })),
    );
  }

  /**
   * Starts all. The first one alone, as what keeps it from starting would keep the others too.
   *
   * @throws StartFailed when the first one ends or takes too long
   */
  async start(): Promise<void> {
    const [first, ...others] = this.#slots;
    if (first === undefined) return;
    await this.#firstReady(first);
    if (this.#isEnding) return;
    for (const slot of others) this.#launch(slot);
    await Promise.all(others.flatMap(({ child }) => (child === undefined ? [] : [Promise.race([child.ready, child.exited])])));
    if (this.#isEnding) return;
    this.#checkedAt = this.#clock.now();
    this.#check = setInterval(() => this.#checkAll(), checkMs).unref();
  }

  async #firstReady(slot: Slot): Promise<void> {
    const { role } = this.#options;
    const child = this.#spawn(slot);
    slot.child = child;
    const ended = await this.#readyOrNot(child);
    if (ended !== undefined) {
      slot.child = undefined;
      const how = ended === "late" ? "was not ready in time" : "ended";
      throw new StartFailed(`the first ${role} process ${how}`, ended === "late" ? 1 : (ended.code ?? 1));
    }
    void child.exited.then((exit) => this.#ended(slot, child, exit));
    this.#options.onReady?.();
  }

  /** Undefined once it is ready; else how it ended, or `late`, when it was killed. */
  async #readyOrNot(child: Child): Promise<Exit | "late" | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), this.#options.readyMs)));
    const first = await Promise.race([child.ready.then(() => undefined), child.exited, late]);
    clearTimeout(timer);
    if (first === "late") {
      child.kill("SIGKILL");
      await child.exited;
    }
    return first;
  }

  #spawn(slot: Slot): Child {
    const { launch, onMessage, onStarted } = this.#options;
    const child = new Child(
      launch(slot.number),
      () => this.#clock.now(),
      (message, own) => {
        if (message.bk === "faulty") this.#faulty(slot, own);
        else onMessage?.(message, own);
      },
    );
    onStarted?.(child, slot.number);
    return child;
  }

  #launch(slot: Slot): void {
    slot.timer = undefined;
    const child = this.#spawn(slot);
    slot.child = child;
    void child.exited.then((exit) => this.#ended(slot, child, exit));
    void this.#readyOrNot(child).then((ended) => {
      if (ended === undefined) this.#options.onReady?.();
      if (ended === "late") this.#options.log.error(`a ${this.#options.role} process was not ready in time`, { pid: child.pid });
    });
  }

  /** It gets no more requests, and another takes its place while it finishes those that it has. */
  #faulty(slot: Slot, child: Child): void {
    if (slot.child !== child || child.isEnding || this.#isEnding) return;
    slot.others.add(child);
    this.#refill(slot, child, "met an error that nobody handled", {});
    void child.end(this.#options.endMs());
  }

  #ended(slot: Slot, child: Child, exit: Exit): void {
    slot.others.delete(child);
    if (slot.child === child) this.#refill(slot, child, "ended", exit);
  }

  /** Another one takes its place, after a while where it has crashed. */
  #refill(slot: Slot, child: Child, what: string, { code = null, signal = null }: Partial<Exit>): void {
    const { role, log, onGivenUp } = this.#options;
    slot.child = undefined;
    if (this.#isEnding) return;
    const ranMs = this.#clock.now() - child.startedAt;
    slot.restarts++;
    // The one that was to replace it takes its place, or else starts one.
    if (slot.replacing !== undefined) return;
    const waitMs = child.isEnding ? 0 : slot.throttle.crashed(this.#clock.now(), ranMs);
    const fields = { pid: child.pid, slot: slot.number, code, signal, ranMs };
    if (waitMs === undefined) {
      log.error(`${role} processes end again and again: giving up`, fields);
      onGivenUp?.({ code, signal });
      return;
    }
    log.warn(`a ${role} process ${what}; another takes its place`, { ...fields, inMs: waitMs });
    slot.timer = setTimeout(() => this.#launch(slot), waitMs);
  }

  /** Puts a new process into a slot before the old one ends. False when the new one does not become ready: the old one stays. */
  async #replace(slot: Slot, why: string): Promise<boolean> {
    const { role, log } = this.#options;
    // One that is starting may have read what was there before somebody asked for this.
    await slot.replacing;
    const old = slot.child;
    if (old?.isReady === false) await Promise.race([old.ready, old.exited]);
    // It starts anew anyway.
    if (old === undefined || slot.child !== old || !old.isReady || this.#isEnding) return true;
    slot.replacing = this.#takeOver(slot, old, why);
    if (!(await slot.replacing)) return false;
    const { signal } = await old.end(this.#options.endMs());
    if (signal === "SIGKILL") log.warn(`a ${role} process did not end in time and was killed`, { pid: old.pid });
    slot.others.delete(old);
    return true;
  }

  /** Starts one that takes the place of another once it is ready; false when that does not happen. */
  async #takeOver(slot: Slot, old: Child, why: string): Promise<boolean> {
    const { role, log } = this.#options;
    try {
      const next = this.#spawn(slot);
      slot.others.add(next);
      const ended = await this.#readyOrNot(next);
      slot.others.delete(next);
      if (ended !== undefined) {
        const how = ended === "late" ? "was not ready in time" : "ended";
        log.error(`a new ${role} process ${how}; the old one stays`, { why, pid: next.pid, ...(ended === "late" ? {} : ended) });
        if (slot.child === undefined && !this.#isEnding) this.#launch(slot);
        return false;
      }
      if (slot.child !== undefined) slot.others.add(old);
      slot.child = next;
      this.#options.onReady?.();
      void next.exited.then((exit) => this.#ended(slot, next, exit));
      log.info(`a ${role} process was replaced`, { why, pid: next.pid, old: old.pid });
      return true;
    } finally {
      // From here on the new one is like any other: when it ends, one takes its place.
      slot.replacing = undefined;
    }
  }

  /**
   * Replaces all, one after another, each new one ready before its old one ends. Asked for again meanwhile, it begins anew once it is through.
   *
   * @throws BkError `unavailable` when a new process does not become ready; those that were not replaced stay
   */
  roll(why: string): Promise<void> {
    this.#rollsAgain = this.#rolling !== undefined;
    this.#rolling ??= this.#rollAll(why).finally(() => (this.#rolling = undefined));
    return this.#rolling;
  }

  async #rollAll(why: string): Promise<void> {
    do {
      this.#rollsAgain = false;
      for (const slot of this.#slots)
        if (!this.#isEnding && !(await this.#replace(slot, why)))
          throw new BkError("unavailable", `the restart of ${this.#options.role} processes stopped: a new one did not become ready`);
      // It may be set while the loop above waits.
    } while (this.#rollsAgain as boolean);
  }

  /** The next one that serves, in turn, and one that is held up only where there is no other; undefined while there is none. */
  next(): Child | undefined {
    let heldUp: Child | undefined;
    for (let i = 0; i < this.#slots.length; i++) {
      const { child } = this.#slots[this.#turn++ % this.#slots.length]!;
      if (!canServe(child)) continue;
      if (!child.isHeldUp) return child;
      heldUp ??= child;
    }
    return heldUp;
  }

  /** The one that serves in the first slot where one does; undefined while there is none. */
  get first(): Child | undefined {
    return this.#slots.find(({ child }) => canServe(child))?.child;
  }

  /** Tells all, also those that start or end. */
  send(message: ToWorker): void {
    for (const { child, others } of this.#slots) for (const own of [child, ...others]) own?.send(message);
  }

  /** Tells all to end, so that others take their place; gives their pids. */
  interrupt(): number[] {
    const running = this.#slots.flatMap(({ child }) => (child === undefined || child.isEnding ? [] : [child]));
    for (const child of running) child.kill("SIGTERM");
    return running.map(({ pid }) => pid);
  }

  /** Those that are stuck are killed, those that hold too much are replaced. */
  #checkAll(): void {
    const { silentMs, maxRss, maxFiles, log, role } = this.#options;
    const now = this.#clock.now();
    const wasAway = now - this.#checkedAt > longestGapMs;
    this.#checkedAt = now;
    for (const slot of this.#slots) {
      const { child } = slot;
      if (child === undefined || !child.isReady || child.isEnding) continue;
      // What it said meanwhile is still to be read.
      if (wasAway) child.heardAt = now;
      const silent = now - child.heardAt;
      if (silentMs > 0 && silent > silentMs) {
        const signal = silent > silentMs * 1.5 ? "SIGKILL" : "SIGTERM";
        if (child.stuck !== signal) {
          log.error(`a ${role} process is stuck`, { pid: child.pid, silentMs: silent, signal });
          child.kill((child.stuck = signal));
        }
        continue;
      }
      const tooMuch =
        maxRss > 0 && child.rss > maxRss
          ? `it holds ${child.rss} bytes`
          : maxFiles > 0 && (child.files ?? 0) > maxFiles
            ? `it has ${child.files} files open`
            : undefined;
      if (tooMuch === undefined || slot.replacing !== undefined || this.#rolling !== undefined || now < slot.sizeCheckAt) continue;
      slot.sizeCheckAt = now + slot.sizeThrottle.crashed(now, now - child.startedAt)!;
      void this.#replace(slot, tooMuch);
    }
  }

  /** Ends all, each in its time. */
  async end(): Promise<void> {
    this.#isEnding = true;
    clearInterval(this.#check);
    const endMs = this.#options.endMs();
    await Promise.all(
      this.#slots.flatMap(({ child, others, timer }) => {
        clearTimeout(timer);
        return [...(child === undefined ? [] : [child]), ...others].map((own) => own.end(endMs));
      }),
    );
    await this.#rolling?.catch(() => undefined);
  }

  /** Ends all at once. */
  kill(): void {
    this.#isEnding = true;
    for (const { child, others, timer } of this.#slots) {
      clearTimeout(timer);
      for (const own of [child, ...others]) own?.kill("SIGKILL");
    }
  }
}
