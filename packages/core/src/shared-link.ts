// The way of a process to a store that one process of the machine keeps for all: it hosts the store itself, or asks the
// process that does, and looks for another when that one ends.

import type { Socket } from "node:net";
import { BkError } from "./errors.js";
import { connectTo, frameSender, receiveFrames } from "./frames.js";
import { type Log, silentLog } from "./log.js";
import { nodeModule } from "./node-module.js";
import { onAbort } from "./on-abort.js";
import { type FromHost, type SharedCaller, SharedHost, type SharedService, type ToHost } from "./shared-host.js";

export type { SharedCaller, SharedService } from "./shared-host.js";

export interface SharedLinkOptions {
  /** The socket's path; `sharedPath` makes one of a name. */
  readonly path: string;
  /**
   * Whether this process may keep the store. Default: unless it is a worker of `node:cluster`, whose primary keeps it, so that
   * the store outlives the workers.
   */
  readonly host?: boolean | undefined;
  /** Makes the store, in the process that keeps it. */
  readonly service: () => SharedService;
  /** Gets what the store sends without being asked. */
  readonly onPush?: ((message: never) => void) | undefined;
  /** Called for each connection after the first: what the store knew of this process, or all it had, is gone. */
  readonly onReset?: (() => void) | undefined;
  readonly log?: Log | undefined;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What calls go to while there is a connection. */
interface Line {
  send(body: unknown, signal: AbortSignal | undefined): Promise<unknown>;
  close(): Promise<void>;
}

const firstDelayMs = 20;
const lastDelayMs = 1000;
/** How long a call waits for a host, while one is looked for. */
const patienceMs = 5_000;

export class SharedLink {
  readonly #options: SharedLinkOptions;
  readonly #mayHost: boolean;
  readonly #log: Log;
  #line: Line | undefined;
  #opening: Promise<void> | undefined;
  #isDown = false;
  #wasOpen = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: SharedLinkOptions) {
    this.#options = options;
    this.#mayHost = options.host ?? !isClusterWorker();
    this.#log = options.log ?? silentLog;
  }

  /** Whether calls are sent at once. */
  get isReady(): boolean {
    return this.#line !== undefined;
  }

  /**
   * Resolves when calls can be sent.
   *
   * @throws BkError `unavailable` when no process keeps the store and this one may not; `closed`
   */
  ready(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new BkError("closed", "used after close"));
    if (this.#line !== undefined) return Promise.resolve();
    if (this.#isDown) return Promise.reject(this.#unavailable());
    return (this.#opening ??= this.#open());
  }

  /**
   * Asks the store. Only while `isReady`.
   *
   * @param signal  tells the store that nobody waits; the promise settles all the same only with its answer
   * @throws BkError what the store threw; `unavailable` with the outcome `unknown` when the connection broke
   */
  call(body: unknown, signal?: AbortSignal): Promise<unknown> {
    if (this.#line === undefined) return Promise.reject(this.#unavailable());
    return this.#line.send(body, signal);
  }

  /** Ends the connection; of the process that keeps the store, the store. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#opening?.catch(() => undefined);
    const line = this.#line;
    this.#line = undefined;
    await line?.close();
  }

  async #open(): Promise<void> {
    const deadline = Date.now() + patienceMs;
    try {
      for (let delay = firstDelayMs; ; delay = Math.min(delay * 2, lastDelayMs)) {
        const line = (await this.#connect()) ?? (this.#mayHost ? await this.#host() : undefined);
        if (line !== undefined) return await this.#begin(line);
        if (this.#isClosed) throw new BkError("closed", "used after close");
        if (Date.now() + delay > deadline) break;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
      this.#isDown = true;
      this.#retryLater();
      throw this.#unavailable();
    } finally {
      this.#opening = undefined;
    }
  }

  async #begin(line: Line): Promise<void> {
    if (this.#isClosed) {
      await line.close();
      throw new BkError("closed", "used after close");
    }
    this.#line = line;
    this.#isDown = false;
    const isAgain = this.#wasOpen;
    this.#wasOpen = true;
    if (isAgain) this.#options.onReset?.();
  }

  /** Tries again in the background, so that calls need not wait for it. */
  #retryLater(): void {
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#isDown = false;
      this.#opening ??= this.#open();
      this.#opening.catch((error: unknown) => this.#log.debug("no process keeps the shared store", { error: String(error) }));
    }, lastDelayMs);
    this.#retry.unref();
  }

  async #connect(): Promise<Line | undefined> {
    const socket = await connectTo(this.#options.path).catch(() => undefined);
    return socket === undefined ? undefined : this.#lineOver(socket);
  }

  #lineOver(socket: Socket): Line {
    const send = frameSender(socket);
    const pending = new Map<number, Pending>();
    let last = 0;
    socket.on("error", (error) => this.#log.debug("the connection to the shared store broke", { error: error.message }));
    socket.on("close", () => {
      if (this.#line === line) {
        this.#line = undefined;
        // At once: of the processes that are left one keeps the store from now on.
        if (!this.#isClosed) this.#reopen();
      }
      const lost = new BkError("unavailable", "the process that keeps the shared store is gone", { outcome: "unknown" });
      for (const { reject } of pending.values()) reject(lost);
      pending.clear();
    });
    // Only while answers are awaited does the connection keep the process from ending.
    socket.unref();
    receiveFrames(socket, (message: FromHost) => {
      if ("push" in message) return this.#options.onPush?.(message.push as never);
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (pending.size === 0) socket.unref();
      if (waiting === undefined) return;
      if ("ok" in message) return waiting.resolve(message.ok);
      if (!("error" in message)) return waiting.resolve(undefined);
      const { code, outcome, detail, message: text } = message.error;
      waiting.reject(new BkError(code, text, { outcome, detail }));
    });
    const line: Line = {
      send: (body, signal) =>
        new Promise((resolve, reject) => {
          const id = ++last;
          if (pending.size === 0) socket.ref();
          const stopListening =
            signal === undefined || signal.aborted ? undefined : onAbort(signal, () => send({ cancel: id } satisfies ToHost));
          pending.set(id, {
            resolve: (value) => {
              stopListening?.();
              resolve(value);
            },
            reject: (error) => {
              stopListening?.();
              reject(error as Error);
            },
          });
          send({ id, body } satisfies ToHost);
        }),
      close: () =>
        new Promise((resolve) => {
          socket.once("close", () => resolve());
          socket.destroy();
        }),
    };
    return line;
  }

  async #host(): Promise<Line | undefined> {
    const host = await SharedHost.listen(this.#options.path, this.#options.service);
    if (host === undefined) return undefined;
    this.#log.debug("this process keeps the shared store", { path: this.#options.path });
    const caller: SharedCaller = host.caller((message) => this.#options.onPush?.(message as never));
    const forever = new AbortController();
    return {
      async send(body, signal) {
        return host.service.call(body as never, caller, signal ?? forever.signal);
      },
      close: async () => {
        forever.abort();
        host.service.left?.(caller);
        await host.close();
      },
    };
  }

  #reopen(): void {
    this.#opening ??= this.#open();
    this.#opening.catch((error: unknown) => this.#log.debug("no process keeps the shared store", { error: String(error) }));
  }

  #unavailable(): BkError {
    const wayOut = this.#mayHost ? "" : "; the primary of the cluster keeps it, once it has opened it too";
    return new BkError("unavailable", `no process keeps the shared store${wayOut}`, { outcome: "none" });
  }
}

function isClusterWorker(): boolean {
  return globalThis.process?.env["NODE_UNIQUE_ID"] !== undefined;
}

/**
 * The path of the socket of a name, in a folder that nobody but this user can enter; a name that is a path is itself.
 *
 * @param name  default: one for the working folder, so that programs in other folders do not meet
 * @throws BkError `denied` when somebody else has made that folder
 */
export function sharedPath(name?: string): string {
  const [os, path, fs, crypto] = [nodeModule("node:os"), nodeModule("node:path"), nodeModule("node:fs"), nodeModule("node:crypto")];
  if (name?.includes("/")) return path.resolve(name);
  // By its number: users of containers and of systemd's DynamicUser have no name that could be asked for.
  const user = globalThis.process.geteuid?.();
  const folder = path.join(os.tmpdir(), `bk-${user}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = fs.statSync(folder);
  if (uid !== user || (mode & 0o077) !== 0)
    throw new BkError(
      "denied",
      "the folder of shared stores in the system's folder for temporary files belongs to somebody else, or is open to others",
    );
  const own = name ?? `folder:${globalThis.process.cwd()}`;
  // Short, whatever the name: paths of sockets take about a hundred characters.
  return path.join(folder, `${crypto.createHash("sha256").update(own).digest("hex").slice(0, 24)}.sock`);
}
