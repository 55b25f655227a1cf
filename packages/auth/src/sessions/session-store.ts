// What is kept of sessions and access tokens. The texts that clients hold are not in it, only their hashes.

/** A session (a cookie), an access token, or a token to reset a secret, as it is stored. */
export interface SessionRow {
  /** SHA-256 of what the client holds, as base64url. */
  readonly id: string;
  readonly kind: "session" | "token" | "reset";
  /** The id of the account. */
  readonly account: string;
  readonly login: string;
  /** What ties the row to the secrets that the account had: others end it. */
  readonly proof: string;
  /** Times are in milliseconds since 1970. */
  readonly created: number;
  /** When it was last used; written now and then, not each time. */
  readonly used: number;
  readonly expires: number;
  /** The address that it was made for. */
  readonly address: string | null;
  /** The program that it was made for: the beginning of its User-Agent. */
  readonly agent: string | null;
  /** What people call a token. */
  readonly name: string | null;
  /** What a token may be used for, such as `GET /data/*`; null: all that the account may do. */
  readonly scopes: readonly string[] | null;
}

/** Where sessions and access tokens are kept. Calls reject when the store cannot answer. */
export interface SessionStore {
  /** Keeps a new row. Its id is random: no two rows have the same. */
  add(row: SessionRow): Promise<void>;
  /** Gives the row with this id, or undefined. Ended rows may be given or not. */
  get(id: string): Promise<SessionRow | undefined>;
  /**
   * Changes the times of a row that still ends when it was read to end. False when it does not, or there is no such row: none is made.
   */
  update(id: string, times: { readonly used: number; readonly expires: number }, endsAt: number): Promise<boolean>;
  /** Removes a row. False when there was none. */
  remove(id: string): Promise<boolean>;
  /** The rows of an account, in any order, ended ones among them or not. */
  listOf(account: string): Promise<readonly SessionRow[]>;
}

export interface MemorySessionsOptions {
  /** The most rows; beyond it the one that was added first is dropped. Default 100,000. */
  readonly maxEntries?: number | undefined;
}

/** Sessions in this process, forgotten at its end. */
export function memorySessions({ maxEntries = 100_000 }: MemorySessionsOptions = {}): SessionStore {
  const rows = new Map<string, SessionRow>();
  // Of each account, so that a list costs what it holds.
  const ids = new Map<string, Set<string>>();

  function remove(id: string): boolean {
    const row = rows.get(id);
    if (row === undefined) return false;
    rows.delete(id);
    const own = ids.get(row.account)!;
    own.delete(id);
    if (own.size === 0) ids.delete(row.account);
    return true;
  }

  return {
    async add(row) {
      if (rows.size >= maxEntries) remove(rows.keys().next().value!);
      rows.set(row.id, row);
      const own = ids.get(row.account);
      if (own === undefined) ids.set(row.account, new Set([row.id]));
      else own.add(row.id);
    },
    async get(id) {
      return rows.get(id);
    },
    async update(id, { used, expires }, endsAt) {
      const row = rows.get(id);
      if (row === undefined || row.expires !== endsAt) return false;
      rows.set(id, { ...row, used, expires });
      return true;
    },
    async remove(id) {
      return remove(id);
    },
    async listOf(account) {
      return [...(ids.get(account) ?? [])].map((id) => rows.get(id)!);
    },
  };
}
