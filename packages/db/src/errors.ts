import { BkError, type BkErrorOptions, type ErrorCode, type Outcome } from "@bk/core";

/** What a {@link DbError} adds to its base: where it happened. */
export interface DbErrorOptions extends BkErrorOptions {
  driver?: string;
  op?: string;
  table?: string;
  column?: string;
  /** The key of the row, of calls on many. */
  key?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The one error class of this package. Branch on `code`; messages are for people and may change.
 *
 * `outcome` says whether a change may have been applied. Row values, keys and secrets are in no message.
 */
export class DbError extends BkError {
  override readonly name = "DbError";
  readonly driver: string | undefined;
  readonly op: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  // Hidden from logs that print errors whole, as from `toJSON`: keys are data.
  readonly #key: DbErrorOptions["key"];

  constructor(code: ErrorCode, message: string, options: DbErrorOptions = {}) {
    super(code, message, options);
    this.driver = options.driver;
    this.op = options.op;
    this.table = options.table;
    this.column = options.column;
    this.#key = options.key;
  }

  /** The key of the row at fault, where a call on many rows met it (`copy`, `sync` with `backfill`). */
  get key(): Readonly<Record<string, unknown>> | undefined {
    return this.#key;
  }
}

/** The same error, of a call of which another outcome has become known. */
export function withOutcome(error: DbError, outcome: Outcome, message = error.message): DbError {
  const { code, detail, cause, key } = error;
  const place = Object.entries({ driver: error.driver, op: error.op, table: error.table, column: error.column });
  const known = Object.fromEntries(place.filter(([, name]) => name !== undefined)) as DbErrorOptions;
  return new DbError(code, message, { outcome, detail, cause, key, ...known });
}

/** How a driver's wrong options fail: `fail` of `readOptions`. */
export function wrongOption(driver: string): (option: string, problem: string) => DbError {
  return (option, problem) => invalid(`${driver}: ${problem}`, { driver, detail: { field: option } });
}

/** An `invalid` error: the call breaks the table or the API; nothing was done. */
export function invalid(message: string, options: DbErrorOptions = {}): DbError {
  return new DbError("invalid", message, options);
}
