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
  let text = `*${messages.length + 2}\r\n$5\r\nRPUSH${lengthLine(Buffer.byteLength(key))}${key}`;
  // An id is ASCII, and " 0 " comes after it.
  for (const { id, body } of messages) text += `${lengthLine(id.length + 3 + Buffer.byteLength(body))}${id} 0 ${body}`;
  return `${text}\r\n`;
}

/** The line before a text of so many bytes, and the end of the one before. Most are made once: of few pieces a long text is sent sooner. */
const lengthLine = (bytes: number): string => lengthLines[bytes] ?? `\r\n$${bytes}\r\n`;
const lengthLines: readonly string[] = Array.from({ length: 1024 }, (_each, bytes) => `\r\n$${bytes}\r\n`);

export function messageText(message: NewMessage): string {
  return headText({ ...message, attempts: 0, isHead: false }) + message.body;
}

const longHead = /^(\S+) (\d+)\* (\d) \d =(\S*) =(\S*) /;

/**
 * Takes a message apart.
 *
 * @param lease  where it is, and `number` its place there; nothing for a dead one
 */
export function parseMessage(text: string, lease = "", number = 0): RedisTaken {
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
      lease,
      number,
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
    lease,
    number,
  };
}
