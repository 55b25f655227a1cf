export { type SignOptions, signRequest, signUrl } from "./sign-request.js";
export { bodyChecksum, type Hasher } from "./digest.js";
export { scrambleSecret } from "./scramble.js";
export { canonicalQuery, canonicalText, domainName, type SignatureVersion, type SignedParts } from "./canonical.js";
export { formatSignature, parseSignature, type SignatureValue } from "./signature-value.js";

export type { HashedBody, IncomingHeaders, IncomingRequest } from "./incoming.js";
export type { AuthenticateOptions } from "./authenticate.js";
export type { CredentialOptions, CredentialSource, TokenOpener } from "./credential.js";
export type { ProofRefused, ReadSignature, RequestProof, RequestVerifier } from "./request-verifier.js";
export type { LegacySessionOptions } from "./cookie-session.js";
export { createAuth, verifyRequest } from "./node-verify.js";
export type { Verified, VerifyOptions } from "./verify-request.js";
export type { Refusal, RefusalCode, RefusalNote, StatusStyle } from "./refusal.js";
export { type AttemptCache, cacheAttempts, type CacheAttemptsOptions } from "./attempt-cache.js";
export { type Attempts, type MemoryAttempts, memoryAttempts, type MemoryAttemptsOptions } from "./attempts.js";
export { type NonceCache, cacheNonces, type CacheNoncesOptions } from "./nonce-cache.js";
export { dbNonces, type DbNoncesOptions, type NonceDb } from "./nonce-db.js";
export { memoryNonces, type MemoryNonces, type MemoryNoncesOptions, type Nonces } from "./nonces.js";

export type { Allowed, Auth, AuthOptions, CheckOptions } from "./auth.js";
export { cameFrom } from "./same-site.js";
export { type AccessRules, defaultAllowPaths, refusesAddress } from "./rules.js";
export type { RulePattern } from "./path-rules.js";
export type { NetworkRule } from "./network-rules.js";
export { networkTest, type NetworkTest } from "./networks.js";
export {
  memoryLimiter,
  type MemoryLimiterOptions,
  type RateLimiter,
  rateLimits,
  type RateLimits,
  type RateLimitsOptions,
  type RateRule,
  type RateSubject,
  type RateVerdict,
} from "./rate-limits.js";
export type { PathPattern } from "./path-pattern.js";
export { type Account, type AccountStore, accountTypes, isAdmin, type PublicAccount, withoutSecrets } from "./account.js";

export { createSessions, type NewSession, type Sessions, type SessionsOptions } from "./sessions/create-sessions.js";
export { createTokens, type NewToken, type NewTokenOptions, type Tokens, type TokensOptions } from "./sessions/create-tokens.js";
export type { KeeperOptions, SessionInfo, SessionMaker } from "./sessions/keeper.js";
export type { CredentialOpener, OpenedCredential, SessionOpener } from "./sessions/opened-credential.js";
export { isCookieDomain, type SecureCookies, type SessionCookie } from "./sessions/session-cookie.js";
export { createResets, type ResetMail, type Resets, type ResetsOptions } from "./sessions/create-resets.js";
export { dbSessions, type DbSessionsOptions, type SessionDb } from "./sessions/session-db.js";
export { memorySessions, type MemorySessionsOptions, type SessionRow, type SessionStore } from "./sessions/session-store.js";

export { authTables } from "./tables.js";
export { type AccountDb, type AccountRow, accountsOf, type AccountsOptions } from "./account-db.js";
export {
  type AccountInfo,
  addAccount,
  type AddAccountOptions,
  type AddedAccount,
  deleteAccount,
  listAccounts,
  type NewAccount,
} from "./manage-accounts.js";
export { decryptSecret, type DecryptedSecret, encryptSecret, type MasterKey, type SecretOptions } from "./secrets.js";
export { hashPassword, verifyPassword } from "./passwords.js";
export { passwordPolicy, type PasswordOwner, type PasswordPolicy, type PasswordPolicyOptions } from "./password-policy.js";
export { type ChangedSecret, changeSecret, type ChangeSecretOptions, type SecretChange } from "./change-secret.js";
export { type LoginAccount, type LoginOptions, type TypedLogin, verifyLogin } from "./login.js";
export { createLogins, type LoggedIn, type LoginRequest, type Logins, type LoginsOptions } from "./sessions/create-logins.js";
export { type CodeDb, type CodeRow, type Enrolled, oneTimeCodes, type OneTimeCodes, type OneTimeCodesOptions } from "./one-time-codes.js";
export { dbKeys, type DbKeys, type DbKeysOptions, type KeyDb, type KeyInfo, type KeyRow } from "./db-keys.js";
export { forgetKeys, type ForgetKeysDb, type ForgottenAccount, removeAccount, type RemoveDb } from "./forget-account.js";
export { legacyTokens } from "./legacy-token.js";
export { AuthError } from "./errors.js";
