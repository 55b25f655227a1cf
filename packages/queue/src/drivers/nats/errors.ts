// What native errors of NATS mean: the client's by their class, those of the server inside them by their text.

import { notReachedCodes } from "@bk/core";

import type { Classified } from "../../errors.js";

const none = { outcome: "none" } as const;
const lost: Classified = { code: "unavailable", outcome: "unknown", message: "the connection was lost" };
const notReached: Classified = { code: "unavailable", ...none, message: "not reached" };

const byName: Readonly<Record<string, Classified>> = {
  PermissionViolationError: { code: "denied", ...none, message: "the server's rules do not allow the user this subject" },
  AuthorizationError: { code: "unauthenticated", ...none, message: "the server refuses the user or password" },
  UserAuthenticationExpiredError: { code: "unauthenticated", ...none, message: "the user's credentials have expired" },
  NoResponders: { code: "unavailable", ...none, message: "nobody listens" },
  ClosedConnectionError: { code: "unavailable", ...none, message: "the connection is closed" },
  DrainingConnectionError: { code: "closed", ...none, message: "the connection is being closed" },
  InvalidSubjectError: { code: "invalid", ...none, message: "a name that NATS does not take" },
  ConnectionError: notReached,
  TimeoutError: { code: "timeout" },
};

/** Says what an error of the client or the server means; undefined when it is not known. */
export function classifyNats(error: unknown): Classified | undefined {
  if (!(error instanceof Error)) return undefined;
  // The server gives a slow client the same error as one that it does not know.
  if (error.message === "Authentication Timeout") return notReached;
  if (Object.hasOwn(byName, error.name)) return byName[error.name];
  if (/max_payload/.test(error.message)) return { code: "too-large", ...none, message: "more than the server takes in one message" };
  if ("code" in error && notReachedCodes.has(error.code)) return notReached;
  if (/connection disconnected|connection closed/i.test(error.message)) return lost;
  return error.cause === undefined ? undefined : classifyNats(error.cause);
}
