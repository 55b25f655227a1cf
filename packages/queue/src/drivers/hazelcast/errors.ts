// What native errors mean, by the name of their class.

import type { Classified } from "../../errors.js";

const none = { outcome: "none" } as const;
const notConnected: Classified = { code: "unavailable", ...none, message: "not connected" };
const lost: Classified = { code: "unavailable", outcome: "unknown", message: "the connection was lost" };

const byName: Readonly<Record<string, Classified>> = {
  AuthenticationError: {
    code: "unauthenticated",
    ...none,
    message: "the cluster refuses the user, the password or the name of the cluster",
  },
  AccessControlError: { code: "denied", ...none, message: "the cluster's rules do not allow the user this" },
  ClientNotAllowedInClusterError: { code: "denied", ...none, message: "the cluster does not take this client" },
  ClientOfflineError: notConnected,
  ClientNotActiveError: notConnected,
  IOError: lost,
  TargetDisconnectedError: lost,
  TargetNotMemberError: lost,
  MemberLeftError: lost,
  HazelcastInstanceNotActiveError: lost,
  // The backup did not answer: it may be written there or not.
  IndeterminateOperationStateError: { code: "unavailable", outcome: "unknown", message: "a backup did not answer" },
  InvocationTimeoutError: { code: "timeout" },
  OperationTimeoutError: { code: "timeout" },
  SplitBrainProtectionError: { code: "unavailable", ...none, message: "too few members see each other" },
};

/** Says what an error of the client or a member means; undefined when it is not known. */
export function classifyHazelcast(error: unknown): Classified | undefined {
  if (!(error instanceof Error) || !Object.hasOwn(byName, error.name)) return undefined;
  return byName[error.name];
}
