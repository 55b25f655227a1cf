// Access tokens, which programs send in a header. Node only.
import { systemClock } from "@bk/core";
import type { Account } from "../account.js";
import { AuthError, invalid } from "../errors.js";
import { compileScopes } from "../message-signatures/key-scopes.js";
import { keeperOf, type KeeperOptions, type SessionInfo, type SessionMaker } from "./keeper.js";
import type { CredentialOpener } from "./opened-credential.js";

export interface TokensOptions extends KeeperOptions {
  /** How long a token holds unless it is said otherwise, in milliseconds; default 7 days. */
  readonly ttlMs?: number | undefined;
  /** How long a token may hold at most, in milliseconds; default 366 days. */
  readonly longestMs?: number | undefined;
  /** The most tokens of an account; default 100. Beyond it the unnamed one that was not used for longest ends, and a named one is refused. */
  readonly maxPerAccount?: number | undefined;
}

export interface NewTokenOptions extends SessionMaker {
  /** What people call it: at most 140 characters. A token with a name ends only with its time or by `revoke`. */
  readonly name?: string | undefined;
  /** What it may be used for, such as `GET /data/*` or `/data/*`; default all that the account may do. An empty list allows nothing. */
  readonly scopes?: readonly string[] | undefined;
  /** How long it holds, in milliseconds. */
  readonly ttlMs?: number | undefined;
}

export interface NewToken {
  /** Names it for `revoke`. */
  readonly id: string;
  /** What the client sends, as `Authorization: Bearer` or `bk-access-token`. Shown once; its hash is stored. */
  readonly token: string;
  /** When it ends, in milliseconds since 1970. */
  readonly expires: number;
  /** The same as a time from now, in milliseconds. */
  readonly ttlMs: number;
}

/** Access tokens: a random text in a header, its hash in a store. */
export interface Tokens extends CredentialOpener {
  /**
   * Makes a token.
   *
   * @param account  with its secrets, as its store gave it when they were checked
   * @throws AuthError `invalid` for an account without its secrets, or an option that cannot be used; `limited` for a named token
   *   beyond the most; whatever the store throws
   */
  create(account: Account, options?: NewTokenOptions): Promise<NewToken>;
  /** The tokens of an account that have not ended, the last used first. */
  list(accountId: string): Promise<SessionInfo[]>;
  /** Ends a token of this account. False when it has none with this id. */
  revoke(accountId: string, id: string): Promise<boolean>;
  /** Ends all tokens of an account. Gives how many. */
  revokeAll(accountId: string): Promise<number>;
  /** Ends the token that a client holds. False when it is none. */
  revokeSecret(token: string): Promise<boolean>;
}

/** Tells a token from other secrets, for people and for programs that look for secrets in sources. */
const prefix = "bkt_";
const dayMs = 86_400_000;
const longestName = 140;

/**
 * Access tokens in a store: `createTokens({ store: dbSessions(db) })`, for `createAuth`.
 *
 * A token ends with its time, by `revoke`, when the account's secret or `token_secret` changes (as `changeSecret` does), and with the account.
 *
 * @throws AuthError `invalid` when an option cannot be used
 */
export function createTokens(options: TokensOptions): Tokens {
  const { clock = systemClock, ttlMs: usualMs = 7 * dayMs, longestMs = 366 * dayMs, maxPerAccount = 100, store } = options;
  for (const [name, number] of Object.entries({ ttlMs: usualMs, longestMs, maxPerAccount }))
    if (!(Number.isFinite(number) && number >= 1)) throw invalid(name, "is not a number from 1");
  const tiedTo = ({ token_secret, secret }: Account): string => `${token_secret ?? ""}\n${secret}`;
  const keeper = keeperOf({ ...options, kind: "token", prefix, longestMs, tiedTo });

  async function makeRoom(accountId: string, isNamed: boolean): Promise<void> {
    const rows = await keeper.rowsOf(accountId);
    const over = rows.length - (maxPerAccount - 1);
    if (over <= 0) return;
    const unnamed = rows.filter(({ name }) => name === null);
    if (isNamed && unnamed.length < over)
      throw new AuthError("limited", `the account has ${maxPerAccount} access tokens; revoke one first`);
    for (const row of unnamed.slice(-over)) await store.remove(row.id);
  }

  return {
    open: keeper.open,
    list: keeper.list,
    revoke: keeper.revoke,
    revokeAll: keeper.revokeAll,
    async revokeSecret(token) {
      const id = keeper.idOf(token);
      return id === undefined ? false : store.remove(id);
    },
    async create(account, given = {}) {
      // What callers hand over is theirs to change.
      const { name, ttlMs = usualMs, address, agent } = given;
      const scopes = given.scopes === undefined ? null : [...given.scopes];
      if (name !== undefined && (typeof name !== "string" || name === "" || name.length > longestName))
        throw invalid("name", `is empty, or has more than ${longestName} characters`);
      if (!(Number.isFinite(ttlMs) && ttlMs >= 1000 && ttlMs <= longestMs))
        throw invalid("ttlMs", `is not a number of milliseconds from 1000 to ${longestMs}`);
      compileScopes(scopes);
      await makeRoom(account.id, name !== undefined);
      const wholeMs = Math.round(ttlMs);
      const expires = clock.now() + wholeMs;
      const { id, secret } = await keeper.add(account, { expires, maker: { address, agent }, name: name ?? null, scopes });
      return { id, token: secret, expires, ttlMs: wholeMs };
    },
  };
}
