export { type SignOptions, signRequest, signUrl } from "./sign-request.js";
export { bodyChecksum, type Hasher } from "./digest.js";
export { scrambleSecret } from "./scramble.js";
export { canonicalQuery, canonicalText, domainName, type SignatureVersion, type SignedParts } from "./canonical.js";
export { formatSignature, parseSignature, type SignatureValue } from "./signature-value.js";

export type { IncomingHeaders, IncomingRequest } from "./incoming.js";
export type { AuthenticateOptions } from "./authenticate.js";
export type { CredentialOptions, CredentialSource, TokenOpener } from "./credential.js";
export type { ProofRefused, ReadSignature, RequestProof, RequestVerifier } from "./request-verifier.js";
export type { SessionOptions } from "./cookie-session.js";
export { createAuth, verifyRequest } from "./node-verify.js";
export type { Verified, VerifyOptions } from "./verify-request.js";
export type { Refusal, RefusalCode, RefusalNote, StatusStyle } from "./refusal.js";
export { type AttemptCache, cacheAttempts, type CacheAttemptsOptions } from "./attempt-cache.js";
export { type Attempts, type MemoryAttempts, memoryAttempts, type MemoryAttemptsOptions } from "./attempts.js";
export { type NonceCache, cacheNonces, type CacheNoncesOptions } from "./nonce-cache.js";
export { dbNonces, type DbNoncesOptions, type NonceDb } from "./nonce-db.js";
export { memoryNonces, type MemoryNonces, type MemoryNoncesOptions, type Nonces } from "./nonces.js";

export type { Allowed, Auth, AuthOptions, CheckOptions } from "./auth.js";
export { type AccessRules, defaultAllowPaths } from "./rules.js";
export type { PathPattern } from "./path-pattern.js";
export { type Account, type AccountStore, accountTypes, isAdmin, type PublicAccount } from "./account.js";

export { authTables } from "./tables.js";
export { type AccountDb, type AccountRow, accountsOf, type AccountsOptions } from "./account-db.js";
export { type AccountInfo, addAccount, type AddedAccount, deleteAccount, listAccounts, type NewAccount } from "./manage-accounts.js";
export { decryptSecret, type DecryptedSecret, encryptSecret, type MasterKey, type SecretOptions } from "./secrets.js";
export { hashPassword, verifyPassword } from "./passwords.js";
export { type LoginOptions, verifyLogin } from "./login.js";
export { legacyTokens } from "./legacy-token.js";
export { AuthError } from "./errors.js";
