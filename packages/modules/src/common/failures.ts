// Refusals of modules, in the words of whoever calls.

import { BkError } from "@bk/core";

/** @param field  the parameter at fault */
export const invalid = (message: string, field: string): BkError => new BkError("invalid", message, { detail: { field } });
export const notFound = (message: string): BkError => new BkError("not-found", message);
export const denied = (message: string): BkError => new BkError("denied", message);

export const hasCode = (error: unknown, code: BkError["code"]): boolean => error instanceof BkError && error.code === code;
