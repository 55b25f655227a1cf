// What errors of the SDK mean: those of the service by their names, those of the connection by their codes.

import { lostConnectionCodes, notReachedCodes } from "@bk/core";

import type { Classified } from "../../errors.js";

const none = { outcome: "none" } as const;
const unknown = { outcome: "unknown" } as const;
const limited: Classified = { code: "limited", ...none, message: "more requests than the account may send" };
const unauthenticated: Classified = { code: "unauthenticated", ...none, message: "the service refuses the credentials" };

const byName: Readonly<Record<string, Classified>> = {
  QueueDoesNotExist: { code: "not-found", ...none, message: "the queue does not exist" },
  QueueDeletedRecently: { code: "unavailable", ...none, message: "a queue of this name was deleted less than a minute ago" },
  QueueNameExists: { code: "drift", ...none, message: "the queue exists with other attributes" },
  InvalidMessageContents: { code: "invalid", ...none, message: "the message has characters that SQS does not take" },
  BatchRequestTooLong: { code: "too-large", ...none, message: "the messages are larger together than SQS takes" },
  OverLimit: { code: "limited", ...none, message: "too many messages are taken and not settled" },
  RequestThrottled: limited,
  ThrottlingException: limited,
  Throttling: limited,
  KmsThrottled: limited,
  AccessDenied: { code: "denied", ...none, message: "the account may not do this" },
  AccessDeniedException: { code: "denied", ...none, message: "the account may not do this" },
  InvalidClientTokenId: unauthenticated,
  UnrecognizedClientException: unauthenticated,
  SignatureDoesNotMatch: unauthenticated,
  InvalidSignatureException: unauthenticated,
  ExpiredToken: unauthenticated,
  ExpiredTokenException: unauthenticated,
  CredentialsProviderError: {
    code: "unauthenticated",
    ...none,
    message: "no credentials were found; give accessKeyId and secretAccessKey",
  },
  InternalError: { code: "unavailable", ...unknown, message: "the service failed" },
  InternalFailure: { code: "unavailable", ...unknown, message: "the service failed" },
  ServiceUnavailable: { code: "unavailable", ...unknown, message: "the service is not available" },
  TimeoutError: { code: "timeout", ...unknown, message: "the service did not answer in time" },
};

/** Says what an error of the SDK means; undefined when it is not known. */
export function classifySqs(error: unknown): Classified | undefined {
  if (!(error instanceof Error)) return undefined;
  const name = error.name.replace(/^AWS\.SimpleQueueService\./, "");
  if (Object.hasOwn(byName, name)) return byName[name];
  const { code } = error as NodeJS.ErrnoException;
  if (notReachedCodes.has(code)) return { code: "unavailable", ...none, message: "not reached" };
  if (lostConnectionCodes.has(code) || code === "ECONNABORTED")
    return { code: "unavailable", ...unknown, message: "the connection was lost" };
  if (/region is missing/i.test(error.message)) return { code: "invalid", ...none, message: "no region; write sqs:?region=eu-west-1" };
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
  return status >= 500 ? byName["InternalError"] : undefined;
}
