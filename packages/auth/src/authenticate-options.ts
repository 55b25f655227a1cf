// What authentication is told, and what it gives.
import type { Clock } from "@bk/core";
import type { Account, AccountStore } from "./account.js";
import type { Attempts } from "./attempts.js";
import type { CredentialOptions, CredentialSource } from "./credential.js";
import type { Hasher } from "./digest.js";
import type { RefusalNote, StatusStyle } from "./refusal.js";
import type { RequestVerifier } from "./request-verifier.js";

export interface AuthenticateOptions<A extends Account = Account> extends CredentialOptions {
  /** Where accounts come from. */
  readonly accounts: AccountStore<A>;
  /** Where time comes from; default the system's. */
  readonly clock?: Clock | undefined;
  /**
   * The longest that a signature may still hold when it arrives; default 15 minutes in headers, 7 days in pre-signed URLs, and of
   * those 15 minutes where the request changes something: it is remembered that long.
   */
  readonly maxLifetimeMs?:
    | number
    | { readonly header?: number | undefined; readonly url?: number | undefined; readonly changes?: number | undefined }
    | undefined;
  /** Counts failed attempts by login and address, where the address is given; beyond its limit nothing is checked. Default: no limit. */
  readonly attempts?: Attempts | undefined;
  /** How long after its end a signature is still taken, for clients whose clocks are late; default 0. */
  readonly signatureAgeMs?: number | undefined;
  /** Whether a body that is not a form may come without a checksum, so that the signature does not cover it; default false. */
  readonly allowUncoveredBody?: boolean | undefined;
  /** Whether version 1 is taken: SHA-1, without login and tag in the text. Never for accounts with a second factor. Default false. */
  readonly allowVersion1?: boolean | undefined;
  /**
   * Takes requests that are signed by RFC 9421: `messageSignatures({ keys })` of `@bk/auth/message-signatures`. Default: they are not
   * looked at.
   */
  readonly messages?: RequestVerifier | undefined;
  /** What hashes; default Node's own functions, in browsers and workers Web Crypto. */
  readonly hasher?: Hasher | undefined;
  /** Which status numbers refusals have; default `default`. */
  readonly statuses?: StatusStyle | undefined;
}

/** What else is known of one request. */
export interface RequestFacts {
  /** Whether it changes something. */
  readonly changes?: boolean | undefined;
  /** Where it comes from; without it attempts are not counted. */
  readonly address?: string | undefined;
  /** When the request came, in milliseconds since 1970, where it is asked about again: a signature holds that held then, and no use is written down. */
  readonly askedMs?: number | undefined;
  /** Whether a session may begin its time anew, since the reply can tell the client; default true. */
  readonly renews?: boolean | undefined;
  /** Told why the request is refused. */
  readonly onRefused?: ((note: RefusalNote) => void) | undefined;
}

export interface Authenticated<A extends Account> {
  readonly ok: true;
  /** With its secrets: for this package alone. */
  readonly account: A;
  readonly source: CredentialSource;
  readonly digest: string;
  /** When the signature is not taken any more, in milliseconds since 1970. */
  readonly endsMs: number;
  /** The session or token that the server keeps, by the name that its list has. */
  readonly credentialId?: string;
  /** A Set-Cookie header for the reply: a session was renewed. */
  readonly setCookie?: string;
}
