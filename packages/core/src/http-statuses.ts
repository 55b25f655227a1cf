import type { ErrorCode } from "./errors.js";

/** HTTP's number for each error code; `errors.md` of the reference says what the codes mean. */
export const httpStatuses: Readonly<Record<ErrorCode, number>> = Object.freeze({
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  "not-found": 404,
  "already-exists": 409,
  "condition-failed": 409,
  "scan-refused": 400,
  drift: 500,
  "too-large": 413,
  limited: 429,
  unsupported: 400,
  "driver-missing": 500,
  unavailable: 503,
  timeout: 504,
  cancelled: 499,
  closed: 503,
  internal: 500,
});
