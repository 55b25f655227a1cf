// Requests at a steady rate, whatever becomes of them, and what became of them.

import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { signRequest } from "@bk/auth";

import type { Login } from "../two-servers/servers.js";

/** A request that was not answered as it should be. */
export interface Failure {
  /** What was done to the server when it failed. */
  readonly during: string;
  readonly path: string;
  /** A status and its body, or the code of the error of the connection. */
  readonly what: string;
}

/** What became of the requests that began while something was done to the server. */
export interface Phase {
  requests: number;
  /** The longest time in which nothing succeeded, in milliseconds. */
  longestGapMs: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly perSecond: number;
  readonly by: Login;
  /** The account that messages go to. */
  readonly to: string;
}

const tickMs = 10;

/** A third are reads, a third writes, and of the others some are messages, which listeners are told of. */
export class Load {
  readonly failures: Failure[] = [];
  readonly phases = new Map<string, Phase>();
  /** Ids of rows, and texts of messages, that were acknowledged. */
  readonly rows = new Set<string>();
  readonly messages = new Set<string>();
  readonly #options: LoadOptions;
  // In turns, so that no connection is idle for so long that the server closes it.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32, scheduling: "fifo" });
  readonly #running = new Set<Promise<void>>();
  readonly #ended: Promise<void>;
  #during = "";
  #isOver = false;
  #count = 0;
  #succeededAt = performance.now();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.during("nothing");
    this.#ended = this.#go();
  }

  /** What is done to the server from now on. */
  during(name: string): void {
    this.#during = name;
    if (!this.phases.has(name)) this.phases.set(name, { requests: 0, longestGapMs: 0 });
  }

  failuresDuring(name: string): readonly Failure[] {
    return this.failures.filter(({ during }) => during === name);
  }

  /** Asks for no more, and waits for what is on its way. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
    await Promise.all(this.#running);
    this.#agent.destroy();
  }

  async #go(): Promise<void> {
    const begun = performance.now();
    for (let sent = 0; !this.#isOver; await sleep(tickMs)) {
      const due = Math.floor(((performance.now() - begun) * this.#options.perSecond) / 1000);
      // A test's machine that stood still does not make up for it at once.
      sent = Math.max(sent, due - this.#options.perSecond);
      for (; sent < due; sent++) {
        const one = this.#one(this.#count++).finally(() => this.#running.delete(one));
        this.#running.add(one);
      }
    }
  }

  async #one(n: number): Promise<void> {
    if (n % 3 === 0) return this.#ask("/data/get/note?id=first", undefined, () => undefined);
    const id = randomUUID();
    if (n % 3 === 1) return this.#ask("/data/put/note", { id, text: `text ${n}` }, () => this.rows.add(id));
    if (n % 30 === 2) return this.#ask("/message/add", { id: this.#options.to, msg: id }, () => this.messages.add(id));
    return this.#ask("/ping", undefined, () => undefined);
  }

  async #ask(path: string, json: object | undefined, succeeded: () => unknown): Promise<void> {
    const { url, by } = this.#options;
    const phase = this.phases.get(this.#during)!;
    phase.requests++;
    const body = json === undefined ? undefined : JSON.stringify(json);
    const method = body === undefined ? "GET" : "POST";
    const signed = path === "/ping" ? {} : await signRequest({ method, url: url + path, body, login: by.login, secret: by.secret });
    const headers = {
      ...signed,
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const what = await new Promise<200 | string>((resolve) => {
      const asked = request(url + path, { method, headers, agent: this.#agent, timeout: 20_000 }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.once("end", () => resolve(response.statusCode === 200 ? 200 : `${response.statusCode} ${text.slice(0, 200)}`));
        response.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
      asked.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      asked.once("timeout", () => asked.destroy(Object.assign(new Error("no reply"), { code: "NO_REPLY" })));
      asked.end(body);
    });
    if (what !== 200) {
      this.failures.push({ during: this.#during, path, what });
      return;
    }
    succeeded();
    const now = performance.now();
    phase.longestGapMs = Math.max(phase.longestGapMs, now - this.#succeededAt);
    this.#succeededAt = now;
  }
}
