// A process that a supervisor started, as the supervisor sees it.

import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";

import type { Family } from "../metrics/family.js";
import { type FromWorker, type GatheredKind, isMessage, type ToWorker } from "./messages.js";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Giving {
  readonly socket: Socket;
  readonly at: number;
  readonly resolve: (isTaken: boolean) => void;
}

/** A process that turns takes a connection far sooner. */
const heldUpMs = 100;

export class Child {
  readonly pid: number;
  readonly startedAt: number;
  /** Resolves once it is ready; never where it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  /** Resolves when it has ended and all that it said has come. */
  readonly gone: Promise<void>;
  /** Told what it has counted in all, when it ends. */
  onLast: (families: readonly Family[]) => void = () => undefined;
  isReady = false;
  /** It was told to end. */
  isEnding = false;
  /** When it was heard last. */
  heardAt: number;
  /** How it was told to end because it is stuck. */
  stuck: NodeJS.Signals | undefined;
  rss = 0;
  files: number | undefined;
  readonly #process: ChildProcess;
  readonly #now: () => number;
  #isGone = false;
  /** Connections that are on their way, in their order. Node sends one, and the next when that has arrived. */
  readonly #giving: Giving[] = [];
  readonly #asked = new Map<number, (part: unknown) => void>();
  #lastAsked = 0;

  constructor(process: ChildProcess, now: () => number, onMessage: (message: FromWorker, child: Child) => void) {
    this.#process = process;
    this.#now = now;
    this.pid = process.pid ?? 0;
    this.startedAt = this.heardAt = now();
    this.ready = new Promise((resolve) => {
      process.on("message", (message) => {
        if (!isMessage(message)) return;
        this.heardAt = now();
        const own = message as FromWorker;
        if (own.bk === "beat") ({ rss: this.rss, files: this.files } = own);
        else if (own.bk === "ready") {
          this.isReady = true;
          resolve();
        } else if (own.bk === "part") this.#asked.get(own.id)?.(own.part);
        else if (own.bk === "last") this.onLast(own.families);
        else if (own.bk === "taken") this.#taken();
        else onMessage(own, this);
      });
    });
    this.exited = new Promise((resolve) => {
      process.once("error", () => resolve({ code: 1, signal: null }));
      process.once("exit", (code, signal) => resolve({ code, signal }));
    });
    const disconnected = new Promise<void>((resolve) => {
      if (process.connected) process.once("disconnect", resolve);
      else resolve();
      void this.exited.then(() => {
        this.#isGone = true;
        // Node does not tell of it while a connection is on its way. What the process wrote is read in the turn in which its end is told.
        setImmediate(() => {
          if (this.#giving.length > 0) resolve();
        });
      });
    });
    this.gone = Promise.all([this.exited, disconnected]).then(() => undefined);
    void disconnected.then(() => this.#lost());
    // What was sent to a process that is gone is nobody's loss.
    process.on("error", () => undefined);
  }

  /** It can be told something. */
  get isReachable(): boolean {
    return this.#process.connected && !this.#isGone;
  }

  /** It has not taken a connection that it was given a while ago. */
  get isHeldUp(): boolean {
    const [first] = this.#giving;
    return first !== undefined && this.#now() - first.at > heldUpMs;
  }

  send(message: ToWorker): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  /** What it tells; undefined when it does not within `waitMs`, or is gone. */
  async ask(kind: GatheredKind, waitMs: number): Promise<unknown> {
    const id = ++this.#lastAsked;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<unknown>((resolve) => {
        this.#asked.set(id, resolve);
        timer = setTimeout(() => resolve(undefined), waitMs);
        void this.gone.then(() => resolve(undefined));
        this.send({ bk: "tell", id, kind });
      });
    } finally {
      clearTimeout(timer);
      this.#asked.delete(id);
    }
  }

  /** Hands over a connection; false when that failed, and another one has to take it. */
  give(socket: Socket, isTls: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.isReachable) return resolve(false);
      const giving = { socket, at: this.#now(), resolve };
      this.#giving.push(giving);
      // Kept open until it is taken: Node would forget about one that is on its way to a process that ends, and leave its client waiting.
      return this.#process.send({ bk: "connection", isTls } satisfies ToWorker, socket, { keepOpen: true }, (error) => {
        const at = this.#giving.indexOf(giving);
        if (error === null || at < 0) return;
        this.#giving.splice(at, 1);
        resolve(false);
      });
    });
  }

  /** It has the connection that was sent first. */
  #taken(): void {
    const giving = this.#giving.shift();
    giving?.socket.destroy();
    giving?.resolve(true);
  }

  /** It has ended, and all that it said has come: it says that it has a connection before it reads of it, so the others are untouched. */
  #lost(): void {
    for (const { resolve } of this.#giving.splice(0)) resolve(false);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Has it finish what runs and end; what is left after `timeoutMs` is killed. */
  async end(timeoutMs: number): Promise<Exit> {
    this.isEnding = true;
    if (this.#process.connected) this.send({ bk: "drain" });
    else this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), timeoutMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }
}
