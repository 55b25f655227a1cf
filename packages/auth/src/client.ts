// Signing, and verifying for those who receive signed requests in a worker. No Node module is reached from here.
export { type SignOptions, signRequest, signUrl } from "./sign-request.js";
export { bodyChecksum } from "./digest.js";
export { scrambleSecret } from "./scramble.js";
export type { SignatureVersion } from "./canonical.js";
export { type Verified, type VerifyOptions, verifyRequest } from "./verify-request.js";
export type { IncomingHeaders, IncomingRequest } from "./incoming.js";
export type { Refusal, RefusalCode, StatusStyle } from "./refusal.js";
export { memoryNonces, type MemoryNonces, type MemoryNoncesOptions, type Nonces } from "./nonces.js";
export type { Account, AccountStore, PublicAccount } from "./account.js";
export { AuthError } from "./errors.js";
