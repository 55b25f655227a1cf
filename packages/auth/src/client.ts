// Signing, for browsers and workers. No Node module is reached from here, and it stays small: a test holds its size.
export { type SignOptions, signRequest, signUrl } from "./sign-request.js";
export { bodyChecksum } from "./digest.js";
export { scrambleSecret } from "./scramble.js";
export type { SignatureVersion } from "./canonical.js";
export { AuthError } from "./errors.js";
