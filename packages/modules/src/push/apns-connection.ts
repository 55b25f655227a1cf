// One connection to APNs: HTTP/2, with as many requests at a time as the server takes.

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";

import { BkError, cancelledError, onAbort } from "@bk/core";

export interface ApnsReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ApnsConnectionOptions {
  readonly origin: string;
  /** A certificate to trust, in PEM. */
  readonly ca: string | undefined;
  /** How long the connection, a reply, or the answer to a ping may take. */
  readonly timeoutMs: number;
  /** How often the server is asked whether it is there. */
  readonly pingMs: number;
}

interface Link {
  readonly session: ClientHttp2Session;
  /** Resolves when the server has said how many requests it takes. */
  readonly ready: Promise<void>;
  running: number;
  /** It takes no further requests. */
  isEnding: boolean;
}

const away = (what: string, outcome: "none" | "unknown"): BkError => new BkError("unavailable", `apns: ${what}`, { outcome });

/** Opens a connection with the first request, and another when the server has ended one. */
export class ApnsConnection {
  readonly #options: ApnsConnectionOptions;
  readonly #links = new Set<Link>();
  /** The one for new requests. */
  #link: Link | undefined;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(options: ApnsConnectionOptions) {
    this.#options = options;
  }

  /** @throws BkError `unavailable`, `timeout`; `outcome` is `none` when the server has not seen the request; `cancelled`, `closed` */
  async request(headers: OutgoingHttpHeaders, body: string, signal: AbortSignal | undefined): Promise<ApnsReply> {
    const link = await this.#place(signal);
    try {
      return await exchange(link.session, headers, body, this.#options.timeoutMs, signal);
    } finally {
      link.running--;
      if (link.running === 0) link.session.unref();
      this.#waiting.shift()?.();
    }
  }

  /** Takes no further requests over the present connection: the next one opens another. */
  reset(): void {
    if (this.#link !== undefined) this.#end(this.#link);
  }

  /** Ends when what runs has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ended = [...this.#links].map(
      ({ session }) => new Promise<void>((resolve) => (session.closed && session.destroyed ? resolve() : session.once("close", resolve))),
    );
    for (const link of this.#links) this.#end(link);
    await Promise.all(ended);
  }

  /** Waits until one more request may run. */
  async #place(signal: AbortSignal | undefined): Promise<Link> {
    for (;;) {
      if (this.#isClosed) throw new BkError("closed", "apns: the connection was closed");
      const link = (this.#link ??= this.#open());
      await link.ready;
      if (signal?.aborted) {
        // The place that it was woken for is another one's.
        this.#waiting.shift()?.();
        throw cancelledError(signal);
      }
      if (!link.isEnding && link.running < (link.session.remoteSettings.maxConcurrentStreams ?? Infinity)) {
        if (link.running++ === 0) link.session.ref();
        return link;
      }
      if (!link.isEnding) await this.#turn(signal);
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    let wake!: () => void;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.#waiting.push(wake);
    const stop = signal && onAbort(signal, wake);
    await woken;
    stop?.();
    this.#waiting = this.#waiting.filter((each) => each !== wake);
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #end(link: Link): void {
    link.isEnding = true;
    if (this.#link === link) this.#link = undefined;
    if (!link.session.destroyed) link.session.close();
    this.#wakeAll();
  }

  #open(): Link {
    const { origin, ca, timeoutMs, pingMs } = this.#options;
    const session = connect(origin, { settings: { enablePush: false }, ...(ca === undefined ? {} : { ca }) });
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => session.destroy(away(`no connection in ${timeoutMs} ms`, "none")), timeoutMs);
      session.once("remoteSettings", resolve);
      session.once("close", () => reject(away("the connection ended before it was ready", "none")));
      session.once("error", (error: Error & { code?: string }) => reject(away(`no connection (${error.code ?? "unknown"})`, "none")));
      void session.once("remoteSettings", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
    });
    const link: Link = { session, ready, running: 0, isEnding: false };
    // Whoever waits for it is told; the others open another.
    ready.catch(() => this.#end(link));
    this.#links.add(link);
    const beat = setInterval(() => ping(session, timeoutMs), pingMs);
    beat.unref();
    session
      // Requests that run have errors of their own.
      .on("error", () => undefined)
      .on("remoteSettings", () => this.#wakeAll())
      .on("goaway", () => this.#end(link))
      .once("close", () => {
        clearInterval(beat);
        this.#links.delete(link);
        this.#end(link);
      });
    return link;
  }
}

/** A connection that answers no ping is cut, so that whoever waits for a reply learns of it. */
function ping(session: ClientHttp2Session, timeoutMs: number): void {
  const timer = setTimeout(() => session.destroy(away("the connection does not answer", "unknown")), timeoutMs);
  timer.unref();
  const end = (): void => clearTimeout(timer);
  if (session.closed || session.destroyed || !session.ping(end)) end();
}

function exchange(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<ApnsReply> {
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(headers);
    } catch (error) {
      return reject(away(`the connection ends (${(error as { code?: string }).code ?? "unknown"})`, "none"));
    }
    let received: IncomingHttpHeaders | undefined;
    const chunks: Buffer[] = [];
    const fail = (error: BkError): void => {
      reject(error);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const timer = setTimeout(() => fail(new BkError("timeout", `apns: no reply in ${timeoutMs} ms`)), timeoutMs);
    const stop = signal && onAbort(signal, () => fail(new BkError("cancelled", "apns: cancelled by the caller's signal")));
    stream
      .on("response", (each) => (received = each))
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", () => {
        if (received !== undefined)
          resolve({ status: Number(received[":status"]), headers: received, body: Buffer.concat(chunks).toString() });
      })
      // What was refused, or not sent, was not worked on (RFC 9113, 8.7).
      .on("error", () =>
        reject(
          away(
            "the connection was lost",
            stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || stream.id === undefined ? "none" : "unknown",
          ),
        ),
      )
      .on("close", () => {
        clearTimeout(timer);
        stop?.();
        reject(away("the connection was lost", stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? "none" : "unknown"));
      });
    stream.end(body);
  });
}
