// What the routes of people who log in need.

import type { Logins, OneTimeCodes, Resets, Sessions, Tokens } from "@bk/auth";

export interface LoginContext {
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  /** How long a token may hold at most, in milliseconds. */
  readonly longestTokenMs: number;
  /** A second step, where there is one. */
  readonly codes: OneTimeCodes | undefined;
  /** Secrets that were forgotten, where mails are sent. */
  readonly resets: Resets | undefined;
  /** Origins whose pages may log in and out, beside those of the server's own host. */
  readonly trustedOrigins: readonly string[];
}
