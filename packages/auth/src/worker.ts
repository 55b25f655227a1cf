// Verifying signed requests in a worker. No Node module is reached from here.
export { type Verified, type VerifyOptions, verifyRequest } from "./verify-request.js";
export type { IncomingHeaders, IncomingRequest } from "./incoming.js";
export type { Refusal, RefusalCode, StatusStyle } from "./refusal.js";
export { memoryNonces, type MemoryNonces, type MemoryNoncesOptions, type Nonces } from "./nonces.js";
export type { Account, AccountStore, PublicAccount } from "./account.js";
export { AuthError } from "./errors.js";
