// One server that requests are passed on to: its connections, how busy it is, and whether it takes any.

import { createHash } from "node:crypto";
import { Agent as PlainAgent, type ClientRequest, request as plainRequest, type RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { isIP } from "node:net";

import type { Clock } from "@bk/core";

import type { ProxySettings } from "./proxy-options.js";

/**
 * How long an idle connection is kept: less than servers do, which may close one at the moment in which it is used. One that is restarted keeps them two
 * seconds.
 */
const idleMs = 1000;

export class Upstream {
  readonly url: string;
  /** What the cookie has: it does not tell where the server is. */
  readonly id: string;
  /** Requests and WebSockets in progress. */
  running = 0;
  /** It answers its check of health, where there is one. */
  isHealthy = true;
  #outUntil = 0;
  readonly #clock: Clock;
  readonly #outMs: number;
  readonly #agent: PlainAgent;
  readonly #place: RequestOptions;
  readonly #isTls: boolean;

  constructor(url: string, { maxConnections, ca, outMs }: ProxySettings, clock: Clock) {
    this.url = url;
    this.id = createHash("sha256").update(url).digest("hex").slice(0, 16);
    this.#clock = clock;
    this.#outMs = outMs;
    this.#isTls = url.startsWith("https:");
    const pool = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections, timeout: idleMs };
    this.#agent = this.#isTls ? new TlsAgent({ ...pool, ...(ca === undefined ? {} : { ca: [...ca] }) }) : new PlainAgent(pool);
    this.#place = placeOf(url);
  }

  get isReady(): boolean {
    return this.isHealthy && this.readyInMs === 0;
  }

  /** How long it is kept out, in milliseconds. */
  get readyInMs(): number {
    return Math.max(0, this.#outUntil - this.#clock.now());
  }

  /** It took no connection: it is left alone for a while. */
  refused(): void {
    this.#outUntil = this.#clock.now() + this.#outMs;
  }

  /** It took one. */
  accepted(): void {
    this.#outUntil = 0;
  }

  /** @throws TypeError for headers and targets that no request may have */
  request(options: RequestOptions): ClientRequest {
    return (this.#isTls ? tlsRequest : plainRequest)({ ...options, ...this.#place, agent: this.#agent });
  }

  /** One of the connections that were kept is closed: the others are of the same time. */
  closeIdle(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  close(): void {
    this.#agent.destroy();
  }
}

function placeOf(url: string): RequestOptions {
  if (url.startsWith("unix:")) return { socketPath: url.slice("unix:".length) };
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  // Else Node would ask for the certificate of the Host header.
  return { host, ...(port === "" ? {} : { port }), ...(url.startsWith("https:") ? { servername: isIP(host) === 0 ? host : "" } : {}) };
}
