// Sessions, access tokens and logging in, as a server has them.

import {
  type AccountStore,
  type Attempts,
  createLogins,
  createSessions,
  createTokens,
  dbSessions,
  memorySessions,
  type PasswordPolicyOptions,
  type SecureCookies,
  type SessionDb,
  type SessionStore,
} from "@bk/auth";
import { BkError, type Log } from "@bk/core";
import type { Db } from "@bk/db";

import { faultFields } from "./fault-fields.js";
import type { LoginContext } from "./routes/login.js";

/** How people log in. */
export interface LoginSettings {
  /** How long a session holds that is not used, in milliseconds; default 14 days. */
  readonly sessionMs?: number;
  /** How long a session holds at most, in milliseconds; default 90 days. */
  readonly longestSessionMs?: number;
  /** How long an access token holds, in milliseconds; default 7 days. */
  readonly tokenMs?: number;
  /** Whether cookies are for TLS alone; default everywhere but on this machine (`localhost`, 127.0.0.1). */
  readonly secureCookies?: SecureCookies;
  /** What passwords must be like that people choose for themselves. Default anything. */
  readonly password?: PasswordPolicyOptions;
  /** Origins whose pages may log in and use sessions to change something; default those of `cors` where they may send cookies. */
  readonly trustedOrigins?: readonly string[];
}

export interface LoginParts {
  readonly accounts: AccountStore;
  readonly attempts: Attempts | undefined;
  readonly store: SessionStore;
  readonly trustedOrigins: readonly string[];
  readonly log: Log;
}

export function loginContext(settings: LoginSettings, parts: LoginParts): LoginContext {
  const { accounts, attempts, store, log } = parts;
  const onFault = (error: unknown): void => log.warn("the use of a session or token could not be written down", faultFields(error));
  const sessions = createSessions({
    store,
    ttlMs: settings.sessionMs,
    longestMs: settings.longestSessionMs,
    secure: settings.secureCookies,
    onFault,
  });
  const tokens = createTokens({ store, ttlMs: settings.tokenMs, onFault });
  const logins = createLogins({
    accounts,
    sessions,
    tokens,
    attempts,
    onFault: (error) => log.warn("the hash of a password could not be made anew", faultFields(error)),
  });
  return { logins, sessions, tokens, trustedOrigins: settings.trustedOrigins ?? parts.trustedOrigins };
}

/** Sessions are kept in the database; one that was given open may not have the table for it. */
export async function sessionStoreOf(db: Db, isOurs: boolean, log: Log): Promise<SessionStore> {
  const table = db as unknown as SessionDb;
  if (!isOurs) {
    try {
      await table.get("bk_session", { id: "none" });
    } catch (error) {
      if (!(error instanceof BkError) || error.code !== "invalid") throw error;
      log.warn("the database has no table bk_session (authTables of @bk/auth has it): sessions are kept by this process alone");
      return memorySessions();
    }
  }
  return dbSessions(table, { onFault: (error) => log.warn("ended sessions could not be removed", faultFields(error)) });
}
