import { BkError, type BkErrorOptions, type ErrorCode } from "@bk/core";

/** What a {@link CacheError} adds to its base: where it happened. */
export interface CacheErrorOptions extends BkErrorOptions {
  driver?: string;
  op?: string;
}

/**
 * The one error class of this package. Branch on `code`; messages are for people and may change.
 *
 * `outcome` says whether a change may have been made. Keys, values and secrets are in no message.
 */
export class CacheError extends BkError {
  override readonly name = "CacheError";
  readonly driver: string | undefined;
  readonly op: string | undefined;

  constructor(code: ErrorCode, message: string, options: CacheErrorOptions = {}) {
    super(code, message, options);
    this.driver = options.driver;
    this.op = options.op;
  }
}

/** How a driver's wrong options fail: `fail` of `readOptions`. */
export function wrongOption(driver: string): (option: string, problem: string) => CacheError {
  return (option, problem) => new CacheError("invalid", `${driver}: ${problem}`, { driver, detail: { field: option } });
}

/** An `invalid` error: the call breaks the API; nothing was done. */
export function invalid(field: string, mustBe: string): CacheError {
  return new CacheError("invalid", `${field} must be ${mustBe}`, { detail: { field } });
}
