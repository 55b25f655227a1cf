// What authentication asks of sessions and access tokens that a server keeps. The stores themselves are imported by those alone who use them.
import type { Account } from "../account.js";
import type { SessionCookie } from "./session-cookie.js";

/** A session or a token that there is. */
export interface OpenedCredential {
  readonly id: string;
  readonly login: string;
  readonly hasEnded: boolean;
  /** Whether it was made for this account, with the secrets that the account still has. */
  belongsTo(account: Account): boolean;
  /** Whether it may be used for this. */
  allows(method: string, path: string): boolean;
  /**
   * Writes the use down. Gives the new end, in milliseconds since 1970, where it was moved. Never rejects.
   *
   * @param renews  whether the end may be moved
   */
  noteUse(renews: boolean): Promise<number | undefined>;
}

/** Opens what clients hold; undefined when it is nothing of this kind. */
export interface CredentialOpener {
  open(secret: string): Promise<OpenedCredential | undefined>;
}

export interface SessionOpener extends CredentialOpener {
  readonly cookie: SessionCookie;
}
