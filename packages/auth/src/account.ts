// What verification knows of an account. Column names are those of the table `bk_auth`.

export interface Account {
  /** Links the account to everything else; never changes. */
  readonly id: string;
  readonly login: string;
  /** The key that signs. An account without one cannot be authenticated. */
  readonly secret: string;
  readonly name?: string | null | undefined;
  /** Its roles: a list, or a text split at `,` or `|`. `admin` is the one that this package knows. */
  readonly type?: string | readonly string[] | null | undefined;
  /** When the account ends, in milliseconds since 1970. */
  readonly expires?: number | null | undefined;
  /** A second factor that is part of the signing key. */
  readonly auth_secret?: string | null | undefined;
  /** Access tokens are tied to it: a new one revokes them all. */
  readonly token_secret?: string | null | undefined;
  /** Sessions are tied to it: a new one ends them all. */
  readonly session_key?: string | null | undefined;
  /** Paths that are closed to the account: a list split at `,` or `|`, each with everything below it; `*` stands for any text. */
  readonly acl_deny?: string | null | undefined;
  /** Paths that alone are open to the account, written likewise. */
  readonly acl_allow?: string | null | undefined;
}

/** Where accounts come from. */
export interface AccountStore<A extends Account = Account> {
  /** Gives the account with exactly this login, or undefined. Rejects only when the store cannot answer. */
  findByLogin(login: string): Promise<A | undefined>;
  /**
   * Replaces the hash of a password by another one of the same password, where it still is `before`. Without it hashes stay as strong as
   * they were made.
   */
  replacePassword?(login: string, before: string, after: string): Promise<void>;
}

/** The columns that never leave this package. */
export const secretColumns = ["secret", "auth_secret", "token_secret", "session_key", "password", "acl_deny", "acl_allow"] as const;

/** An account as the rest of a program sees it. */
export type PublicAccount<A extends Account = Account> = Omit<A, (typeof secretColumns)[number]>;

/** The account without the columns that never leave this package. */
export function withoutSecrets<A extends Account>(account: A): PublicAccount<A> {
  const copy: Record<string, unknown> = {};
  // An object that columns are deleted from is slow to read ever after.
  for (const column in account) if (!secrets.has(column)) copy[column] = account[column];
  return copy as PublicAccount<A>;
}

const secrets: ReadonlySet<string> = new Set(secretColumns);

/** Whether the account has expired. An end that cannot be read counts as past. */
export function hasEnded({ expires }: Pick<Account, "expires">, now: number): boolean {
  return Boolean(expires) && !(Number(expires) >= now);
}

/** The types of an account, trimmed. */
export function accountTypes(account: Pick<Account, "type">): string[] {
  const given = typeof account.type === "string" ? account.type.split(/[,|]/) : (account.type ?? []);
  return given.map((type) => type.trim()).filter((type) => type !== "");
}

export function isAdmin(account: Pick<Account, "type">): boolean {
  return accountTypes(account).includes("admin");
}
