// What native errors mean, by their class: they all have the name `Error`.

import type * as Hazelcast from "hazelcast-client";

import type { Classified } from "../../errors.js";

const none = { outcome: "none" } as const;
const lost: Classified = { code: "unavailable", outcome: "unknown", message: "the connection was lost" };

const byName = {
  AuthenticationError: {
    code: "unauthenticated",
    ...none,
    message: "the cluster refuses the user, the password or the name of the cluster",
  },
  ClientNotAllowedInClusterError: { code: "denied", ...none, message: "the cluster does not take this client" },
  // The client says these of what it sent before, too.
  ClientOfflineError: lost,
  ClientNotActiveError: lost,
  IOError: lost,
  TargetDisconnectedError: lost,
  TargetNotMemberError: lost,
  MemberLeftError: lost,
  HazelcastInstanceNotActiveError: lost,
  // The backup did not answer: it may be written there or not.
  IndeterminateOperationStateError: { code: "unavailable", outcome: "unknown", message: "a backup did not answer" },
  OperationTimeoutError: lost,
  SplitBrainProtectionError: { code: "unavailable", ...none, message: "too few members see each other" },
} satisfies { readonly [name in keyof typeof Hazelcast]?: Classified };

/** A call whose connection is gone. */
export class LostError extends Error {
  override readonly name = "LostError";

  constructor() {
    super("the connection was lost");
  }
}

/** Says what an error of the client or a member means; undefined when it is not known. */
export type Classify = (error: unknown) => Classified | undefined;

export function classifierOf(module: typeof Hazelcast): Classify {
  const byClass = new Map<unknown, Classified>([[LostError, lost]]);
  for (const [name, meaning] of Object.entries(byName)) byClass.set(module[name as keyof typeof byName], meaning);
  return (error) => (error instanceof Error ? byClass.get(error.constructor) : undefined);
}
