// Errors that come when a write has been sent already: of what follows it, they say nothing of whether it took effect.

import { BkError } from "@bk/core";

import { DbError } from "../../errors.js";

/** Wraps the native error of what follows a write, so that the driver does not say that nothing was done. */
export class AfterWriteError extends Error {
  constructor(cause: unknown) {
    super("what follows a write failed", { cause });
    this.name = "AfterWriteError";
  }
}

/** Does what follows a write. */
export async function followWrite<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BkError)) throw new AfterWriteError(error);
    throw new DbError(error.code, error.message, { outcome: "unknown", detail: error.detail, cause: error });
  }
}
