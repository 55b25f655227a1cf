// What a client needs to sign, and nothing else: no Node module is reached from here.
export { type SignOptions, signRequest, signUrl } from "./sign-request.js";
export { bodyChecksum } from "./digest.js";
export { scrambleSecret } from "./scramble.js";
export { AuthError } from "./errors.js";
export type { SignatureVersion } from "./canonical.js";
