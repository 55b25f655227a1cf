// Commands to all servers that share a bus: read the configuration again, restart, change the log's level. Each is signed, counts for a minute,
// once, and is written to the log of whoever carries it out.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { hostname } from "node:os";

import { BkError, type Clock, type Log, logLevels, type LogLevel, plainText, systemClock } from "@bk/core";
import { openPubSub, type PubSub } from "@bk/queue";

export type FleetCommand = { readonly do: "reload" | "restart" } | { readonly do: "log-level"; readonly level: LogLevel };
export const fleetCommands = ["reload", "restart", "log-level"] as const;

export interface FleetHandlers {
  reload(): void;
  restart(): void;
  logLevel(level: LogLevel): void;
}

/** What is sent: the command as text, so that it is signed as it is read, and its HMAC. */
interface Envelope {
  readonly text: string;
  readonly mac: string;
}

interface Sent {
  readonly command: FleetCommand;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly id: string;
  readonly from: string;
}

const channel = "bk:fleet";
/** How long a command counts, and how far apart clocks may be. */
const validMs = 60_000;

/** Carries out commands that come over the bus, until it is closed. Where some may have been missed, the configuration is read again. */
export async function joinFleet(
  url: string,
  key: string,
  handlers: FleetHandlers,
  log: Log,
  clock: Clock = systemClock,
): Promise<{ close(): Promise<void> }> {
  const bus = await openPubSub(url, { log });
  /** When those that were carried out may be forgotten. */
  const done = new Map<string, number>();
  const take = (message: unknown): void => {
    const now = clock.now();
    for (const [id, until] of done) if (until <= now) done.delete(id);
    const sent = opened(message, key);
    const why =
      sent === undefined ? "its signature is wrong" : Math.abs(now - sent.at) > validMs ? "it is too old, or a clock is wrong" : undefined;
    if (sent === undefined || why !== undefined) {
      log.warn("a command to the fleet was refused", { why });
      return;
    }
    if (done.has(sent.id)) return;
    done.set(sent.id, sent.at + 2 * validMs);
    log.info(`a command to the fleet: ${sent.command.do}`, {
      from: plainText(sent.from, 100),
      ...("level" in sent.command ? { level: sent.command.level } : {}),
    });
    carryOut(sent.command, handlers);
  };
  try {
    await bus.subscribe(channel, (message) => take(message), {
      onMissed() {
        // One may have been to read the configuration, which can be done once more. Another one to restart cannot.
        log.warn("commands to the fleet may have been missed: reading the configuration again");
        handlers.reload();
      },
    });
  } catch (error) {
    await bus.close();
    throw error;
  }
  return { close: () => bus.close() };
}

function carryOut(command: FleetCommand, handlers: FleetHandlers): void {
  if (command.do === "log-level") handlers.logLevel(command.level);
  else handlers[command.do]();
}

/** Sends a command to all servers of the bus. That nobody listens is not known. */
export async function tellFleet(url: string, key: string, command: FleetCommand, clock: Clock = systemClock): Promise<void> {
  const bus: PubSub = await openPubSub(url);
  try {
    const sent: Sent = { command, at: clock.now(), id: randomBytes(12).toString("base64url"), from: `${hostname()} ${process.pid}` };
    const text = JSON.stringify(sent);
    await bus.publish(channel, { text, mac: macOf(text, key) } satisfies Envelope);
  } finally {
    await bus.close();
  }
}

const macOf = (text: string, key: string): string => createHmac("sha256", key).update(text).digest("base64url");

/** Undefined for what is not signed by the key, or is no command. */
function opened(message: unknown, key: string): Sent | undefined {
  const { text, mac } = (message ?? {}) as Partial<Envelope>;
  if (typeof text !== "string" || typeof mac !== "string") return undefined;
  const [given, own] = [Buffer.from(mac), Buffer.from(macOf(text, key))];
  if (given.length !== own.length || !timingSafeEqual(given, own)) return undefined;
  const sent = JSON.parse(text) as Sent;
  return isCommand(sent.command) ? sent : undefined;
}

/** A newer server may know more of them. */
function isCommand(command: FleetCommand | undefined): boolean {
  if (command === undefined) return false;
  return command.do === "log-level" ? logLevels.includes(command.level) : command.do === "reload" || command.do === "restart";
}

/** @throws BkError `invalid`, naming what there is */
export function fleetCommand(name: string, level: string | undefined): FleetCommand {
  const wrong = (field: string, what: string): BkError => new BkError("invalid", what, { detail: { field } });
  if (name === "reload" || name === "restart") return { do: name };
  if (name !== "log-level") throw wrong("command", `there are ${fleetCommands.join(", ")}`);
  const known = logLevels.find((each) => each === level);
  if (known === undefined) throw wrong("level", `level must be one of ${logLevels.join(", ")}`);
  return { do: "log-level", level: known };
}
