import { BkError, type BkErrorOptions, type ErrorCode, type Outcome } from "@bk/core";

/** What a {@link QueueError} adds to its base: where it happened. */
export interface QueueErrorOptions extends BkErrorOptions {
  /** The driver, such as `redis`. */
  readonly driver?: string | undefined;
  /** The call, such as `submit`. */
  readonly op?: string | undefined;
  /** What was called: the name of a queue, channel, service or job. */
  readonly target?: string | undefined;
}

/**
 * The one error class of this package. Branch on `code`; messages are for people and may change.
 *
 * `outcome` says whether what was asked for may have been done. Payloads and secrets are in no message.
 */
export class QueueError extends BkError {
  override readonly name = "QueueError";
  readonly driver: string | undefined;
  readonly op: string | undefined;
  readonly target: string | undefined;

  constructor(code: ErrorCode, message: string, options: QueueErrorOptions = {}) {
    super(code, message, options);
    this.driver = options.driver;
    this.op = options.op;
    this.target = options.target;
  }
}

/** What a native error means, as a driver classifies it. */
export interface Classified {
  readonly code: ErrorCode;
  /** Default: that of the code. */
  readonly outcome?: Outcome;
  /** What is the matter, without values; default: the meaning of the code. */
  readonly message?: string;
}

/** How a driver's wrong options fail: `fail` of `readOptions`. */
export function wrongOption(what: string): (option: string, problem: string) => QueueError {
  return (option, problem) => invalid(`${what}: ${problem}`, { detail: { field: option } });
}

/** An `invalid` error: the call breaks the API; nothing was done. */
export function invalid(message: string, options: QueueErrorOptions = {}): QueueError {
  return new QueueError("invalid", message, options);
}

/** What a driver lacks, at once: the capability and a way out belong in the message. */
export function unsupported(message: string, options: QueueErrorOptions = {}): QueueError {
  return new QueueError("unsupported", message, options);
}

/** The error of a client package that is not installed. */
export function driverMissing(driver: string, packageName: string, cause: unknown): QueueError {
  return new QueueError("driver-missing", `${driver} needs the package ${packageName}: npm install ${packageName}`, { driver, cause });
}
