// One look at the logs. How far they were read, and what waits to be told, is in a file, so that it holds over restarts.

import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";

import type { Clock, Log } from "@bk/core";

import { type Attached, type Channel, matchesOf, ownMark } from "./channels.js";
import { type Position, readNew } from "./read-new.js";
import { type Held, keyOf, nothing, type Report, reportOf, withLine } from "./report.js";

export interface WatchedFile {
  readonly path: string;
  /** Every line of it is of this channel. Default: what channels match. */
  readonly channel?: string | undefined;
}

export interface ToldChannel extends Channel {
  /** The time between two reports; what comes meanwhile waits. */
  readonly pauseMs: number;
  /** A line is told once; then not again before a day has passed without it. */
  readonly once: boolean;
  readonly send: (report: Report) => Promise<void>;
}

export interface WatchOptions {
  readonly files: readonly WatchedFile[];
  readonly channels: readonly ToldChannel[];
  /** Default: none. */
  readonly attached?: Attached | undefined;
  /** Where the state is kept. */
  readonly statePath: string;
  readonly host: string;
  readonly app: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface ChannelState {
  readonly sentAt: number;
  readonly held: Held;
}

interface State {
  readonly files: Record<string, Position>;
  readonly channels: Record<string, ChannelState>;
  /** When lines that are told once were there last, by channel and key. */
  readonly told: Record<string, number>;
}

const forgetMs = 24 * 3_600_000;
const mostTold = 1000;

/** Reads what is new, and tells it. What cannot be told waits for the next time. @returns how many reports were sent */
export async function watchLogs(options: WatchOptions): Promise<number> {
  const { files, channels, statePath, clock, log } = options;
  const state = await readState(statePath, log);
  const now = clock.now();
  for (const [key, at] of Object.entries(state.told)) if (now - at > forgetMs) delete state.told[key];
  for (const file of files) await lookAt(file, state, options);
  let sent = 0;
  for (const channel of channels) {
    const { sentAt, held } = state.channels[channel.name] ?? { sentAt: 0, held: nothing };
    if ((held.lines.length === 0 && held.more === 0) || now - sentAt < channel.pauseMs) continue;
    try {
      await channel.send(reportOf(channel.name, held, options));
      state.channels[channel.name] = { sentAt: now, held: nothing };
      sent++;
    } catch (error) {
      log.warn(`${ownMark}the report of ${channel.name} was not taken; it is sent again the next time`, {
        reason: (error as Error).message,
      });
    }
  }
  await writeState(statePath, state);
  return sent;
}

async function lookAt({ path, channel: only }: WatchedFile, state: State, options: WatchOptions): Promise<void> {
  const { channels, attached, clock, log } = options;
  const found = await readNew(path, state.files[path]).catch((error: unknown) => {
    log.warn(`${ownMark}${path} cannot be read`, { reason: (error as NodeJS.ErrnoException).code });
    return undefined;
  });
  if (found === undefined) return;
  state.files[path] = found.position;
  if (found.skipped > 0) log.warn(`${ownMark}${found.skipped} bytes of ${path} were passed over: there was more than is read at once`);
  const every = channels.filter(({ name }) => name === only).map((channel) => ({ ...channel, match: /./ }));
  for (const { channel, text } of matchesOf(found.lines, only === undefined ? channels : every, attached)) {
    const { sentAt, held } = state.channels[channel] ?? { sentAt: 0, held: nothing };
    if (channels.find(({ name }) => name === channel)!.once && wasTold(state, `${channel} ${keyOf(text)}`, clock.now())) continue;
    state.channels[channel] = { sentAt, held: withLine(held, text) };
  }
}

function wasTold({ told }: State, key: string, now: number): boolean {
  const isKnown = told[key] !== undefined;
  if (!isKnown && Object.keys(told).length >= mostTold) delete told[Object.keys(told)[0]!];
  told[key] = now;
  return isKnown;
}

/** What was never written, or is no state, is none: the logs are read as if for the first time. */
async function readState(path: string, log: Log): Promise<State> {
  try {
    const { files, channels, told } = JSON.parse(await readFile(path, "utf8")) as State;
    return { files: { ...files }, channels: { ...channels }, told: { ...told } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      log.warn(`${ownMark}${path} cannot be read; the logs are read anew`, { reason: (error as Error).name });
    return { files: {}, channels: {}, told: {} };
  }
}

/** Whole or not at all. */
async function writeState(path: string, state: State): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(draft, JSON.stringify(state), { mode: 0o600, flag: "wx" });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
