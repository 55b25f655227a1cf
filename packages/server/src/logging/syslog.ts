// The log as records of syslog (RFC 5424), over UDP (RFC 5426), TCP or a Unix stream socket (RFC 6587, octets counted).

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";

const facilities = ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"];
const local0 = 16;
/** RFC 5424, section 6.2.1. */
const severities = { error: 3, warn: 4, info: 6, debug: 7 } as const;
export type SyslogSeverity = keyof typeof severities;

export interface SyslogTarget {
  readonly transport: "udp" | "tcp" | "unix";
  readonly host: string;
  readonly port: number;
  /** Of a Unix socket. */
  readonly path: string;
  readonly facility: number;
  readonly tag: string;
}

/** What a text such as `udp://host:514?facility=local0&tag=shop` says; undefined for one that is none. */
export function syslogTarget(text: string): SyslogTarget | undefined {
  const [, transport, place = "", query = ""] = /^(udp|tcp|unix):(?:\/\/)?([^?]+)(?:\?(.*))?$/.exec(text) ?? [];
  const options = new URLSearchParams(query);
  const facility = facilityNamed(options.get("facility") ?? "local0");
  const tag = options.get("tag") ?? "bk";
  const isKnown = [...options.keys()].every((name) => name === "facility" || name === "tag");
  if (transport === undefined || facility === undefined || !isKnown || !/^[\x21-\x7e]{1,48}$/.test(tag)) return undefined;
  if (transport === "unix") return place.startsWith("/") ? { transport, host: "", port: 0, path: place, facility, tag } : undefined;
  const [, host, port = "514"] = /^(\[[\da-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(place) ?? [];
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { transport: transport as "udp" | "tcp", host: host.replace(/^\[|\]$/g, ""), port: Number(port), path: "", facility, tag };
}

function facilityNamed(name: string): number | undefined {
  const [, number] = /^local([0-7])$/.exec(name) ?? [];
  const known = number === undefined ? facilities.indexOf(name) : local0 + Number(number);
  return known < 0 ? undefined : known;
}

/** Facilities by number: that of the access log, as it always was. */
export const accessFacility = local0 + 5;

export interface SyslogOptions {
  /** Records that wait while there is no connection; what comes beyond is dropped. Default 1,000. */
  readonly mostWaiting?: number;
  /** Before a lost connection is tried again; doubled each time, to 10 seconds. Default 100. */
  readonly firstDelayMs?: number;
  /** Told once when the place can never be sent to. Default: nobody is. */
  readonly onUnusable?: (why: string) => void;
}

/** Most bytes of a datagram; a longer record is cut. */
const longestDatagram = 8192;
const longestDelayMs = 10_000;

/** Sends records without ever holding up who logs. */
export class Syslog {
  readonly #target: SyslogTarget;
  readonly #mostWaiting: number;
  readonly #firstDelayMs: number;
  readonly #onUnusable: (why: string) => void;
  readonly #host = hostname().slice(0, 255) || "-";
  readonly #udp: ReturnType<typeof createSocket> | undefined;
  #waiting: Buffer[] = [];
  #socket: Socket | undefined;
  #isOpen = false;
  #retry: NodeJS.Timeout | undefined;
  #delayMs: number;
  #isClosed = false;
  #dropped = 0;
  #untold = 0;

  constructor(target: SyslogTarget, { mostWaiting = 1000, firstDelayMs = 100, onUnusable = () => undefined }: SyslogOptions = {}) {
    this.#target = target;
    this.#mostWaiting = mostWaiting;
    this.#firstDelayMs = this.#delayMs = firstDelayMs;
    this.#onUnusable = onUnusable;
    if (target.transport === "udp") {
      this.#udp = createSocket(target.host.includes(":") ? "udp6" : "udp4").unref();
      this.#udp.on("error", () => this.#drop());
    } else this.#connect();
  }

  /** Records that were not sent since it was opened. */
  get dropped(): number {
    return this.#dropped;
  }

  send(severity: SyslogSeverity, text: string, facility = this.#target.facility): void {
    if (this.#isClosed) return this.#drop();
    const record = this.#recordOf(facility * 8 + severities[severity], text);
    if (this.#udp !== undefined) {
      const { port, host } = this.#target;
      this.#udp.send(cut(record, longestDatagram), port, host, (error) => {
        if (error !== null) this.#drop();
      });
      return;
    }
    if (this.#isOpen && this.#socket!.writableLength < 1024 * 1024) this.#write(record);
    else if (this.#waiting.length < this.#mostWaiting) this.#waiting.push(record);
    else this.#drop();
  }

  /** `<PRI>1 TIME HOST APP PID - - TEXT` */
  #recordOf(priority: number, text: string): Buffer {
    const line = text.replaceAll(/[\r\n]+/g, " ");
    return Buffer.from(`<${priority}>1 ${new Date().toISOString()} ${this.#host} ${this.#target.tag} ${process.pid} - - ${line}`);
  }

  #drop(): void {
    this.#dropped++;
    this.#untold++;
  }

  #write(record: Buffer): void {
    this.#socket!.write(`${record.length} `);
    this.#socket!.write(record);
  }

  #connect(): void {
    const { transport, host, port, path } = this.#target;
    const socket = transport === "unix" ? connect(path) : connect(port, host);
    this.#socket = socket.unref();
    socket.on("connect", () => {
      this.#isOpen = true;
      this.#delayMs = this.#firstDelayMs;
      this.#flush();
    });
    socket.on("drain", () => this.#flush());
    // What syslog servers say is not read, but noticed when they end.
    socket.resume();
    socket.on("end", () => socket.destroy());
    let isOfDatagrams = false;
    // It is tried again, unless it can never be.
    socket.on("error", ({ code }: NodeJS.ErrnoException) => (isOfDatagrams = code === "EPROTOTYPE"));
    socket.on("close", () => {
      this.#isOpen = false;
      if (this.#isClosed) return;
      if (isOfDatagrams) return this.#onUnusable(`${path} takes datagrams, which Node has none of on Unix sockets; use udp:// or tcp://`);
      this.#retry = setTimeout(() => this.#connect(), this.#delayMs).unref();
      this.#delayMs = Math.min(longestDelayMs, this.#delayMs * 2);
    });
  }

  #flush(): void {
    for (const record of this.#waiting.splice(0)) this.#write(record);
    if (this.#untold === 0) return;
    const text = `${this.#untold} records of the log were not sent`;
    this.#untold = 0;
    this.#write(this.#recordOf(this.#target.facility * 8 + severities.warn, text));
  }

  /** Sends what waits, for `waitMs` at most, and ends the connection. */
  async close(waitMs = 1000): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    if (this.#udp !== undefined) {
      const closed = once(this.#udp, "close");
      // Behind what is being sent.
      setImmediate(() => this.#udp!.close());
      await closed;
      return;
    }
    const socket = this.#socket!;
    if (socket.closed || socket.destroyed) return;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const timer = setTimeout(() => socket.destroy(), waitMs);
    if (this.#isOpen) socket.end();
    else socket.once("connect", () => socket.end());
    await closed;
    clearTimeout(timer);
  }
}

/** At most so many bytes, without half a character. */
function cut(bytes: Buffer, most: number): Buffer {
  if (bytes.length <= most) return bytes;
  let end = most;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
