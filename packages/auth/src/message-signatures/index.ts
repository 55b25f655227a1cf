// HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530). No Node module is reached from here.
export { type SignatureFields, signFetch, type SignFetchOptions, signMessage, type SignMessageOptions } from "./sign-message.js";
export {
  type SelectOptions,
  type SignatureClaims,
  type SignatureFault,
  type SignatureProblem,
  type TimeOptions,
  type VerifiedMessage,
  verifyMessage,
  type VerifyMessageOptions,
} from "./verify-message.js";
export { messageSignatures, type MessageSignaturesOptions } from "./request-signatures.js";
export { type AccountKey, type AccountKeys, memoryKeys, type MemoryKeys } from "./account-keys.js";
export { type FieldType, knownFieldTypes } from "./components.js";
export { checkContentDigest, contentDigest, type DigestAlgorithm, type DigestVerdict } from "./content-digest.js";
export type { HttpMessage, RequestMessage, ResponseMessage } from "./message.js";
export type {
  EdwardsJwk,
  ImportedKey,
  MessageAlgorithm,
  PrivateKey,
  PublicKey,
  SecretKey,
  SigningKey,
  VerifyingKey,
} from "./message-key.js";
