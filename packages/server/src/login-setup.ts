// Sessions, access tokens and logging in, as a server has them.

import {
  type AccountStore,
  type Attempts,
  type CodeDb,
  createLogins,
  createResets,
  createSessions,
  createTokens,
  dbSessions,
  type MasterKey,
  memorySessions,
  oneTimeCodes,
  type PasswordPolicy,
  type PasswordPolicyOptions,
  type ResetMail,
  type SecureCookies,
  type SessionDb,
  type SessionStore,
} from "@bk/auth";
import { BkError, type Log } from "@bk/core";
import type { Db } from "@bk/db";

import { faultFields } from "./fault-fields.js";
import type { LoginContext } from "./routes/login-context.js";

/** How people log in. */
export interface LoginSettings {
  /** How long a session holds that is not used, in milliseconds; default 14 days. */
  readonly sessionMs?: number;
  /** How long a session holds at most, in milliseconds; default 90 days. */
  readonly longestSessionMs?: number;
  /** How long an access token holds, in milliseconds; default 7 days. */
  readonly tokenMs?: number;
  /** How long an access token may hold that is asked for with an age, in milliseconds; default 366 days. */
  readonly longestTokenMs?: number;
  /**
   * A domain whose hosts all get the cookie of a session, such as `example.com`; their pages change something only where they are among
   * `trustedOrigins`. Default: the host alone.
   */
  readonly sessionDomain?: string;
  /**
   * Where browsers go that ask for a page and have no session: a path of this server, or a URL. It must be open to everybody. What is no page is
   * answered with 401 as ever. Default: so are pages.
   */
  readonly redirect?: string;
  /** Whether cookies are for TLS alone; default everywhere but on this machine (`localhost`, 127.0.0.1). */
  readonly secureCookies?: SecureCookies;
  /** What passwords must be like that people choose for themselves. Default anything. */
  readonly password?: PasswordPolicyOptions;
  /** The name of the service that apps with one-time codes show; default `bk-server`. `false`: there are none. */
  readonly issuer?: string | false;
  /**
   * Sends a token to somebody who forgot the secret, for `/login/reset/confirm`. It runs behind the answer; what it rejects with is logged.
   * Default none: secrets are not reset by mail.
   */
  readonly mail?: (message: ResetMail) => Promise<void> | void;
  /** Origins whose pages may log in and use sessions to change something; default those of `cors` where they may send cookies. */
  readonly trustedOrigins?: readonly string[];
}

export interface LoginParts {
  readonly accounts: AccountStore;
  readonly attempts: Attempts | undefined;
  readonly store: SessionStore;
  /** The database with accounts, and what encrypts their secrets. Absent where accounts are the app's own, or the tables are not there. */
  readonly own: { readonly db: Db; readonly masterKey: MasterKey; readonly policy: PasswordPolicy | undefined } | undefined;
  /** Counts attempts at one-time codes at all servers. Absent: this process does. */
  readonly codeAttempts: Attempts | undefined;
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
    domain: settings.sessionDomain,
    onFault,
  });
  const { tokenMs, longestTokenMs = Math.max(366 * 86_400_000, tokenMs ?? 0) } = settings;
  if (tokenMs !== undefined && tokenMs > longestTokenMs)
    throw new BkError("invalid", "login.tokenMs is more than login.longestTokenMs", { detail: { field: "login" } });
  const tokens = createTokens({ store, ttlMs: tokenMs, longestMs: longestTokenMs, onFault });
  const { own, codeAttempts } = parts;
  const codes =
    own === undefined || settings.issuer === false
      ? undefined
      : oneTimeCodes(own.db as unknown as CodeDb, {
          masterKey: own.masterKey,
          issuer: settings.issuer ?? "bk-server",
          attempts: codeAttempts,
        });
  const resets =
    own === undefined || settings.mail === undefined
      ? undefined
      : createResets({
          ...own,
          store,
          mail: settings.mail,
          onFault: (error) => log.error("a mail that resets a secret could not be sent", faultFields(error)),
        });
  const logins = createLogins({
    accounts,
    sessions,
    tokens,
    attempts,
    codes,
    onFault: (error) => log.warn("the hash of a password could not be made anew", faultFields(error)),
  });
  return { logins, sessions, tokens, longestTokenMs, codes, resets, trustedOrigins: settings.trustedOrigins ?? parts.trustedOrigins };
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
