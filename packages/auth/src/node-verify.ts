// Verification as Node does it best: the portable functions with Node's own hashes.
import type { Account } from "./account.js";
import { type Auth, type AuthOptions, createAuth as createPortableAuth } from "./auth.js";
import type { IncomingRequest } from "./incoming.js";
import { nodeHasher } from "./node-hasher.js";
import type { Refusal } from "./refusal.js";
import { type Verified, type VerifyOptions, verifyRequest as verifyAnywhere } from "./verify-request.js";

/**
 * Makes the gate of a server.
 *
 * @throws AuthError `invalid` when an option cannot be used
 */
export function createAuth<A extends Account>(options: AuthOptions<A>): Auth<A> {
  return createPortableAuth({ hasher: nodeHasher, ...options });
}

/**
 * Verifies the signature, access token or session cookie of a request.
 *
 * Never throws for what the request holds: whatever is wrong with it comes back as a refusal with status, code and message.
 *
 * @param request  with the raw target and the raw body; a body that was parsed and written again has another checksum
 * @throws whatever `accounts`, `tokens` or `nonces` throw
 */
export function verifyRequest<A extends Account>(request: IncomingRequest, options: VerifyOptions<A>): Promise<Verified<A> | Refusal> {
  return verifyAnywhere(request, { hasher: nodeHasher, ...options });
}
