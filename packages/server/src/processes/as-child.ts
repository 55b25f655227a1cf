// The side of a process that a supervisor started.

import { readdirSync } from "node:fs";
import type { Socket } from "node:net";

import type { LogLevel } from "@bk/core";

import { type FromWorker, isMessage, type ToWorker } from "./messages.js";

export interface AsChild {
  /** Says that it serves, and beats from now on. */
  ready(): void;
  /** Calls `take` with each connection that comes from the supervisor. */
  accept(take: (socket: Socket) => void): void;
  send(message: FromWorker): void;
  /** Ends the beats. */
  close(): void;
}

export interface ChildHandlers {
  /** Finish what runs, and end. Also called when the supervisor is gone. */
  readonly drain: (why: string) => void;
  readonly reload: () => void;
  readonly logLevel: (level: LogLevel) => void;
  /** Say that nothing more is to come. */
  readonly unready?: () => void;
}

/** How long a process goes on without its supervisor. */
const orphanMs = 4000;

/** Undefined where nobody supervises this process. */
export function asChild(beatMs: number, { drain, reload, logLevel, unready }: ChildHandlers): AsChild | undefined {
  if (process.send === undefined) return undefined;
  const send = (message: FromWorker): void => {
    if (process.connected) process.send!(message, () => undefined);
  };
  let take = (socket: Socket): void => void socket.destroy();
  process.on("message", (message, handle) => {
    if (!isMessage(message)) return;
    const told = message as ToWorker;
    const { bk } = told;
    if (told.bk === "log-level") logLevel(told.level);
    // Undefined where the client left on the way.
    if (bk === "connection" && handle !== undefined) take(handle as Socket);
    if (bk === "drain") drain("the supervisor");
    if (bk === "unready") unready?.();
    if (bk === "reload") reload();
  });
  process.on("disconnect", () => {
    drain("the supervisor is gone");
    // The next one may begin already.
    setTimeout(() => process.exit(1), orphanMs).unref();
  });
  const beat = (): void => send({ bk: "beat", rss: process.memoryUsage.rss(), files: openFiles() });
  let timer: NodeJS.Timeout | undefined;
  return {
    ready() {
      send({ bk: "ready" });
      beat();
      timer = setInterval(beat, beatMs).unref();
    },
    accept(taking) {
      take = taking;
    },
    send,
    close: () => clearInterval(timer),
  };
}

/** Files and sockets that are open; undefined where the system does not tell. */
function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}
