/**
 * The tables of accounts, of used signatures, of sessions and access tokens, and of one-time codes, for `defineTables` of `@bk/db`: `openDb({ tables: defineTables({ ...authTables, … }) })`.
 *
 * `secret` columns hold encrypted text; `password` a hash. Both, and what an account may not change of itself, never leave a server.
 */
export const authTables = {
  bk_auth: {
    /** At most 140 characters. */
    login: { primary: 1, maxLength: 140 },
    /** Links the account to every other table. */
    id: { type: "uuid", prefix: "u_", unique: 1 },
    name: {},
    email: { type: "email" },
    status: {},
    /** Roles, in a comma list; `admin` may do everything. */
    type: { admin: true },
    flags: { type: "list", admin: true },
    /** Signing key, encrypted. */
    secret: { secure: true },
    /** Second factor, part of the signing key, encrypted. */
    auth_secret: { admin: true, secure: true },
    /** Access tokens are tied to it; encrypted. */
    token_secret: { admin: true, secure: true },
    /** Sessions are tied to it; encrypted. */
    session_key: { admin: true, secure: true },
    /** What `hashPassword` gave, for logging in. */
    password: { secure: true },
    acl_deny: { admin: true, secure: true },
    acl_allow: { admin: true, secure: true },
    rlimits_max: { type: "int", admin: true },
    rlimits_rate: { type: "int", admin: true },
    /** When the account ends, in milliseconds since 1970. */
    expires: { type: "bigint", admin: true, secure: true },
    ctime: { type: "now", readonly: true },
    mtime: { type: "now" },
  },
  /** Signatures that were used, until they end. */
  bk_nonce: {
    /** When the signature ends, in milliseconds since 1970. */
    ends: { type: "bigint", primary: 1 },
    digest: { primary: 2 },
    /** The same, for databases that remove expired rows by themselves; elsewhere null. */
    gone: { type: "ttl" },
  },
  /** Sessions and access tokens. What clients hold is not in it, only its hash. */
  bk_session: {
    /** SHA-256 of what the client holds. */
    id: { primary: 1, secure: true },
    /** `session`, `token`, or `reset` for one that comes by mail. */
    kind: {},
    /** The id of the account. */
    account: { index: 1 },
    login: {},
    /** What ties it to the secrets that the account had. */
    proof: { secure: true },
    /** Times are in milliseconds since 1970. */
    created: { type: "bigint" },
    used: { type: "bigint" },
    expires: { type: "bigint" },
    address: {},
    agent: {},
    name: {},
    /** JSON text. */
    scopes: {},
    gone: { type: "ttl" },
  },
  /** Keys that sign by RFC 9421. */
  bk_key: {
    /** At most 140 printable ASCII characters. */
    keyid: { primary: 1, maxLength: 140 },
    login: { index: 1 },
    /** The id of the account. Another one that takes the login later has none of its keys. */
    account: {},
    algorithm: {},
    /** A secret, encrypted; or a public key. */
    key: { secure: true },
    /** Times are in milliseconds since 1970. */
    begins: { type: "bigint" },
    ends: { type: "bigint" },
    /** JSON text. */
    scopes: {},
    created: { type: "bigint" },
    used: { type: "bigint" },
  },
  /** One-time codes of accounts that have a second step. */
  bk_totp: {
    /** The id of the account. */
    account: { primary: 1 },
    /** What the app on the phone has, encrypted. */
    secret: { secure: true },
    /** Whether a code of the app has been shown. */
    confirmed: { type: "bool" },
    /** The last half minute of which a code was taken. */
    step: { type: "bigint" },
    /** Hashes of recovery codes, JSON text. */
    codes: { secure: true },
  },
} as const;
