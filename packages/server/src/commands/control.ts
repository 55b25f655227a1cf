// `bk-server status`, `stop`, `restart`, `reload`: asks the server of the home folder.

import { setTimeout as sleep } from "node:timers/promises";

import { BkError } from "@bk/core";

import { shownBytes } from "../config/value-types.js";
import { askControl, controlPath, type ServerState } from "../processes/control.js";
import { invalidSetting } from "../config/errors.js";
import { fleetCommand, tellFleet } from "../processes/fleet.js";
import { isAlive } from "../processes/is-alive.js";
import { fleetKeyOf, varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { type JsonOption, print, printJson, tell } from "./output.js";

const at = ({ home }: Configuration): string => controlPath(varFolder(home));

export async function statusCommand(configuration: Configuration, { json = false }: JsonOption): Promise<void> {
  const state = (await askControl(at(configuration), { do: "status" })) as ServerState;
  if (json) return printJson(state);
  const { version, pid, url, plainUrl, startedAt, processes } = state;
  print(`bk-server ${version}  pid ${pid}  ${[url, plainUrl].filter(Boolean).join(" and ") || "jobs alone"}  up ${shownAge(startedAt)}`);
  for (const { role, slot, pid: own, state: is, startedAt: since, rss, restarts } of processes) {
    const age = since === undefined ? "" : `  up ${shownAge(since)}`;
    print(
      `  ${role} ${slot}  ${is.padEnd(8)}  pid ${own ?? "-"}${age}  ${shownBytes(Math.round(rss / 2 ** 20) * 2 ** 20)}  ${restarts} restarts`,
    );
  }
}

function shownAge(since: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}

/** Waits until the server has ended. */
export async function stopCommand(configuration: Configuration, { json = false }: JsonOption): Promise<void> {
  const { pid } = (await askControl(at(configuration), { do: "status" })) as ServerState;
  await askControl(at(configuration), { do: "stop" });
  while (isAlive(pid)) await sleep(100);
  if (json) printJson({ stopped: pid });
}

const roles = ["web", "worker", "proxy"];

export async function restartCommand(configuration: Configuration, { json = false }: JsonOption, role?: string): Promise<void> {
  if (role !== undefined) requireRole(role);
  await askControl(at(configuration), { do: "restart", ...(role === undefined ? {} : { role }) });
  if (json) printJson({ restarted: role ?? "all" });
}

/** Ends the processes of a role at once; others take their place. */
export async function killCommand(configuration: Configuration, options: JsonOption, role: string): Promise<void> {
  requireRole(role);
  const ended = (await askControl(at(configuration), { do: "kill", role })) as readonly number[];
  tell(options, { role, ended }, ended.length === 0 ? `no ${role} process runs` : `ended: ${ended.join(", ")}`);
}

function requireRole(role: string): void {
  if (!roles.includes(role)) throw new BkError("invalid", `role must be one of ${roles.join(", ")}`, { detail: { field: "role" } });
}

export async function reloadCommand(configuration: Configuration, options: JsonOption): Promise<void> {
  const changed = (await askControl(at(configuration), { do: "reload" })) as readonly string[];
  tell(options, { changed }, changed.length === 0 ? "nothing changed" : `changed: ${changed.join(", ")}`);
}

/** Tells all servers of the bus. */
export async function fleetOrder(configuration: Configuration, { json = false }: JsonOption, name: string, level?: string): Promise<void> {
  const command = fleetCommand(name, level);
  if (configuration.bus === undefined) throw invalidSetting("bus", "bus is not given: there is nothing that several servers share");
  await tellFleet(configuration.bus, fleetKeyOf(configuration), command);
  if (json) printJson({ told: command });
}
