// A message as the scripts keep it; queue-scripts.ts says how.

import type { NewMessage, Taken } from "../../queue/driver.js";

/** A message that was taken, and where its lease has it. */
export interface RedisTaken extends Taken {
  readonly lease: string;
  /** Its number in the lease, from 1. */
  readonly number: number;
  readonly priority: number;
  readonly dedupeKey: string | undefined;
  /** Bytes before the body; the head is ASCII. */
  readonly headLength: number;
}

export const isPlain = ({ delayMs, priority, groupKey, dedupeKey }: NewMessage): boolean =>
  delayMs === 0 && priority === 0 && groupKey === undefined && dedupeKey === undefined;

interface Head extends Pick<NewMessage, "id" | "priority" | "groupKey" | "dedupeKey"> {
  /** Deliveries that count. */
  readonly attempts: number;
  /** It keeps its group, though it is delayed. */
  readonly isHead: boolean;
}

export function headText({ id, attempts, priority, isHead, groupKey, dedupeKey }: Head): string {
  if (priority === 0 && groupKey === undefined && dedupeKey === undefined) return `${id} ${attempts} `;
  return `${id} ${attempts}* ${priority} ${isHead ? 1 : 0} =${groupKey ?? ""} =${dedupeKey ?? ""} `;
}

/** What `messageText` gives for a plain message, without asking what it has. */
export const plainText = ({ id, body }: NewMessage): string => `${id} 0 ${body}`;

/**
 * RPUSH of plain messages, as it is sent. The client would copy the list, and make each text whole to measure it: that is a third of
 * the cost of many messages.
 */
export function pushText(key: string, messages: readonly NewMessage[]): string {
  let text = `*${messages.length + 2}\r\n$5\r\nRPUSH\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n`;
  // An id is ASCII, and " 0 " comes after it.
  for (const { id, body } of messages) text += `$${id.length + 3 + Buffer.byteLength(body)}\r\n${id} 0 ${body}\r\n`;
  return text;
}

export function messageText(message: NewMessage): string {
  return headText({ ...message, attempts: 0, isHead: false }) + message.body;
}

const longHead = /^(\S+) (\d+)\* (\d) \d =(\S*) =(\S*) /;

/** Takes a message apart. */
export function parseMessage(text: string): Omit<RedisTaken, "lease" | "number"> {
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (text.charCodeAt(second - 1) !== 42 /* "*" */) {
    return {
      id: text.slice(0, first),
      body: text.slice(second + 1),
      attempt: Number(text.slice(first + 1, second)) + 1,
      groupKey: undefined,
      priority: 0,
      dedupeKey: undefined,
      headLength: second + 1,
    };
  }
  const [head, id, attempts, priority, group, dedupe] = longHead.exec(text)!;
  return {
    id: id!,
    body: text.slice(head.length),
    attempt: Number(attempts) + 1,
    groupKey: group === "" ? undefined : group,
    priority: Number(priority),
    dedupeKey: dedupe === "" ? undefined : dedupe,
    headLength: head.length,
  };
}
