// What sessions and access tokens have in common: what a client holds is random, its hash is stored, and it is tied to the secrets that
// its account has. Node only.
import { createHash, createHmac } from "node:crypto";
import { type Clock, systemClock } from "@bk/core";
import type { Account } from "../account.js";
import { equalTexts } from "../constant-time.js";
import { encodeBase64, toBase64Url } from "../digest.js";
import { invalid } from "../errors.js";
import { compileScopes } from "../message-signatures/key-scopes.js";
import type { OpenedCredential } from "./opened-credential.js";
import type { SessionRow, SessionStore } from "./session-store.js";

/** What a list may show of a session or a token. */
export interface SessionInfo {
  /** Names it for `revoke`. What the client holds does not follow from it. */
  readonly id: string;
  readonly kind: SessionRow["kind"];
  /** Times are in milliseconds since 1970. */
  readonly created: number;
  /** When it was last used, give or take some minutes. */
  readonly used: number;
  readonly expires: number;
  readonly address: string | null;
  readonly agent: string | null;
  readonly name: string | null;
  readonly scopes: readonly string[] | null;
}

/** For whom something is made. */
export interface SessionMaker {
  readonly address?: string | undefined;
  /** The User-Agent; its first 200 characters are kept. */
  readonly agent?: string | undefined;
}

export interface KeeperOptions {
  readonly store: SessionStore;
  readonly clock?: Clock | undefined;
  /** Told when a use could not be written down, which ends nothing. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

interface KindOptions extends KeeperOptions {
  readonly kind: SessionRow["kind"];
  /** Stands before what clients hold. */
  readonly prefix: string;
  /** How long an unused one of this kind holds; undefined: it ends when its row says, used or not. */
  readonly slidingMs?: number | undefined;
  /** The longest that one may hold from when it was made, however often it is used. */
  readonly longestMs: number;
  /** The account's own secrets that it is tied to. */
  readonly tiedTo: (account: Account) => string;
}

interface NewRow {
  readonly expires: number;
  readonly maker: SessionMaker;
  readonly name?: string | null;
  readonly scopes?: readonly string[] | null;
}

const secretBytes = 32;
const usedEveryMs = 5 * 60_000;
const longestAgent = 200;

export interface Keeper {
  add(account: Account, row: NewRow): Promise<{ readonly secret: string; readonly id: string }>;
  open(secret: string): Promise<OpenedCredential | undefined>;
  list(accountId: string): Promise<SessionInfo[]>;
  rowsOf(accountId: string): Promise<SessionRow[]>;
  revoke(accountId: string, id: string): Promise<boolean>;
  revokeAll(accountId: string, options?: { readonly except?: string | undefined }): Promise<number>;
  idOf(secret: string): string | undefined;
}

export function keeperOf(options: KindOptions): Keeper {
  const { store, kind, prefix, clock = systemClock, onFault, slidingMs, longestMs, tiedTo } = options;
  const form = new RegExp(`^${prefix}[A-Za-z0-9_-]{43}$`);

  function idOf(secret: string): string | undefined {
    return form.test(secret) ? createHash("sha256").update(secret).digest("base64url") : undefined;
  }

  function proofOf(account: Account, id: string): string {
    return createHmac("sha256", `${kind}\n${tiedTo(account)}`)
      .update(`${account.id}\n${id}`)
      .digest("base64url");
  }

  /** Writes a use down, and moves the end of what slides when half of its time is over. Gives the new end where there is one. */
  async function noteUse(row: SessionRow, now: number, renews: boolean): Promise<number | undefined> {
    const end = slidingMs === undefined ? row.expires : Math.min(now + slidingMs, row.created + longestMs);
    const isHalfOver = renews && slidingMs !== undefined && row.expires - now < slidingMs / 2 && end > row.expires;
    if (!isHalfOver && now - row.used < usedEveryMs) return undefined;
    const expires = isHalfOver ? end : row.expires;
    try {
      const isWritten = await store.update(row.id, { used: now, expires }, row.expires);
      return isWritten && isHalfOver ? expires : undefined;
    } catch (error) {
      // It was valid when it was read; that its use cannot be written ends nothing.
      onFault?.(error);
      return undefined;
    }
  }

  async function rowsOf(accountId: string): Promise<SessionRow[]> {
    const now = clock.now();
    const rows: SessionRow[] = [];
    for (const row of await store.listOf(accountId)) {
      if (row.kind !== kind) continue;
      if (row.expires < now) await store.remove(row.id);
      else rows.push(row);
    }
    return rows.sort((a, b) => b.used - a.used || b.created - a.created);
  }

  return {
    idOf,
    rowsOf,
    async add(account, { expires, maker: { address = null, agent = null }, name = null, scopes = null }) {
      checkAccount(account);
      const secret = `${prefix}${toBase64Url(encodeBase64(clock.randomBytes(secretBytes)))}`;
      const id = idOf(secret)!;
      const created = clock.now();
      const row: SessionRow = {
        id,
        kind,
        account: account.id,
        login: account.login,
        proof: proofOf(account, id),
        created,
        used: created,
        expires,
        address,
        agent: agent === null ? null : agent.slice(0, longestAgent).toWellFormed(),
        name,
        scopes: scopes === null ? null : [...scopes],
      };
      await store.add(row);
      return { secret, id };
    },
    async open(secret) {
      const id = idOf(secret);
      const row = id === undefined ? undefined : await store.get(id);
      if (row === undefined || row.kind !== kind) return undefined;
      const now = clock.now();
      return {
        id: row.id,
        login: row.login,
        hasEnded: row.expires < now,
        belongsTo: (account) =>
          account.id === row.account && account.login === row.login && equalTexts(proofOf(account, row.id), row.proof),
        allows: compileScopes(row.scopes),
        noteUse: (renews) => noteUse(row, now, renews),
      };
    },
    async list(accountId) {
      return (await rowsOf(accountId)).map(({ account: _account, login: _login, proof: _proof, ...info }) => info);
    },
    async revoke(accountId, id) {
      const row = await store.get(id);
      if (row === undefined || row.kind !== kind || row.account !== accountId) return false;
      return store.remove(id);
    },
    async revokeAll(accountId, { except } = {}) {
      let count = 0;
      for (const row of await rowsOf(accountId)) if (row.id !== except && (await store.remove(row.id))) count++;
      return count;
    },
  };
}

function checkAccount({ id, login, secret }: Account): void {
  if (typeof id !== "string" || id === "") throw invalid("account.id", "is empty");
  if (typeof login !== "string" || login === "") throw invalid("account.login", "is empty");
  // Without its secrets it could not be tied to them: an account as `check` gives it to handlers has none.
  if (typeof secret !== "string" || secret === "") throw invalid("account.secret", "is empty");
}
