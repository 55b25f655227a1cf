// What the layers of this folder know of the call that a command belongs to.

import type { Prepared } from "../compile/prepared.js";
import type { MemberReply, Reply, Values } from "../driver.js";
import type { Deadline } from "./deadline.js";
import type { CallEvent } from "./tracing.js";

/** Sends a command. A synchronous engine answers, and throws, at once. */
export type Send = (prepared: Prepared, values: Values, signal: AbortSignal | undefined) => Reply | Promise<Reply>;

/** Where commands go instead of the pool: a transaction on it, or `explain`. */
export interface Target {
  /** Calls are explained, not run: they are not counted. */
  readonly explains?: boolean;
  readonly send: Send;
  /** One read for many groups of values at once; undefined where they are sent one by one. */
  readonly sendMany?:
    | ((prepared: Prepared, group: readonly Values[], signal: AbortSignal | undefined) => Promise<readonly MemberReply[]>)
    | undefined;
}

export interface Call {
  /** The calls of a transaction are neither repeated nor gathered with others. */
  readonly target?: Target | undefined;
  /** Bounds the whole call; undefined where neither a signal nor a time limit was given. */
  readonly deadline?: Deadline | undefined;
  /** False: the call is not sent together with others. */
  readonly group?: boolean | undefined;
  /** The call as tracers know it; undefined where nobody listens. */
  readonly trace?: CallEvent | undefined;
}
