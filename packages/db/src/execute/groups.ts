// Many members of one command, for `bulk`: in as few requests as the engine takes, several at the same time.

import { type BkError, isRetryable } from "@bk/core";

import type { Prepared } from "../compile/prepared.js";
import type { Capabilities, Driver, MemberReply, Reply, Values } from "../driver.js";
import type { Replies } from "./gatherer.js";
import type { PoolMetrics } from "./metrics.js";
import { type PartLimit, partLimit, Parts } from "./parts.js";
import { type CallEvent, tracesCommands } from "./tracing.js";
import { isRead } from "./retry.js";

/** Requests of one command at the same time. */
export const maxGroupsAtOnce = 4;
/** Members of a refused group that are tried alone at once. */
const smallGroup = 8;
/** Calls at the same time, for each of `maxGroupsAtOnce`, where the engine takes no groups. */
const ungrouped: PartLimit = { most: 32, bytes: Infinity, fewest: undefined, placeOf: undefined };

/** The calls that a command serves, as tracers know them. */
export type Served = readonly { readonly trace?: CallEvent | undefined }[];

/** Carries a group out. */
export type GroupSend = () => readonly MemberReply[] | Promise<readonly MemberReply[]>;

export interface GroupSettings {
  readonly driver: Driver;
  /** Of the pool: what the driver learned when it connected is among them. */
  readonly capabilities: () => Capabilities;
  readonly metrics: PoolMetrics;
  /** Sends the command of one member. */
  readonly send: (prepared: Prepared, values: Values, signal: AbortSignal | undefined, served: Served) => Reply | Promise<Reply>;
  /** Carries a group out, and lets tracers know. */
  readonly report: (prepared: Prepared, size: number, served: Served, send: GroupSend) => ReturnType<GroupSend>;
  /** The error of this package for what a command threw. */
  readonly known: (error: unknown) => BkError;
}

/** What one request of a command carries; one member where the engine takes no groups of it. */
export function groupLimit({ driver, capabilities }: GroupSettings, { shape }: Prepared): PartLimit {
  const limit = partLimit(shape, capabilities());
  return driver.executeGroup === undefined ? { ...limit, most: 1 } : limit;
}

/** Sends one group; each member gets its own reply or error. Throws or rejects with what the driver does. */
export function sendGroup(
  settings: GroupSettings,
  prepared: Prepared,
  group: readonly Values[],
  served: Served,
): Replies | Promise<Replies> {
  const { driver, metrics, report } = settings;
  metrics.groups++;
  const send: GroupSend = () => driver.executeGroup!(prepared.command, group);
  const replies = tracesCommands() ? report(prepared, group.length, served, send) : send();
  return replies instanceof Promise
    ? replies.then((all) => memberReplies(settings, prepared, group, all, served))
    : memberReplies(settings, prepared, group, replies, served);
}

/** Replies of members, with errors of this package for native ones; members that were merely put off are sent again. */
function memberReplies(
  settings: GroupSettings,
  prepared: Prepared,
  group: readonly Values[],
  replies: readonly MemberReply[],
  served: Served,
): Replies | Promise<Replies> {
  if (!replies.some((reply) => "error" in reply)) return replies as readonly Reply[];
  const outcomes = replies.map((reply) => ("error" in reply ? settings.known(reply.error) : reply));
  if (!outcomes.some(isRetryable)) return outcomes;
  return Promise.all(outcomes.map(async (outcome, i) => (isRetryable(outcome) ? sendOne(settings, prepared, group[i]!, served) : outcome)));
}

/** What is rejected is an error of this package. */
async function sendOne({ send }: GroupSettings, prepared: Prepared, values: Values, served: Served): Promise<Reply | BkError> {
  try {
    return await send(prepared, values, undefined, served);
  } catch (error) {
    return error as BkError;
  }
}

/**
 * Sends one command for many groups of values, no two of them on one row; each gets its own reply or error.
 * Never rejects. A synchronous engine answers at once.
 */
export function sendMany(
  settings: GroupSettings,
  prepared: Prepared,
  group: readonly Values[],
  served: Served,
): Replies | Promise<Replies> {
  settings.metrics.calls += group.length;
  const limit = groupLimit(settings, prepared);
  const isOne = group.length > 1 && group.length <= limit.most && limit.bytes === Infinity && limit.placeOf === undefined;
  if (!isOne) return sendParts(settings, prepared, group, limit, served);
  const failed = (error: unknown): Promise<Replies> => takeApart(settings, error, prepared, group, served);
  try {
    const replies = sendGroup(settings, prepared, group, served);
    return replies instanceof Promise ? replies.catch(failed) : replies;
  } catch (error) {
    return failed(error);
  }
}

async function sendParts(
  settings: GroupSettings,
  prepared: Prepared,
  group: readonly Values[],
  limit: PartLimit,
  served: Served,
): Promise<Replies> {
  const isGrouped = limit.most > 1;
  const parts = new Parts<{ readonly values: Values; readonly at: number }>(isGrouped ? limit : ungrouped);
  group.forEach((values, at) => parts.add({ values, at }));
  const replies = new Array<Reply | BkError>(group.length);
  const lane = async (): Promise<void> => {
    for (let part = parts.take(); part !== undefined; part = parts.take()) {
      const members = part.map(({ values }) => values);
      const own = await (isGrouped ? sendPart(settings, prepared, members, served) : sendApart(settings, prepared, members, served));
      part.forEach(({ at }, i) => (replies[at] = own[i]!));
    }
  };
  await Promise.all(Array.from({ length: maxGroupsAtOnce }, lane));
  return replies;
}

async function sendPart(settings: GroupSettings, prepared: Prepared, part: readonly Values[], served: Served): Promise<Replies> {
  if (part.length === 1) return sendApart(settings, prepared, part, served);
  try {
    return await sendGroup(settings, prepared, part, served);
  } catch (error) {
    return takeApart(settings, error, prepared, part, served);
  }
}

/** A group that the engine refuses for what one of its members has is halved until that one is alone. */
async function takeApart(
  settings: GroupSettings,
  error: unknown,
  prepared: Prepared,
  part: readonly Values[],
  served: Served,
): Promise<Replies> {
  const known = settings.known(error);
  const { code, outcome } = known;
  if (outcome !== "none" && !isRead(prepared.shape)) return part.map(() => known);
  if (part.length <= smallGroup || (code !== "already-exists" && code !== "invalid")) return sendApart(settings, prepared, part, served);
  const middle = part.length >> 1;
  const first = await sendPart(settings, prepared, part.slice(0, middle), served);
  return [...first, ...(await sendPart(settings, prepared, part.slice(middle), served))];
}

function sendApart(settings: GroupSettings, prepared: Prepared, part: readonly Values[], served: Served): Promise<Replies> {
  return Promise.all(part.map((values) => sendOne(settings, prepared, values, served)));
}
