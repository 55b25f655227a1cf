// Refusals of modules, in the words of whoever calls.

import { BkError } from "@bk/core";

/** @param field  the parameter at fault */
export const invalid = (message: string, field: string): BkError => new BkError("invalid", message, { detail: { field } });
export const notFound = (message: string): BkError => new BkError("not-found", message);
/** @param field  the parameter at fault, if there is one */
export const denied = (message: string, field?: string): BkError =>
  new BkError("denied", message, field === undefined ? {} : { detail: { field } });

/** The code of an error, for a log: what else it says may be secret. */
export const codeOf = (error: unknown): BkError["code"] => (error instanceof BkError ? error.code : "internal");

export const hasCode = (error: unknown, code: BkError["code"]): boolean => error instanceof BkError && error.code === code;
