// What native errors of RabbitMQ mean: those of the server by AMQP's reply codes, those of the client by their text.

import { lostConnectionCodes, notReachedCodes } from "@bk/core";

import type { Classified } from "../../errors.js";

const none = { outcome: "none" } as const;
const lost: Classified = { code: "unavailable", outcome: "unknown", message: "the connection was lost" };
const notReached: Classified = { code: "unavailable", ...none, message: "not reached" };

/** AMQP 0-9-1, reply codes. */
const byReply: Readonly<Record<number, Classified>> = {
  311: { code: "too-large", ...none, message: "more than the server takes in one message" },
  320: lost,
  402: { code: "denied", ...none, message: "the virtual host is not there, or not for this user" },
  403: { code: "denied", ...none, message: "the server's rules do not allow the user this" },
  404: { code: "not-found", ...none, message: "a queue or exchange is not there" },
  405: { code: "limited", ...none, message: "a queue is used by another connection alone" },
  406: { code: "drift", ...none, message: "a queue or exchange of this name has other settings" },
  501: lost,
  504: lost,
  506: { code: "unavailable", outcome: "unknown", message: "the server is out of resources" },
  530: { code: "denied", ...none, message: "the virtual host is not there, or not for this user" },
  541: { code: "unavailable", outcome: "unknown", message: "the server failed" },
};

/** Says what an error of the client or the server means; undefined when it is not known. */
export function classifyAmqp(error: unknown): Classified | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "number" && Object.hasOwn(byReply, code)) return byReply[code];
  if (notReachedCodes.has(code)) return notReached;
  if (lostConnectionCodes.has(code)) return lost;
  if (/ACCESS.REFUSED/i.test(error.message))
    return { code: "unauthenticated", ...none, message: "the server refuses the user or password" };
  if (/connect ETIMEDOUT|Handshake terminated|Socket closed abruptly during opening/i.test(error.message)) return notReached;
  if (/channel (?:is )?(?:closed|ended)|connection (?:is )?clos|closing|unexpected close|heartbeat/i.test(error.message)) return lost;
  return undefined;
}
