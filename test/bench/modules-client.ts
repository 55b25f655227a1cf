// Clients of the server with modules, in a process of their own: many open subscribers, or pings at a steady pace.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

import { answerOrders } from "./answer.js";
import { signed } from "./modules-requests.js";

export interface ModulesClientOptions {
  readonly client: "modules";
  readonly port: number;
}

export type SubscriberKind = "SSE" | "WebSocket";

export type ModulesClientOrder =
  /** Opens subscribers, of each account one, or all of the first. */
  | { readonly kind: "open"; readonly as: SubscriberKind; readonly count: number; readonly of: "each" | "first" }
  /** Resolves when all have heard of the event with the marker. */
  | { readonly kind: "heard"; readonly marker: string }
  | { readonly kind: "leave" | "end" }
  | { readonly kind: "ping"; readonly ms: number };

const host = "127.0.0.1";
const path = "/account/subscribe";
/** How many are being opened at a time. */
const width = 100;
const pingEveryMs = 5;

if (process.send !== undefined && process.argv[2]?.includes('"client"')) run(JSON.parse(process.argv[2]) as ModulesClientOptions);

function run({ port }: ModulesClientOptions): void {
  let sockets: Socket[] = [];
  /** How many have heard of each event, and when the last one had. */
  const heard = new Map<string, { count: number; at: number }>();
  let wake: () => void = () => undefined;

  async function openOne(as: SubscriberKind, account: number): Promise<void> {
    const signature = await signed("GET", path, account);
    const upgrade = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString("base64")}\r\n`;
    const more = as === "SSE" ? "accept: text/event-stream\r\n" : upgrade;
    const socket = connect(port, host);
    sockets.push(socket);
    socket.setNoDelay(true);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${signature}${more}\r\n`);
    await new Promise<void>((resolve, reject) => {
      let isOpen = false;
      socket.on("error", reject);
      socket.on("data", (part) => {
        const text = part.toString("latin1");
        if (!isOpen) {
          if (!/^HTTP\/1\.1 (200|101) /.test(text)) reject(new Error(`the server answers ${text.slice(0, 300)}`));
          isOpen = true;
          resolve();
        }
        // Small events come in one part.
        for (const [, marker] of text.matchAll(/"marker":"(\w+)"/g)) note(marker!);
      });
    });
  }

  function note(marker: string): void {
    const known = heard.get(marker) ?? { count: 0, at: 0 };
    heard.set(marker, { count: known.count + 1, at: performance.timeOrigin + performance.now() });
    if (known.count + 1 === sockets.length) wake();
  }

  async function open(as: SubscriberKind, count: number, of: "each" | "first"): Promise<void> {
    let next = 0;
    const loop = async (): Promise<void> => {
      while (next < count) {
        const account = next++;
        await openOne(as, of === "each" ? account : 0);
      }
    };
    await Promise.all(Array.from({ length: width }, loop));
  }

  async function allHeard(marker: string): Promise<{ at: number }> {
    while (heard.get(marker)?.count !== sockets.length) await new Promise<void>((resolve) => (wake = resolve));
    return { at: heard.get(marker)!.at };
  }

  function leave(): void {
    for (const socket of sockets) socket.destroy();
    sockets = [];
  }

  /** Pings at a steady pace, whether or not the one before is answered; gives how long each took. */
  async function ping(ms: number): Promise<{ times: number[] }> {
    const times: number[] = [];
    const idle: Socket[] = [];
    const request = `GET /ping HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
    const one = (due: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const socket = idle.pop() ?? connect(port, host).setNoDelay(true);
        socket.once("error", reject);
        socket.once("data", () => {
          times.push(performance.now() - due);
          socket.off("error", reject);
          idle.push(socket);
          resolve();
        });
        socket.write(request);
      });
    const running: Promise<void>[] = [];
    const begun = performance.now();
    for (let due = begun; due < begun + ms; due += pingEveryMs) {
      // Timers of a busy process are late: those that are due go at once.
      if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      running.push(one(due));
    }
    await Promise.all(running);
    for (const socket of idle) socket.destroy();
    return { times };
  }

  answerOrders(async (order: ModulesClientOrder) => {
    switch (order.kind) {
      case "open":
        return open(order.as, order.count, order.of);
      case "heard":
        return allHeard(order.marker);
      case "ping":
        return ping(order.ms);
      case "leave":
      case "end":
        return leave();
    }
  });
}
