// What authentication asks of another way to sign requests. The way itself is imported by those alone who use it.
import type { Incoming } from "./incoming.js";
import type { RefusalReason } from "./refusal.js";

/** Another way to sign requests; `messageSignatures` of `@bk/auth/message-signatures` makes one. */
export interface RequestVerifier {
  /** Takes the signature out of a request, before anything about it is believed; undefined when it has none of this kind. */
  read(incoming: Incoming): ReadSignature | ProofRefused | undefined;
}

/** A signature that could be read. */
export interface ReadSignature {
  /** The id of the key that it claims. */
  readonly keyid: string;
  /**
   * Verifies it: times, coverage, key, signature.
   *
   * @param facts  the signature must hold at `askedMs`, when the request came, and the key now
   */
  prove(facts: { readonly now: number; readonly askedMs: number; readonly changes: boolean }): Promise<RequestProof | ProofRefused>;
}

/** Why a signature does not count. */
export interface ProofRefused {
  readonly reason: RefusalReason;
  /** For the client, in place of the general words of the reason. */
  readonly message?: string | undefined;
  /** For a log, where it says more than the client may know. */
  readonly why?: string | undefined;
}

/** A signature that is right. */
export interface RequestProof {
  readonly login: string;
  /** The id of the account that it is for; undefined or null: whichever has the login. */
  readonly account?: string | null | undefined;
  /** What stands for the signature, so that it is taken once; empty for a request that changes nothing. */
  readonly digest: string;
  /** When it is not taken any more, in milliseconds since 1970. */
  readonly endsMs: number;
  /** Whether the key may be used for the request. */
  readonly isInScope: boolean;
  /** Compares the body with what was signed. */
  checkBody(): Promise<RefusalReason | undefined>;
  /** Notes that the key was used. */
  used(): void;
}
