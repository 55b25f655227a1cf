/**
 * The tables of accounts and of used signatures, for `defineTables` of `@bk/db`: `openDb({ tables: defineTables({ ...authTables, … }) })`.
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
    /** Part of the key of access tokens, encrypted. */
    token_secret: { admin: true, secure: true },
    /** Key of session cookies, encrypted. */
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
} as const;
