// A message of ours as a message of SQS, and back.

import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs";

import type { Taken } from "../../queue/driver.js";

/** Why and when a message became a dead one. */
export interface Death {
  readonly error: string;
  readonly time: number;
}

/** What is kept beside the body. */
export interface Parts {
  readonly id: string;
  readonly body: string;
  /** Attempts of it before this copy was made. */
  readonly before: number;
  /** It may not be taken before, in milliseconds since 1970; 0: it may. */
  readonly due: number;
  readonly groupKey: string | undefined;
  readonly death?: Death | undefined;
}

/** A message that this consumer has. */
export class SqsTaken implements Taken {
  readonly id: string;
  readonly body: string;
  readonly attempt: number;
  readonly groupKey: string | undefined;
  readonly parts: Parts;
  readonly receipt: string;
  /** When it comes back by itself, by this machine's clock of things past. */
  ends: number;
  isSettled = false;

  constructor(parts: Parts, received: number, receipt: string, ends: number) {
    this.id = parts.id;
    this.body = parts.body;
    this.groupKey = parts.groupKey;
    this.attempt = parts.before + received;
    this.parts = parts;
    this.receipt = receipt;
    this.ends = ends;
  }
}

/** Characters that SQS refuses. */
// oxlint-disable-next-line no-control-regex -- that is what it is about
const refused = /[^\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
// oxlint-disable-next-line no-control-regex -- as above
const escaped = /[\u0000-\u001f\ufffe\uffff]/g;

/** Most characters of an error that are kept. */
export const mostOfError = 1_000;

const textOf = (value: string): MessageAttributeValue => ({ DataType: "String", StringValue: value });

/** The body and the attributes of a message. */
export function bodyOf({ id, body, before, due, groupKey, death }: Parts): {
  MessageBody: string;
  MessageAttributes: Record<string, MessageAttributeValue>;
} {
  const isPlain = !refused.test(body);
  const quoted = (): string => JSON.stringify(body).replace(escaped, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return {
    MessageBody: isPlain ? body : quoted(),
    MessageAttributes: {
      id: textOf(id),
      ...(isPlain ? {} : { quoted: textOf("json") }),
      ...(before === 0 ? {} : { before: textOf(String(before)) }),
      ...(due === 0 ? {} : { due: textOf(String(due)) }),
      ...(death === undefined ? {} : { error: textOf(fit(death.error)), time: textOf(String(death.time)) }),
      // Dead ones have a group each, so that all can be read at once.
      ...(death === undefined || groupKey === undefined ? {} : { group: textOf(groupKey) }),
    },
  };
}

/** An attribute has at least one character, and none that SQS refuses. */
function fit(error: string): string {
  return error.replace(new RegExp(refused, "gu"), " ").slice(0, mostOfError) || " ";
}

/** What a message says; those that others have sent have SQS's own id. */
export function partsOf({ Body = "", MessageId = "", MessageAttributes = {}, Attributes = {} }: Message): Parts {
  const attribute = (name: string): string | undefined => MessageAttributes[name]?.StringValue;
  const group = attribute("group") ?? Attributes.MessageGroupId;
  const time = attribute("time");
  return {
    id: attribute("id") ?? MessageId,
    body: attribute("quoted") === undefined ? Body : (JSON.parse(Body) as string),
    before: Number(attribute("before") ?? 0),
    due: Number(attribute("due") ?? 0),
    // What has no group has one of its own, by its id.
    groupKey: group === undefined || group === ownGroup(attribute("id")) ? undefined : group,
    death: time === undefined ? undefined : { error: attribute("error") ?? "", time: Number(time) },
  };
}

/** FIFO queues want a group for each message. Keys of groups have no blanks and are no longer than this. */
export function ownGroup(id: string | undefined): string {
  return `:${id ?? ""}`;
}
