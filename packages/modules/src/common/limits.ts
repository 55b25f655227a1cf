// Limits that apps give to modules.

import { invalid } from "./failures.js";

export const mib = 1024 * 1024;

/** @throws BkError `invalid` for a limit that is no integer from 1 to the highest */
export function checkLimit(module: string, name: string, value: number, highest: number): void {
  if (!Number.isInteger(value) || value < 1 || value > highest)
    throw invalid(`${module}: ${name} must be an integer from 1 to ${highest}`, name);
}
