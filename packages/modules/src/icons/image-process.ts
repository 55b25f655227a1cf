// A process that works on images, as the server sees it: of a lower priority, so that whoever answers requests goes first, and one that
// may crash.

import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { constants, getPriority, setPriority } from "node:os";

import { BkError, cancelledError, onAbort } from "@bk/core";

import { type ImageAnswer, type ImageOrder, imageProcessText, type ImageSettings, openFrames } from "./image-process-code.js";

/** What became of an image, and the bytes of the one that was made. */
export interface AnsweredImage {
  readonly answer: ImageAnswer;
  readonly bytes: Uint8Array;
}

interface Task {
  readonly resolve: (answered: AnsweredImage) => void;
  readonly reject: (error: unknown) => void;
}

/** How much less than the server it counts, as `nice` has it. */
const lower = constants.priority.PRIORITY_BELOW_NORMAL;
/** A process that is stopped, or gets no processor at all, is not waited for longer. */
const mostWaitMs = 120_000;
/** One that has had nothing to do for so long ends: each has its memory, in each process of a server. */
const idleMs = 60_000;
/** Beside the bytes of an image. */
const mostHeadBytes = 64 * 1024;

export class ImageProcess {
  /** Resolves once it is gone. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #handles: readonly { ref(): void; unref(): void }[];
  readonly #send: (head: unknown, bytes: Uint8Array) => void;
  #task: Task | undefined;
  /** Why it was ended, or has ended by itself. */
  #reason: unknown;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(settings: ImageSettings) {
    const child = spawn(process.execPath, ["-e", imageProcessText(settings)], { stdio: ["pipe", "pipe", "inherit"], windowsHide: true });
    this.#child = child;
    this.ended = new Promise((resolve) => {
      const gone = (): void => {
        this.#task?.reject(this.#reason);
        resolve();
      };
      child.on("error", (cause) => {
        this.#reason ??= noImages(cause);
        if (child.pid === undefined) gone();
      });
      child.once("exit", (code, signal) => {
        this.#reason ??= noImages(Object.assign(new Error("the process of images has ended"), { code: signal ?? code }));
      });
      child.once("close", gone);
    });
    // They are sockets, and missing where no more may be open.
    const { stdin, stdout } = child as unknown as { readonly stdin?: Socket; readonly stdout?: Socket };
    if (stdin === undefined || stdout === undefined) throw noImages(new Error("no more files may be open"));
    this.#handles = [child, stdin, stdout];
    if (child.pid !== undefined) lowerPriority(child.pid);
    // That it is gone is told above.
    stdin.on("error", () => undefined);
    stdout.on("error", (cause) => this.#kill(noImages(cause)));
    this.#send = openFrames(stdout, stdin, settings.mostBytes + mostHeadBytes, (head, bytes) =>
      this.#task?.resolve({ answer: head as ImageAnswer, bytes }),
    );
    this.#hold(false);
  }

  /** It can be given an image. */
  get isFree(): boolean {
    return this.#task === undefined && this.#reason === undefined;
  }

  /**
   * Has an image made; only while it is free.
   *
   * @throws BkError `unavailable` when the process ends; `cancelled` when the signal aborts, which ends it; `closed`
   */
  async make(order: ImageOrder, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<AnsweredImage> {
    const stopListening = signal === undefined ? undefined : onAbort(signal, () => this.#kill(cancelledError(signal)));
    const timer = setTimeout(() => this.#kill(noImages(new Error("the process of images does not answer"))), mostWaitMs);
    this.#hold(true);
    try {
      const answered = await new Promise<AnsweredImage>((resolve, reject) => {
        this.#task = { resolve, reject };
        this.#send(order, bytes);
      });
      // It is still at it, and cannot be called off.
      if ("refused" in answered.answer && answered.answer.refused === "time") await this.end();
      return answered;
    } finally {
      clearTimeout(timer);
      stopListening?.();
      this.#task = undefined;
      this.#hold(false);
    }
  }

  /** Ends it, whatever it does. */
  async end(): Promise<void> {
    this.#hold(true);
    this.#kill(closedImages());
    await this.ended;
  }

  #kill(reason: unknown): void {
    this.#reason ??= reason;
    this.#child.kill("SIGKILL");
  }

  /** One that has nothing to do does not keep the server's process. */
  #hold(isHeld: boolean): void {
    clearTimeout(this.#idle);
    if (!isHeld) this.#idle = setTimeout(() => this.#kill(closedImages()), idleMs).unref();
    for (const handle of this.#handles) handle[isHeld ? "ref" : "unref"]();
  }
}

function lowerPriority(pid: number): void {
  try {
    // Before its threads are made, which have what their maker has.
    setPriority(pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + lower));
  } catch {
    // Images are made with the server's own priority too, where the system has no other one for it.
  }
}

export const closedImages = (): BkError => new BkError("closed", "images are closed", { detail: { field: "icon" } });

const noImages = (cause: unknown): BkError =>
  new BkError("unavailable", "images cannot be made now; try again later", { detail: { field: "icon", retryAfterMs: 1000 }, cause });
