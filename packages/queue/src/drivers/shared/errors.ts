import { BkError } from "@bk/core";

import type { Classified } from "../../errors.js";

/** What goes wrong on the way is told in errors of @bk/core. */
export function classifyShared(error: unknown): Classified | undefined {
  if (!(error instanceof BkError)) return undefined;
  return { code: error.code, outcome: error.outcome, message: error.message };
}
