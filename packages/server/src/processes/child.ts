// A process that a supervisor started, as the supervisor sees it.

import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";

import { type FromWorker, isMessage, type ToWorker } from "./messages.js";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Child {
  readonly pid: number;
  readonly startedAt: number;
  /** Resolves once it is ready; never where it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
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

  constructor(process: ChildProcess, now: () => number, onMessage: (message: FromWorker) => void) {
    this.#process = process;
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
        } else onMessage(own);
      });
    });
    this.exited = new Promise((resolve) => {
      process.once("error", () => resolve({ code: 1, signal: null }));
      process.once("exit", (code, signal) => resolve({ code, signal }));
    });
    // What was sent to a process that is gone is nobody's loss.
    process.on("error", () => undefined);
  }

  /** It can be told something. */
  get isReachable(): boolean {
    return this.#process.connected;
  }

  send(message: ToWorker): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  /** Hands over a connection; false when that failed, and another one has to take it. */
  give(socket: Socket): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#process.connected) resolve(false);
      else this.#process.send({ bk: "connection" } satisfies ToWorker, socket, (error) => resolve(error === null));
    });
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
