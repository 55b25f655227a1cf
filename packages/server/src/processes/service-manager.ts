// Tells systemd, where it started this process, that it serves, lives and ends: `Type=notify` and `WatchdogSec` of a unit.

import { execFile } from "node:child_process";

import type { Log } from "@bk/core";

export interface ServiceManager {
  /** It serves; `systemctl start` waits for this, and the watchdog begins. `systemctl status` shows the text. */
  ready(status: string): void;
  /** It finishes what runs, and then ends. */
  stopping(): void;
}

/** Does nothing where `NOTIFY_SOCKET` is not set. The sender is a process of its own: the unit needs `NotifyAccess=all`. */
export function serviceManager(log: Log): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = process.env;
  let isWorking = socket !== undefined && socket !== "";
  // By the program that comes with systemd: Node has no datagram sockets of Unix.
  const send = (...fields: readonly string[]): void => {
    if (!isWorking) return;
    execFile("systemd-notify", fields, (error) => {
      if (error === null || !isWorking) return;
      isWorking = error.code !== "ENOENT";
      log.error("systemd cannot be told how the server is; it may take it for one that does not start", { reason: error.message });
    });
  };
  const periodMs = watched === undefined || Number(watched) === process.pid ? Number(watchdog ?? 0) / 1000 : 0;
  let beat: NodeJS.Timeout | undefined;
  return {
    ready(status) {
      send("READY=1", `STATUS=${status}`);
      // One or two may be late.
      if (isWorking && periodMs > 0) beat = setInterval(() => send("WATCHDOG=1"), periodMs / 3).unref();
    },
    stopping() {
      clearInterval(beat);
      send("STOPPING=1");
    },
  };
}
