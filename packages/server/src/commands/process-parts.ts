// What every process of a server has: a log, a way to be told to stop, a way to read its configuration again.

import { createHash } from "node:crypto";
import { join } from "node:path";

import type { Log } from "@bk/core";

import { reloadLogged } from "../config/config.js";
import { type AsChild, asChild, type ChildHandlers } from "../processes/as-child.js";
import { type ControlHandlers, controlPath, openControl } from "../processes/control.js";
import { type FleetHandlers, joinFleet } from "../processes/fleet.js";
import type { PrivateSocket } from "../processes/private-socket.js";
import { become, ownerOf } from "../processes/privileges.js";
import { fleetKeyOf, varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import type { ProcessLog } from "./process-log.js";

/** Reads the configuration again, and opens the log anew. What cannot be understood changes nothing. @param more  what else is done anew */
export function reloader(config: Configuration["config"], { log, reopen }: ProcessLog, more = (): unknown => undefined): () => void {
  return () => {
    reopen();
    reloadLogged(config, log);
    more();
  };
}

/** Reads the configuration again when a place of it changes; the log has the level that then holds. */
export function follow(config: Configuration["config"], { log, level }: ProcessLog): void {
  config.watch(log);
  config.onChange((changed) => {
    if (changed.has("log-level")) level.set(config.get("log-level"));
  });
}

export interface StopSignals {
  /** Resolves with who asked: a signal, or what `now` was called with. */
  readonly asked: Promise<string>;
  now(why: string): void;
  /** Waits for the start of something; told to stop meanwhile, the process ends at once: there is nothing to finish. */
  starting<T>(start: Promise<T>): Promise<T>;
}

/** The first signal stops cleanly, the second one at once. */
export function stopSignals(): StopSignals {
  let count = 0;
  let now!: (why: string) => void;
  const asked = new Promise<string>((resolve) => (now = resolve));
  for (const name of ["SIGTERM", "SIGINT"] as const)
    process.on(name, () => {
      if (count++ > 0) process.exit(1);
      now(name);
    });
  let isStarting = false;
  void asked.then(() => {
    if (isStarting) process.exit(0);
  });
  return {
    asked,
    now,
    async starting(start) {
      isStarting = true;
      try {
        return await start;
      } finally {
        isStarting = false;
      }
    },
  };
}

/** How long a process that serves alone finishes what runs after an error that nobody handled, whose request may never end. */
const faultyMs = 5000;

/** From now on an error that nobody handled lets what runs be finished before the process ends; where a primary started it, another one takes its place. */
export function finishOnFault({ finishOnFault: onFault }: ProcessLog, stop: StopSignals, supervised: AsChild | undefined): void {
  onFault((why) => {
    if (supervised === undefined) setTimeout(() => process.exit(1), faultyMs).unref();
    else supervised.send({ bk: "faulty" });
    stop.now(why);
  });
}

/** Answers `bk-server status` and the like, where the folder has room for a socket. */
export async function control(configuration: Configuration, log: Log, handlers: ControlHandlers): Promise<PrivateSocket | undefined> {
  try {
    return await openControl(controlPath(varFolder(configuration.home)), handlers);
  } catch (error) {
    log.warn("bk-server status, stop, restart and reload cannot reach this server", { reason: (error as Error).message });
    return undefined;
  }
}

/** Listens to commands for all servers of the bus, where there is one that others reach. */
export async function fleetOf(
  configuration: Configuration,
  log: Log,
  handlers: FleetHandlers,
): Promise<{ close(): Promise<void> } | undefined> {
  if (configuration.bus === undefined) return undefined;
  try {
    return await joinFleet(configuration.bus, fleetKeyOf(configuration), handlers, log);
  } catch (error) {
    // It serves without, too.
    log.error("commands to the fleet do not reach this server", { reason: (error as Error).message });
    return undefined;
  }
}

/** A name for what the processes of one home folder share: of a cache and a bus by `shared:`. */
export function sharedUrl({ home, config }: Configuration): string {
  const isPrimary = config.get("role") === "server";
  // As another user they could not enter the folder where such sockets lie.
  const place =
    config.get("uid") === undefined
      ? `bk-${createHash("sha256").update(home).digest("hex").slice(0, 16)}`
      : join(varFolder(home), "shared.sock");
  // The primary keeps it: what it knows outlives each of the others.
  return `shared:${place}?host=${isPrimary}`;
}

/** Beats that a process may miss. */
const beatsOfPatience = 6;

/** What a process that a primary started has to say to it; undefined in one that nobody started so. */
export function supervision({ config }: Configuration, handlers: ChildHandlers): AsChild | undefined {
  if (config.get("role") === "server") return undefined;
  const owner = ownerOf({ uid: config.get("uid"), gid: config.get("gid") });
  if (owner !== undefined) become(owner);
  // Whoever sends these to all processes of a server, as systemd may, means the primary with the second.
  process.on("SIGHUP", handlers.reload);
  process.on("SIGUSR2", () => undefined);
  return asChild(config.get("stuck-after") / beatsOfPatience || defaultBeatMs, handlers);
}

const defaultBeatMs = 10_000;

/** How long a connection of a process that is replaced may be idle before it is closed: its client may just be sending. */
export const idleMs = 2000;
/** The event loop of a process that serves should turn far more often. */
export const stuckAfterMs = 5000;
