import { BkError, type BkErrorOptions, type ErrorCode } from "@bk/core";

/**
 * What this package throws: a call that breaks its API (`invalid`, with `detail.field`), or a store that cannot go on (`limited`).
 *
 * A request that is refused is no error: `verifyRequest` and `auth.check` answer it with a verdict.
 */
export class AuthError extends BkError {
  override readonly name: string = "AuthError";

  constructor(code: ErrorCode, message: string, options: BkErrorOptions = {}) {
    super(code, message, options);
  }
}

/** The error of an argument that cannot be used. `what` never repeats its value, which may be a secret. */
export function invalid(field: string, what: string): AuthError {
  return new AuthError("invalid", `${field} ${what}`, { detail: { field } });
}
