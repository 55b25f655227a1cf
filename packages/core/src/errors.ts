/** What callers branch on. Codes are stable; messages are for people and may change. */
export type ErrorCode =
  | "invalid"
  | "unauthenticated"
  | "denied"
  | "not-found"
  | "already-exists"
  | "condition-failed"
  | "scan-refused"
  | "drift"
  | "too-large"
  | "limited"
  | "unsupported"
  | "driver-missing"
  | "unavailable"
  | "timeout"
  | "cancelled"
  | "closed"
  | "internal";

/**
 * Whether the change that a failed call asked for has been made:
 * - `none`: nothing was done;
 * - `some`: of several rows some were changed; `detail.affected` says how many are known to be;
 * - `unknown`: it may or may not have been done;
 * - `done`: it was done, and only what came after failed.
 */
export type Outcome = "none" | "some" | "unknown" | "done";

/** What each code means, and the outcome it stands for unless the error says otherwise. */
export const errorCodes: Readonly<Record<ErrorCode, { readonly outcome: Outcome; readonly meaning: string }>> = {
  invalid: { outcome: "none", meaning: "the call breaks the table or the API" },
  unauthenticated: { outcome: "none", meaning: "the caller is not known" },
  denied: { outcome: "none", meaning: "the caller is not allowed to do this" },
  "not-found": { outcome: "none", meaning: "something that must exist does not" },
  "already-exists": { outcome: "none", meaning: "a row with this key, or this unique value, exists" },
  "condition-failed": { outcome: "none", meaning: "a guard did not hold where the call required it" },
  "scan-refused": { outcome: "none", meaning: "it would read a whole table, which the caller did not allow" },
  drift: { outcome: "none", meaning: "the stored schema cannot serve the declared one" },
  "too-large": { outcome: "none", meaning: "over a stated size" },
  limited: { outcome: "none", meaning: "the server asks to slow down" },
  unsupported: { outcome: "none", meaning: "this driver cannot do it" },
  "driver-missing": { outcome: "none", meaning: "the client package is not installed" },
  unavailable: { outcome: "none", meaning: "not reached; nothing was done" },
  timeout: { outcome: "unknown", meaning: "no answer in time" },
  cancelled: { outcome: "unknown", meaning: "the caller's signal ended the call" },
  closed: { outcome: "none", meaning: "used after close" },
  internal: { outcome: "unknown", meaning: "anything unclassified, with its cause" },
};

/** Facts beside the message, for programs. Never holds row values, keys or secrets. */
export type ErrorDetail = Readonly<Record<string, unknown>>;

export interface BkErrorOptions {
  /** Whether the change was made; default: what `errorCodes` has for the code. */
  readonly outcome?: Outcome | undefined;
  /** Facts for programs, such as `retryAfterMs` with `limited`. */
  readonly detail?: ErrorDetail | undefined;
  /** The error below this one. Kept for debugging, left out of `toJSON`. */
  readonly cause?: unknown;
}

/** The base of every error that a `@bk` package throws on purpose; each package has one class on it. */
export class BkError extends Error {
  override readonly name: string = "BkError";
  readonly code: ErrorCode;
  readonly outcome: Outcome;
  readonly detail: ErrorDetail | undefined;

  constructor(code: ErrorCode, message: string, options: BkErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.outcome = options.outcome ?? errorCodes[code].outcome;
    this.detail = options.detail;
  }

  /** What may be shown to others: no stack, and nothing of the cause, which may hold addresses or values. */
  toJSON(): { name: string; code: ErrorCode; outcome: Outcome; message: string; detail?: ErrorDetail } {
    const { name, code, outcome, message, detail } = this;
    return detail === undefined ? { name, code, outcome, message } : { name, code, outcome, message, detail };
  }
}

/**
 * Whether repeating the same call may succeed and cannot do its work twice: `limited` and `unavailable`, unless the
 * error says that its change may have been made. `timeout` is not among them; only the caller knows whether repeating is safe.
 */
export function isRetryable(error: unknown): boolean {
  return error instanceof BkError && (error.code === "limited" || error.code === "unavailable") && error.outcome === "none";
}
