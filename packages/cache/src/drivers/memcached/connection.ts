// One server: commands of the meta protocol are sent as they come, and answered in order.

import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Log } from "@bk/core";
import type { Call } from "../../driver.js";
import { CacheError } from "../../errors.js";

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  readonly connectTimeoutMs: number;
  readonly silenceMs: number;
  readonly log: Log;
  /** Called when it is connected, when it is not any more, and with the error of an attempt that failed. */
  readonly onChange: (error?: unknown) => void;
}

/** An answer: its first word and flags, and the value that comes with `VA`. */
export interface Answer {
  readonly words: readonly string[];
  readonly value: Buffer | undefined;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** As long as the head of a message of the binary protocol: a server that speaks only that waits for no more, and ends the connection. */
const noop = Buffer.from(`${"mn".padEnd(24)}\r\n`);
const lineEnd = Buffer.from("\r\n");
/** How long a server that could not be reached is left alone. */
const restMs = 1_000;

export class MemcachedServer {
  readonly #options: ServerOptions;
  #socket: Socket | undefined;
  #opening: Promise<void> | undefined;
  #downUntil = 0;
  #downCause: unknown;
  #isClosed = false;
  #waiting: Waiting[] = [];
  #head = 0;
  #unread: Buffer[] = [];
  #unreadLength = 0;
  /** Bytes that are needed before it is worth looking again. */
  #needed = 0;
  #unsent: Buffer[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#socket !== undefined;
  }

  /** Whether it was lately found to be away. */
  get isDown(): boolean {
    return this.#socket === undefined && performance.now() < this.#downUntil;
  }

  /**
   * Sends a command, and gives its answer.
   *
   * @throws CacheError `unavailable`: `none` when nothing was sent
   */
  async send(command: Buffer, call: Call): Promise<Answer> {
    if (this.#socket === undefined) await this.#ready();
    if (call.isGone) throw new CacheError("cancelled", "given up", { outcome: "none" });
    call.isSent = true;
    return this.#write(command);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined);
    const socket = this.#socket;
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.destroy();
    });
  }

  #ready(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new CacheError("closed", "used after close"));
    if (this.isDown) return Promise.reject(this.#unreachable());
    return (this.#opening ??= this.#open().finally(() => (this.#opening = undefined)));
  }

  async #open(): Promise<void> {
    try {
      const socket = await this.#connect();
      if (this.#isClosed) {
        socket.destroy();
        throw new CacheError("closed", "used after close");
      }
      await this.#signIn();
      this.#downUntil = 0;
      this.#options.onChange();
    } catch (error) {
      this.#downUntil = performance.now() + restMs;
      this.#downCause = error;
      this.#options.onChange(error);
      if (error instanceof CacheError) throw error;
      throw this.#unreachable();
    }
  }

  #connect(): Promise<Socket> {
    const { host, port, tls, connectTimeoutMs, silenceMs, log } = this.#options;
    return new Promise((resolve, reject) => {
      const socket = tls === false ? connect({ host, port, noDelay: true }) : connectTls({ host, port, ...(tls === true ? {} : tls) });
      const timer = setTimeout(() => socket.destroy(new Error("no connection in time")), connectTimeoutMs);
      socket.once("error", reject);
      socket.on("error", (error) => log.debug("memcached connection failed", { host, port, error: error.message }));
      socket.once(tls === false ? "connect" : "secureConnect", () => {
        clearTimeout(timer);
        this.#socket = socket;
        resolve(socket);
      });
      socket.on("data", (chunk: Buffer) => this.#read(chunk));
      // Silence counts only while an answer is owed.
      socket.setTimeout(silenceMs, () => {
        if (this.#head < this.#waiting.length) socket.destroy(new Error("no answer in time"));
      });
      socket.on("close", () => {
        clearTimeout(timer);
        if (this.#socket === socket) this.#lost();
        reject(new Error("the connection was closed"));
      });
    });
  }

  /** With `-Y` the server wants the first command to bring user and password. */
  async #signIn(): Promise<void> {
    const { user, password } = this.#options;
    const secret = Buffer.from(`${user} ${password ?? ""}`);
    const command = user === undefined ? noop : Buffer.concat([Buffer.from(`set auth 0 0 ${secret.length}\r\n`), secret, lineEnd]);
    try {
      const { words } = await this.#write(command);
      if (user !== undefined && words[0] !== "STORED") throw refusesUser();
    } catch (error) {
      // Nothing else may go out on it, though it is open.
      this.#socket?.destroy();
      this.#lost();
      if (!(error instanceof CacheError) || error.code !== "unavailable") throw error;
      throw new CacheError(
        "unavailable",
        "the server closed the connection at its first command; one with SASL (-S) has another protocol, use -Y",
        {
          outcome: "none",
          cause: error,
        },
      );
    }
  }

  #write(command: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // Commands of one tick go out in one piece.
      if (this.#unsent.push(command) === 1) process.nextTick(() => this.#flush());
    });
  }

  #flush(): void {
    const commands = this.#unsent;
    this.#unsent = [];
    this.#socket?.write(commands.length === 1 ? commands[0]! : Buffer.concat(commands));
  }

  #lost(): void {
    this.#socket = undefined;
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    this.#unread = [];
    this.#unreadLength = 0;
    this.#needed = 0;
    this.#unsent = [];
    this.#options.onChange();
    for (const { reject } of waiting) reject(new CacheError("unavailable", "the connection was lost", { outcome: "unknown" }));
  }

  #read(chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#unreadLength += chunk.length;
    if (this.#unreadLength < this.#needed) return;
    let data = this.#unread.length === 1 ? chunk : Buffer.concat(this.#unread);
    for (;;) {
      const end = data.indexOf(lineEnd);
      if (end < 0) {
        this.#needed = data.length + 1;
        break;
      }
      const words = data.toString("latin1", 0, end).split(" ");
      let next = end + 2;
      let value: Buffer | undefined;
      if (words[0] === "VA") {
        const size = Number(words[1]);
        next += size + 2;
        if (data.length < next) {
          this.#needed = next;
          break;
        }
        value = data.subarray(end + 2, end + 2 + size);
      }
      data = data.subarray(next);
      this.#answer({ words, value });
      // Given up: the next connection begins afresh.
      if (this.#socket === undefined) return;
    }
    if (data.length === 0) this.#needed = 0;
    this.#unread = data.length === 0 ? [] : [data];
    this.#unreadLength = data.length;
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting[this.#head++];
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    // Nobody asked: the two no longer agree on what is answered.
    if (waiting === undefined) return void this.#socket?.destroy();
    const [word] = answer.words;
    if (word !== "CLIENT_ERROR" && word !== "SERVER_ERROR" && word !== "ERROR") return waiting.resolve(answer);
    const text = answer.words.slice(1).join(" ");
    if (/too large/.test(text))
      return waiting.reject(new CacheError("too-large", "the value is larger than the server takes", { outcome: "none" }));
    if (/authentication failure/.test(text)) return waiting.reject(refusesUser());
    if (/unauthenticated/.test(text)) {
      // The server does nothing, and leaves the commands behind this one without an answer.
      const all = [waiting, ...this.#waiting.slice(this.#head)];
      this.#waiting = [];
      this.#socket?.destroy();
      this.#lost();
      for (const { reject } of all) reject(new CacheError("unauthenticated", "the server asks for a password", { outcome: "none" }));
      return;
    }
    if (/out of memory/.test(text))
      return waiting.reject(new CacheError("unavailable", "the server is out of memory", { outcome: "none" }));
    waiting.reject(new CacheError("internal", `the server says ${word}`, { outcome: "none", cause: new Error(text) }));
  }

  #unreachable(): CacheError {
    const cause = this.#downCause;
    const code = cause instanceof CacheError ? cause.code : "unavailable";
    return new CacheError(code, cause instanceof CacheError ? cause.message : "the server cannot be reached", { outcome: "none", cause });
  }
}

function refusesUser(): CacheError {
  return new CacheError("unauthenticated", "the server refuses the user or password", { outcome: "none" });
}
