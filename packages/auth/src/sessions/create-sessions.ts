// Sessions of people who logged in. Node only.
import { systemClock } from "@bk/core";
import type { Account } from "../account.js";
import { invalid } from "../errors.js";
import { keeperOf, type KeeperOptions, type SessionInfo, type SessionMaker } from "./keeper.js";
import type { SessionOpener } from "./opened-credential.js";
import { isCookieDomain, type SecureCookies, sessionCookie } from "./session-cookie.js";

export interface SessionsOptions extends KeeperOptions {
  /** How long a session holds that is not used, in milliseconds; default 14 days. A use in its second half begins that time anew. */
  readonly ttlMs?: number | undefined;
  /** How long a session holds at most, however often it is used, in milliseconds; default 90 days. */
  readonly longestMs?: number | undefined;
  /** The most sessions of an account: beyond it the one that was not used for longest ends. Default 50. */
  readonly maxPerAccount?: number | undefined;
  /** Name of the cookie; default `bk-sid`. For TLS alone it is `__Host-bk-sid`. */
  readonly cookieName?: string | undefined;
  /**
   * A domain whose hosts all get the cookie, such as `example.com`: then it is called `__Secure-bk-sid`, and every host below the domain can read and
   * set it. Default: the host alone.
   */
  readonly domain?: string | undefined;
  /** Whether the cookie is for TLS alone; default everywhere but on this machine. */
  readonly secure?: SecureCookies | undefined;
}

export interface NewSession {
  /** Names it for `revoke`. */
  readonly id: string;
  /** What the client holds. Shown once; its hash is stored. */
  readonly secret: string;
  /** When it ends unless it is used, in milliseconds since 1970. */
  readonly expires: number;
  /** The same as a time from now, in milliseconds. */
  readonly ttlMs: number;
}

/** Sessions: a random text in a cookie, its hash in a store. */
export interface Sessions extends SessionOpener {
  /**
   * Begins a session.
   *
   * @param account  with its secrets, as its store gave it when the secret or password was checked: a session that was begun with old
   *   ones does not count after they were changed
   * @throws AuthError `invalid` for an account without its secrets; whatever the store throws
   */
  create(account: Account, maker?: SessionMaker): Promise<NewSession>;
  /** The sessions of an account that have not ended, the last used first. */
  list(accountId: string): Promise<SessionInfo[]>;
  /** Ends a session of this account. False when it has none with this id. */
  revoke(accountId: string, id: string): Promise<boolean>;
  /** Ends all sessions of an account, but for one where that is given. Gives how many. */
  revokeAll(accountId: string, options?: { readonly except?: string | undefined }): Promise<number>;
  /** Ends the session that a client holds. False when it is none. */
  revokeSecret(secret: string): Promise<boolean>;
}

const dayMs = 86_400_000;

/**
 * Sessions in a store: `createSessions({ store: dbSessions(db) })`, for `createAuth`.
 *
 * A session ends with its time, by `revoke`, when the account's secret or `session_key` changes (as `changeSecret` does), and with the account.
 *
 * @throws AuthError `invalid` when an option cannot be used
 */
export function createSessions(options: SessionsOptions): Sessions {
  const { clock = systemClock, ttlMs = 14 * dayMs, longestMs = 90 * dayMs, maxPerAccount = 50 } = options;
  const { cookieName = "bk-sid", secure = "except-localhost", domain, store } = options;
  if (!/^[A-Za-z0-9_-]+$/.test(cookieName)) throw invalid("cookieName", "has other characters than letters, digits, - and _");
  if (domain !== undefined && !isCookieDomain(domain))
    throw invalid("domain", "is no domain of two names or more in lower case, such as example.com");
  for (const [name, number] of Object.entries({ ttlMs, longestMs, maxPerAccount }))
    if (!(Number.isFinite(number) && number >= 1)) throw invalid(name, "is not a number from 1");
  const tiedTo = ({ session_key, secret }: Account): string => `${session_key ?? ""}\n${secret}`;
  const keeper = keeperOf({ ...options, kind: "session", prefix: "", slidingMs: ttlMs, longestMs, tiedTo });

  /** Sessions may be begun at the same time: some more for a moment do no harm. */
  async function makeRoom(accountId: string): Promise<void> {
    const rows = await keeper.rowsOf(accountId);
    for (const row of rows.slice(maxPerAccount - 1)) await store.remove(row.id);
  }

  return {
    cookie: sessionCookie(cookieName, secure, domain),
    open: keeper.open,
    list: keeper.list,
    revoke: keeper.revoke,
    revokeAll: keeper.revokeAll,
    async revokeSecret(secret) {
      const id = keeper.idOf(secret);
      return id === undefined ? false : store.remove(id);
    },
    async create(account, maker = {}) {
      await makeRoom(account.id);
      const firstMs = Math.round(Math.min(ttlMs, longestMs));
      const expires = clock.now() + firstMs;
      return { ...(await keeper.add(account, { expires, maker })), expires, ttlMs: firstMs };
    },
  };
}
